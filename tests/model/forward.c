/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.c - sections 5 and 9: next hop, TTL, size; l2, ipip, gue; what is too big. */
#include "internal.h"

#include <arpa/inet.h>
#include <string.h>

#define QUOTE4_MAX 548
#define QUOTE4_LEAST 68
#define QUOTE6_MAX 1232
#define IPV4_MIN_MTU 68 /* RFC 791 */
#define IPV6_MIN_MTU 1280

static const struct fl_hop *hop_of(const struct fl_backend *b)
{
	return &b->hop[b->hop_live & 1];
}

static enum fl_verdict leave_by(struct run *r, uint32_t ifindex)
{
	const struct world_port *port = world__port(r->w, ifindex);

	if (!ifindex || (ifindex != r->at->ingress && (!port || !port->tx)))
		return FL_V_DROP_NO_NEXTHOP;
	r->out->egress = ifindex;
	return GO_ON;
}

enum fl_verdict forward__check(struct run *r, const struct way *way)
{
	const struct fl_backend *b;
	const struct fl_hop *hop;
	enum fl_verdict v;

	if (way->backend == FL_SLOT_NONE)
		return FL_V_DROP_NO_BACKEND;
	b = &r->w->backends[way->backend];
	if (b->mode == FL_FWD_NONE)
		return FL_V_DROP_BUG;
	hop = hop_of(b);
	v = leave_by(r, hop->ifindex);
	if (v != GO_ON)
		return v;
	if (b->mode != FL_FWD_L2 && r->p.ttl <= 1)
		return FL_V_DROP_TTL;
	if (hop->mtu && r->p.l3_len + world__overhead(b->mode) - hop->mtu <= 1)
		r->w->edges[b->mode][r->p.l3_len + world__overhead(b->mode) - hop->mtu]++;
	if (hop->mtu && r->p.l3_len + world__overhead(b->mode) > hop->mtu)
		return too_big(r, hop->mtu > world__overhead(b->mode) + IPV4_MIN_MTU
					  ? hop->mtu - world__overhead(b->mode)
					  : IPV4_MIN_MTU);
	return GO_ON;
}

/* The inner packet's TTL or hop limit and its IPv4 checksum, RFC 1141. */
static void age_inner(struct run *r)
{
	uint8_t *ip = r->out->out.b + r->l3_out;

	if (r->p.version == 6) {
		ip[7]--;
		return;
	}
	ip[8]--;
	put16(ip + 10, (get16(ip + 10) + 0x100) % 0xffff);
}

/* The 32 bits that vary with the flow, into a network-order word. */
static void vary(uint8_t *at, __be32 mask, uint64_t hash)
{
	uint32_t bits = (uint32_t)(hash >> 32) & mask, word;

	memcpy(&word, at, 4);
	word |= bits;
	memcpy(at, &word, 4);
}

static void write_outer4(const struct run *r, const struct way *way, uint8_t *h, uint32_t len,
			 uint8_t proto)
{
	const struct fl_backend *b = &r->w->backends[way->backend];

	h[0] = 0x45;
	h[1] = r->p.tos;
	put16(h + 2, len);
	put16(h + 6, 0x4000);
	h[8] = 64;
	h[9] = proto;
	memcpy(h + 12, &b->src4, 4);
	vary(h + 12, b->src_mask, way->hash);
	memcpy(h + 16, &b->dst4, 4);
	put16(h + 10, sum_fold(sum16(h, IPV4_LEN)));
}

static void write_outer6(const struct run *r, const struct way *way, uint8_t *h, uint32_t len,
			 uint8_t proto)
{
	const struct fl_backend *b = &r->w->backends[way->backend];

	put32(h, 6U << 28 | (uint32_t)r->p.tos << 20 | (uint32_t)(way->hash >> 44));
	put16(h + 4, len - IPV6_LEN);
	h[6] = proto;
	h[7] = 64;
	memcpy(h + 8, b->src6, 16);
	vary(h + 20, b->src_mask, way->hash);
	memcpy(h + 24, b->addr, 16);
}

