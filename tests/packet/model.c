/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <string.h>

#define MAX_CHAIN 6
#define MAX_CHAIN_BYTES 1024

struct seen {
	uint32_t l3, len, l4; /* offsets of IP and of the ports, bytes of the IP packet */
	uint16_t type;
	struct spec flow; /* version, addresses, ports, protocol, TOS and TTL as read */
};

static uint32_t get16(const struct frame *f, uint32_t at)
{
	return (uint32_t)f->b[at] << 8 | f->b[at + 1];
}

static void put16(struct frame *f, uint32_t at, uint32_t v)
{
	f->b[at] = (uint8_t)(v >> 8);
	f->b[at + 1] = (uint8_t)v;
}

/* Where IP starts; false when the frame ends in its tags. */
static bool see_link(const struct frame *f, struct seen *s)
{
	uint32_t at = 12;

	for (int tags = 0; tags <= 2; tags++, at += 4) {
		if (at + 2 > f->len)
			return false;
		s->type = (uint16_t)get16(f, at);
		if (s->type != TYPE_VLAN && s->type != TYPE_QINQ)
			break;
		if (tags == 2)
			break;
	}
	s->l3 = at + 2;
	return s->l3 <= f->len;
}

static enum fl_verdict see_ipv4(const struct frame *f, struct seen *s)
{
	uint32_t ip = s->l3, header;

	if (ip + 20 > f->len || f->b[ip] >> 4 != 4)
		return FL_V_PASS_MALFORMED;
	header = (f->b[ip] & 15U) * 4;
	s->len = get16(f, ip + 2);
	if (header < 20 || s->len < header || ip + s->len > f->len)
		return FL_V_PASS_MALFORMED;
	if (get16(f, ip + 6) % 0x4000)
		return FL_V_PASS_FRAGMENT;
	s->l4 = ip + header;
	s->flow.ip.version = 4;
	s->flow.ip.tos = f->b[ip + 1];
	s->flow.ip.ttl = f->b[ip + 8];
	s->flow.proto = f->b[ip + 9];
	memcpy(s->flow.ip.src, f->b + ip + 12, 4);
	memcpy(s->flow.ip.dst, f->b + ip + 16, 4);
	return FL_VERDICTS;
}

static enum fl_verdict see_ipv6(const struct frame *f, struct seen *s)
{
	uint32_t ip = s->l3, at = ip + 40, next;

	if (at > f->len || f->b[ip] >> 4 != 6)
		return FL_V_PASS_MALFORMED;
	s->len = 40 + get16(f, ip + 4);
	if (ip + s->len > f->len)
		return FL_V_PASS_MALFORMED;
	next = f->b[ip + 6];
	for (int n = 0;
	     next == PROTO_HOP || next == PROTO_ROUTING || next == PROTO_DEST || next == PROTO_AH;
	     n++) {
		uint32_t bytes;

		if (at + 2 > f->len)
			return FL_V_PASS_MALFORMED;
		bytes = next == PROTO_AH ? f->b[at + 1] * 4U + 8 : f->b[at + 1] * 8U + 8;
		next = f->b[at];
		at += bytes;
		if (n == MAX_CHAIN || at - ip - 40 > MAX_CHAIN_BYTES)
			return FL_V_PASS_NOT_SERVICE;
	}
	if (next == PROTO_FRAGMENT)
		return FL_V_PASS_FRAGMENT;
	s->l4 = at;
	s->flow.ip.version = 6;
	s->flow.ip.tos = (uint8_t)(get16(f, ip) >> 4);
	s->flow.ip.ttl = f->b[ip + 7];
	s->flow.proto = (uint8_t)next;
	memcpy(s->flow.ip.src, f->b + ip + 8, 16);
	memcpy(s->flow.ip.dst, f->b + ip + 24, 16);
	return FL_VERDICTS;
}

/* FL_VERDICTS: a packet for a service. */
static enum fl_verdict see(const struct frame *f, struct seen *s)
{
	enum fl_verdict v;
	bool vip;

	if (!see_link(f, s))
		return FL_V_PASS_MALFORMED;
	if (s->type != TYPE_IPV4 && s->type != TYPE_IPV6)
		return FL_V_PASS_NOT_IP;
	v = s->type == TYPE_IPV4 ? see_ipv4(f, s) : see_ipv6(f, s);
	if (v != FL_VERDICTS)
		return v;
	if (s->flow.proto != PROTO_TCP && s->flow.proto != PROTO_UDP)
		return FL_V_PASS_NOT_SERVICE;
	if (s->l4 + (s->flow.proto == PROTO_TCP ? 20 : 8) > s->l3 + s->len)
		return FL_V_PASS_MALFORMED;
	s->flow.sport = (uint16_t)get16(f, s->l4);
	s->flow.dport = (uint16_t)get16(f, s->l4 + 2);
	vip = s->type == TYPE_IPV4 ? memcmp(s->flow.ip.dst, rig_vip4, 4) == 0
				   : memcmp(s->flow.ip.dst, rig_vip6, 16) == 0;
	return vip && s->flow.dport == RIG_PORT ? FL_VERDICTS : FL_V_PASS_NOT_SERVICE;
}

static void write_outer4(const struct rig_backend *b, const struct seen *s, uint32_t flow,
			 struct frame *out, uint32_t at)
{
	out->b[at] = 0x45;
	out->b[at + 1] = s->flow.ip.tos;
	put16(out, at + 2, s->len + 20);
	put16(out, at + 4, b->tunnel.id);
	put16(out, at + 6, b->tunnel.frag);
	out->b[at + 8] = b->tunnel.ttl;
	out->b[at + 9] = s->type == TYPE_IPV6 ? PROTO_IPV6 : PROTO_IPV4;
	put16(out, at + 10, 0);
	memcpy(out->b + at + 12, b->tunnel.src, 4);
	memcpy(out->b + at + 16, b->tunnel.dst, 4);
	put16(out, at + 12, get16(out, at + 12) | (flow >> 16));
	put16(out, at + 14, get16(out, at + 14) | (flow & 0xffff));
	put16(out, at + 10, build__checksum(out->b + at, 20));
}

static void write_outer6(const struct rig_backend *b, const struct seen *s, uint32_t flow,
			 uint32_t label, struct frame *out, uint32_t at)
{
	put16(out, at, 0x6000U | (uint32_t)s->flow.ip.tos << 4 | label >> 16);
	put16(out, at + 2, label);
	put16(out, at + 4, s->len);
	out->b[at + 6] = s->type == TYPE_IPV6 ? PROTO_IPV6 : PROTO_IPV4;
	out->b[at + 7] = b->tunnel.ttl;
	memcpy(out->b + at + 8, b->tunnel.src, 16);
	memcpy(out->b + at + 24, b->tunnel.dst, 16);
	put16(out, at + 20, get16(out, at + 20) | (flow >> 16));
	put16(out, at + 22, get16(out, at + 22) | (flow & 0xffff));
}

static enum fl_verdict tunnel(const struct rig *r, const struct frame *in,
			      const struct rig_backend *b, const struct seen *s, struct frame *out)
{
	uint32_t room = b->mode == FL_FWD_IPIP6 ? 40 : 20;
	uint64_t hash = rig__hash(r, &s->flow);
	uint8_t first[4];
	uint32_t flow, inner;

	if (b->mtu && s->len + room > b->mtu)
		return FL_V_DROP_TOO_BIG;
	if (s->flow.ip.ttl < 2)
		return FL_V_DROP_TTL;
	memcpy(first, &(uint32_t){(uint32_t)(hash >> 32)}, 4);
	flow = (uint32_t)first[0] << 24 | (uint32_t)first[1] << 16 | (uint32_t)first[2] << 8 |
	       first[3];
	out->len = in->len + room;
	memcpy(out->b, in->b, s->l3);
	memcpy(out->b + s->l3 + room, in->b + s->l3, in->len - s->l3);
	put16(out, s->l3 - 2, room == 40 ? TYPE_IPV6 : TYPE_IPV4);
	inner = s->l3 + room;
	if (s->type == TYPE_IPV6) {
		out->b[inner + 7]--;
	} else {
		out->b[inner + 8]--;
		/* One's complement: what a right checksum becomes, and a wrong one stays as wrong. */
		put16(out, inner + 10, (get16(in, s->l3 + 10) + 0x100) % 0xffff);
	}
	if (room == 40)
		write_outer6(b, s, flow & b->src_mask, (uint32_t)(hash >> 44), out, s->l3);
	else
		write_outer4(b, s, flow & b->src_mask, out, s->l3);
	return FL_V_SEND_IPIP;
}