/* Whether the inner checksum lets the outer one be known (RFC 8200 8.1 against RFC 6935 5). */
static bool inner_is_summed(const struct run *r, const uint8_t *inner)
{
	const uint8_t *l4 = inner + (r->p.l4 - r->p.l3);

	if (r->p.part != PART_WHOLE || (r->p.version == 6 && r->p.l4 - r->p.l3 != IPV6_LEN))
		return false;
	if (r->p.proto == PROTO_TCP)
		return get16(l4 + 16) != 0;
	/* Bytes behind the datagram are covered by no checksum. */
	return r->p.proto == PROTO_UDP && get16(l4 + 6) != 0 &&
	       get16(l4 + 4) == r->p.l3_len - (r->p.l4 - r->p.l3);
}

/*
 * The sum of the inner packet as it would be if its checksums were right: that is what local checksum
 * offload relies on. Computed over a copy that is put right.
 */
static uint64_t inner_sum(const struct run *r, const uint8_t *inner)
{
	static uint8_t copy[FRAME_MAX];
	uint32_t l4 = r->p.l4 - r->p.l3, len = r->p.l3_len - l4;
	uint8_t *field = copy + l4 + (r->p.proto == PROTO_TCP ? 16 : 6), *addrs;
	uint64_t pseudo;

	memcpy(copy, inner, r->p.l3_len);
	put16(field, 0);
	if (r->p.version == 4) {
		put16(copy + 10, 0);
		put16(copy + 10, sum_fold(sum16(copy, l4)));
	}
	addrs = r->p.version == 4 ? copy + 12 : copy + 8;
	pseudo = sum_pseudo(r->p.version, addrs, addrs + (r->p.version == 4 ? 4 : 16), len,
			    r->p.proto);
	put16(field, sum_fold(sum16(copy + l4, len) + pseudo));
	return sum16(copy, r->p.l3_len);
}

static void write_gue(const struct run *r, const struct way *way, bool outer6, uint8_t carries)
{
	const struct fl_backend *b = &r->w->backends[way->backend];
	uint8_t *inner = (uint8_t *)r->out->out.b + r->l3_out, *h = inner - WORLD_GUE_LEN;
	uint32_t len = WORLD_GUE_LEN + r->p.l3_len;
	const uint8_t *ip = h - IPV6_LEN;
	uint32_t sum;

	put16(h, 0xc000 | (uint32_t)(way->hash >> 48 & 0x3fff));
	put16(h + 2, ntohs(b->port));
	put16(h + 4, len);
	h[9] = carries;
	if (!outer6 || !inner_is_summed(r, inner))
		return;
	sum = sum_fold(sum_pseudo(6, ip + 8, ip + 24, len, PROTO_UDP) + sum16(h, WORLD_GUE_LEN) +
		       inner_sum(r, inner));
	put16(h + 6, sum ? sum : 0xffff);
}

static void write_tunnel(struct run *r, const struct way *way)
{
	const struct fl_backend *b = &r->w->backends[way->backend];
	bool outer6 = b->mode == FL_FWD_IPIP6 || b->mode == FL_FWD_GUE6;
	bool gue = b->mode == FL_FWD_GUE4 || b->mode == FL_FWD_GUE6;
	uint8_t carries = r->p.version == 4 ? PROTO_IPV4 : PROTO_IPV6;
	uint8_t proto = gue ? PROTO_UDP : carries;
	uint32_t room = world__overhead(b->mode), len = room + r->p.l3_len;
	uint8_t *h;

	link__header(r, hop_of(b), room, outer6 ? TYPE_IPV6 : TYPE_IPV4);
	h = r->out->out.b + r->l3_out - room;
	age_inner(r);
	if (outer6)
		write_outer6(r, way, h, len, proto);
	else
		write_outer4(r, way, h, len, proto);
	if (gue)
		write_gue(r, way, outer6, carries);
}