enum fl_verdict model__lb(const struct rig *r, const struct frame *in, uint32_t index,
			  struct frame *out)
{
	const struct rig_backend *b = &r->be[index];
	struct seen s = {};
	enum fl_verdict v;

	out->len = in->len;
	memcpy(out->b, in->b, in->len);
	v = see(in, &s);
	if (v != FL_VERDICTS)
		return v;
	v = b->mode == FL_FWD_L2 ? FL_V_SEND_L2 : tunnel(r, in, b, &s, out);
	if (v == FL_V_SEND_L2 || v == FL_V_SEND_IPIP) {
		memcpy(out->b, b->hop.dmac, 6);
		memcpy(out->b + 6, b->hop.smac, 6);
	}
	return v;
}

/* Bytes of the outer header, 0 for a frame that is no tunnel's; what it carries and its ECN. */
static uint32_t see_outer(const struct frame *f, const struct seen *s, uint32_t *carried,
			  uint32_t *proto, uint32_t *ecn)
{
	struct seen outer = *s;
	uint32_t header = 40, ip = s->l3;

	if (s->type == TYPE_IPV4) {
		if (see_ipv4(f, &outer) != FL_VERDICTS)
			return 0;
		*proto = outer.flow.proto;
		*ecn = f->b[ip + 1] % 4;
		*carried = outer.len - (outer.l4 - ip);
		return outer.l4 - ip;
	}
	if (s->type != TYPE_IPV6 || ip + 40 > f->len || f->b[ip] >> 4 != 6 ||
	    ip + 40 + get16(f, ip + 4) > f->len)
		return 0;
	*carried = get16(f, ip + 4);
	*proto = f->b[ip + 6];
	*ecn = f->b[ip + 1] >> 4 & 3;
	if (*proto == PROTO_DEST) {
		if (*carried < 8 || f->b[ip + 41])
			return 0;
		*proto = f->b[ip + 40];
		header += 8;
		*carried -= 8;
	}
	return header;
}

bool model__decap(const struct frame *in, struct frame *out)
{
	/* RFC 6040 figure 4, by the values of the fields: Not-ECT, ECT(1), ECT(0), CE; 9: drop. */
	static const uint8_t merged[4][4] = {
		{0, 0, 0, 9}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
	uint32_t header, carried = 0, proto = 0, ecn = 0, at, old, sum;
	struct seen s = {};

	out->len = in->len;
	memcpy(out->b, in->b, in->len);
	if (!see_link(in, &s))
		return true;
	header = see_outer(in, &s, &carried, &proto, &ecn);
	at = s.l3 + header;
	if (!header || (proto != PROTO_IPV4 && proto != PROTO_IPV6))
		return true;
	if (proto == PROTO_IPV4) {
		if (at + 20 > in->len || in->b[at] >> 4 != 4 || get16(in, at + 2) > carried ||
		    in->b[at] % 16 < 5 || get16(in, at + 2) < in->b[at] % 16 * 4)
			return true;
		old = in->b[at + 1] % 4;
	} else {
		if (at + 40 > in->len || in->b[at] >> 4 != 6 || 40 + get16(in, at + 4) > carried)
			return true;
		old = in->b[at + 1] >> 4 & 3;
	}
	if (merged[old][ecn] == 9)
		return false;
	out->len = in->len - header;
	memmove(out->b + s.l3, in->b + at, in->len - at);
	put16(out, s.l3 - 2, proto == PROTO_IPV6 ? TYPE_IPV6 : TYPE_IPV4);
	if (proto == PROTO_IPV6) {
		out->b[s.l3 + 1] = (uint8_t)((in->b[at + 1] & 0xcf) | merged[old][ecn] << 4);
	} else if (merged[old][ecn] != old) {
		out->b[s.l3 + 1] = (uint8_t)(in->b[at + 1] - old + merged[old][ecn]);
		/* RFC 1624 3: the sum without the old field, with the new one. */
		sum = (0xffff - get16(in, at + 10)) + (0xffff - old) + merged[old][ecn];
		while (sum > 0xffff)
			sum = sum % 0x10000 + sum / 0x10000;
		put16(out, s.l3 + 10, 0xffff - sum);
	}
	return true;
}