enum fl_verdict forward__send(struct run *r, const struct way *way)
{
	const struct fl_backend *b = &r->w->backends[way->backend];
	uint16_t type = r->p.version == 4 ? TYPE_IPV4 : TYPE_IPV6;

	r->out->backend = way->backend;
	switch (b->mode) {
	case FL_FWD_L2:
		link__header(r, hop_of(b), 0, type);
		return FL_V_SEND_L2;
	case FL_FWD_NAT:
	case FL_FWD_FULLNAT:
		link__header(r, hop_of(b), 0, type);
		rewrite__nat(r, way);
		return b->mode == FL_FWD_NAT ? FL_V_SEND_NAT : FL_V_SEND_FULLNAT;
	case FL_FWD_IPIP4:
	case FL_FWD_IPIP6:
		write_tunnel(r, way);
		return FL_V_SEND_IPIP;
	default:
		write_tunnel(r, way);
		return FL_V_SEND_GUE;
	}
}

static void write_notice4(const struct run *r, uint8_t *h, uint32_t quoted, uint32_t mtu)
{
	const uint8_t *ip = r->in->b + r->p.l3;
	uint8_t *icmp = h + IPV4_LEN;

	h[0] = 0x45;
	put16(h + 2, IPV4_LEN + 8 + quoted);
	put16(h + 6, 0x4000);
	h[8] = 64;
	h[9] = PROTO_ICMP;
	memcpy(h + 12, ip + 16, 4);
	memcpy(h + 16, ip + 12, 4);
	put16(h + 10, sum_fold(sum16(h, IPV4_LEN)));
	icmp[0] = 3; /* destination unreachable, RFC 792 */
	icmp[1] = 4; /* fragmentation needed */
	put16(icmp + 6, mtu);
	memcpy(icmp + 8, ip, quoted);
	put16(icmp + 2, sum_fold(sum16(icmp, 8 + quoted)));
}

static void write_notice6(const struct run *r, uint8_t *h, uint32_t quoted, uint32_t mtu)
{
	const uint8_t *ip = r->in->b + r->p.l3;
	uint8_t *icmp = h + IPV6_LEN;

	put32(h, 6U << 28);
	put16(h + 4, 8 + quoted);
	h[6] = PROTO_ICMP6;
	h[7] = 64;
	memcpy(h + 8, ip + 24, 16);
	memcpy(h + 24, ip + 8, 16);
	icmp[0] = 2; /* packet too big, RFC 4443 3.2 */
	put32(icmp + 4, mtu < IPV6_MIN_MTU ? IPV6_MIN_MTU : mtu);
	memcpy(icmp + 8, ip, quoted);
	put16(icmp + 2, sum_fold(sum16(icmp, 8 + quoted) +
				 sum_pseudo(6, h + 8, h + 24, 8 + quoted, PROTO_ICMP6)));
}

enum fl_verdict too_big(struct run *r, uint32_t mtu)
{
	struct frame *out = &r->out->out;
	uint32_t most = r->p.version == 4 ? QUOTE4_MAX : QUOTE6_MAX;
	uint32_t quoted = most;
	uint8_t *h = out->b + r->p.l3;

	if (r->p.version == 4 && r->p.l3_len < most)
		quoted = QUOTE4_LEAST;
	if (!r->p.df || r->p.part != PART_WHOLE || r->error || r->p.l3_len < quoted ||
	    !icmp__answerable(&r->p))
		return FL_V_DROP_TOO_BIG;
	memcpy(out->b, r->in->b + 6, 6);
	memcpy(out->b + 6, r->in->b, 6);
	memset(h, 0, IPV6_LEN + 8);
	if (r->p.version == 4) {
		write_notice4(r, h, quoted, mtu);
		out->len = r->p.l3 + IPV4_LEN + 8 + quoted;
	} else {
		write_notice6(r, h, quoted, mtu);
		out->len = r->p.l3 + IPV6_LEN + 8 + quoted;
	}
	r->out->egress = r->at->ingress;
	return FL_V_SEND_TOO_BIG;
}
