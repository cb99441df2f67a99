/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * icmp.h - ICMP errors go where the packet that they quote came from (RFC 792, RFC 4443, RFC 5508).
 *
 * An error to a VIP quotes a packet that one of its backends has sent in its name: the flow is the
 * quoted one turned round. An error to a client, on its way through NAT, quotes a packet to a backend.
 */
#ifndef FAIRLEAD_BPF_PICK_ICMP_H
#define FAIRLEAD_BPF_PICK_ICMP_H

#include "admit/lease.h"
#include "admit/limits.h"
#include "admit/sources.h"
#include "forward/echo.h"
#include "forward/reply.h"
#include "observe/count.h"
#include "parse/ip.h"
#include "pick/record.h"
#include "pick/slot.h"
#include "service/lookup.h"

#define QUOTED_TRANSPORT 8 /* bytes of it that RFC 792 promises */

/* The packet that an error quotes. */
struct quote {
	struct pkt p;
	struct addr_words src, dst;
};

static __always_inline int is_error(const struct pkt *p, __u8 type)
{
	if (p->v6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static __always_inline int parse_quoted4(void *ip, void *end, struct pkt *q)
{
	struct iphdr *h = ip;

	if ((void *)(h + 1) > end || h->version != 4 || h->ihl < 5)
		return -1;
	if (h->frag_off & bpf_htons(IP_OFFSET))
		return -1;
	q->proto = h->protocol;
	q->l4 = q->l3 + h->ihl * 4;
	return 0;
}

static __always_inline int parse_quoted6(struct xdp_md *ctx, void *ip, void *end, struct pkt *q)
{
	struct ipv6hdr *h = ip;
	struct chain c = {};
	__u32 off;

	if ((void *)(h + 1) > end || h->version != 6)
		return -1;
	c.proto = h->nexthdr;
	if (walk_ext_headers(ctx, (__u32)q->l3, q->l3_len, &c) != GO_ON || c.frag == FRAG_LATER)
		return -1;
	off = c.off;
	if (off > L4_MAX - ETH_HLEN_MAX)
		return -1;
	q->proto = c.proto;
	q->l4 = q->l3 + off;
	return 0;
}

/* 0 with the quoted packet, whose ports are known; -1: it says too little, or is of another kind. */
static __always_inline int parse_quoted(struct xdp_md *ctx, const struct pkt *p, struct quote *q)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__u32 at = p->l4 + ICMP_HEADER, *ports;
	void *ip = data + at;

	q->p.l3 = at;
	q->p.v6 = p->v6;
	q->p.frag = FRAG_NONE;
	/* All that is quoted, whatever the quoted header says of its length. */
	q->p.l3_len = p->l3 + p->l3_len - at;
	if (p->v6 ? parse_quoted6(ctx, ip, end, &q->p) : parse_quoted4(ip, end, &q->p))
		return -1;
	if (!header_with_ports(q->p.proto) || q->p.l4 + QUOTED_TRANSPORT > at + q->p.l3_len)
		return -1;
	ports = data + q->p.l4;
	if ((void *)ports + QUOTED_TRANSPORT > end)
		return -1;
	q->p.ports = *ports;
	if (addresses(ctx, &q->p, &q->src, &q->dst))
		return -1;
	/* On the wire a mapped address is nobody's. */
	return p->v6 && (is_mapped(&q->src) || is_mapped(&q->dst)) ? -1 : 0;
}

/*
 * Rewrites what is quoted. The ICMP checksum covers it, so it changes by the same difference; that of
 * the quoted transport is left: it is of a packet that no longer is, and seldom quoted whole.
 */
static __always_inline int rewrite_quoted(struct xdp_md *ctx, const struct pkt *p,
					  const struct quote *q, const struct rewrite *r)
{
	__u32 ports = join_ports(r->sport, r->dport), *at = frame(ctx) + q->p.l4;
	__sum16 *check = frame(ctx) + p->l4 + 2;
	void *end = frame_end(ctx);
	__u64 difference = 0, all;
	int v;

	if ((void *)(at + 1) > end || (void *)(check + 1) > end)
		return FL_V_DROP_BUG;
	all = differ(*at, ports);
	*at = ports;
	v = write_addresses(ctx, &q->p, r, &difference);
	if (v != GO_ON)
		return v;
	/* A quoted IPv4 header's own checksum takes up what its addresses change. */
	if (p->v6)
		all += difference;
	check = frame(ctx) + p->l4 + 2;
	if ((void *)(check + 1) > frame_end(ctx))
		return FL_V_DROP_BUG;
	*check = check_by(*check, all);
	return GO_ON;
}

/* What an error to a VIP quotes, as its backend has sent it; its own new addresses into t->rw. */
static __always_inline int quote_of_backend(struct target *t, const struct quote *q,
					    const struct addr_words *src,
					    const struct fl_backend *b, struct rewrite *r)
{
	r->src = q->src;
	r->dst = q->dst;
	r->sport = source_port(q->p.ports);
	r->dport = dest_port(q->p.ports);
	if (b->mode == FL_FWD_FULLNAT) {
		/* t->rw is what the client's packets become; the quoted one goes back. */
		r->src = t->rw.dst;
		r->dst = t->rw.src;
		r->sport = t->rw.dport;
		r->dport = t->rw.sport;
	} else {
		__builtin_memcpy(r->src.a, b->addr, 16);
		r->sport = b->port ? b->port : r->sport;
	}
	/* Full NAT's backend knows the client by the pool's address only, and its network too. */
	t->rw.src = b->mode == FL_FWD_FULLNAT ? r->dst : *src;
	t->rw.dst = r->src;
	t->rewritten = 1;
	return GO_ON;
}

/* What an error to a client quotes, as the client has sent it. */
static __always_inline int quote_of_client(struct target *t, const struct quote *q,
					   const struct addr_words *src, struct rewrite *r)
{
	r->src = t->rw.dst;
	r->dst = t->rw.src;
	r->sport = t->rw.dport;
	r->dport = t->rw.sport;
	/* A router on the way to the backend speaks for itself. */
	if (!equal16(src->a, q->dst.a))
		t->rw.src = *src;
	return GO_ON;
}

/* The quoted packet turned into the one that the receiver knows. GO_ON, or a verdict. */
RARE int turn_quote(struct xdp_md *ctx, const struct pkt *packet, struct target *t, int to_client)
{
	struct pkt mine, *p = &mine;
	struct addr_words src, dst;
	struct fl_backend *b;
	struct quote q = {};
	struct rewrite r;
	int v;

	if (adopt(p, packet) || !t || addresses(ctx, p, &src, &dst) || parse_quoted(ctx, p, &q))
		return FL_V_DROP_BUG;
	if (to_client) {
		quote_of_client(t, &q, &src, &r);
		return rewrite_quoted(ctx, p, &q, &r);
	}
	v = backend_of(t->index, &b);
	if (v != GO_ON || !is_nat(b))
		return v;
	quote_of_backend(t, &q, &src, b, &r);
	return rewrite_quoted(ctx, p, &q, &r);
}

/* Full NAT: the record of the client's packets, whatever the slot says by now. */
static __always_inline int recall_flow(struct target *t, const struct quote *q)
{
	struct fl_nat_flow *f;
	struct fl_nat_key k;

	nat_key(&k, q->dst.a, q->src.a, dest_port(q->p.ports), source_port(q->p.ports), q->p.proto);
	f = bpf_map_lookup_elem(&nat_flows, &k);
	if (!f || f->flags & FL_NAT_BACK)
		return FL_V_DROP_NAT_UNKNOWN;
	return use_record(t, f);
}

/* The backend of the flow that an error is about: its index. */
static __always_inline int pick_quoted(struct target *t, const struct quote *q,
				       const struct fl_service *s)
{
	__u32 turned = join_ports(dest_port(q->p.ports), source_port(q->p.ports));

	t->hash = hash_flow(&q->p, &q->dst, &q->src, turned, s->affinity);
	if (gate_nat && s->flags & FL_SVC_FULLNAT)
		return recall_flow(t, q);
	return slot_of(s, t->hash, &t->index);
}

/*
 * An error to a VIP goes where the client's packets go: GO_ON_ODD, or a verdict. ODD: it is to
 * nobody's address here.
 */
RARE int error_to_vip(struct xdp_md *ctx, const struct pkt *packet, struct target *t, __u64 bytes)
{
	struct pkt mine, *p = &mine;
	struct addr_words src, dst;
	struct fl_service *s;
	struct quote q = {};
	int v;

	if (adopt(p, packet) || !t || addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	if (!find_vip(&dst))
		return ODD;
	if (parse_quoted(ctx, p, &q) || !equal16(dst.a, q.src.a))
		return FL_V_PASS_NOT_SERVICE;
	s = find_service(&q.src, source_port(q.p.ports), q.p.proto, &t->id);
	if (!s) {
		t->id = 0;
		return FL_V_PASS_NOT_SERVICE;
	}
	count_service(t->id, bytes);
	v = admit_lease();
	/* A service's own list is of its clients; errors come from routers on the way to them. */
	if (v == GO_ON)
		v = admit_source(&src, NULL, 0);
	if (v == GO_ON)
		v = pick_quoted(t, &q, s);
	return v == GO_ON ? GO_ON_ODD : v;
}

/* An error on its way from a backend, or from a router before it, to a client of NAT. */
RARE int error_to_client(struct xdp_md *ctx, const struct pkt *packet, struct target *t)
{
	struct pkt mine, *p = &mine;
	struct addr_words src, dst;
	struct quote q = {};
	struct fl_nat_key k;
	int v;

	if (adopt(p, packet) || !t || addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	if (parse_quoted(ctx, p, &q) || !equal16(dst.a, q.src.a))
		return FL_V_PASS_NOT_SERVICE;
	/* The reply that the quoted packet would have had. */
	nat_key(&k, q.dst.a, q.src.a, dest_port(q.p.ports), source_port(q.p.ports), q.p.proto);
	if (find_reply(t, &k, 0))
		return FL_V_PASS_NOT_SERVICE;
	t->rewritten = 1;
	v = admit_source(&src, NULL, 0);
	return v == GO_ON ? TO_CLIENT : v;
}

/* ICMP that is no fragment: GO_ON_ODD, TO_CLIENT, or a verdict. */
static __always_inline int steer_icmp(struct xdp_md *ctx, const struct pkt *p, struct target *t,
				      __u64 bytes)
{
	__u8 *icmp = frame(ctx) + p->l4, type, code;
	int v;

	if ((void *)(icmp + ICMP_HEADER) > frame_end(ctx))
		return FL_V_PASS_MALFORMED;
	type = icmp[0];
	code = icmp[1];
	t->send = XDP_TX;
	if (is_echo(p, type, code))
		return answer_echo(ctx, p);
	if (!is_error(p, type))
		return FL_V_PASS_NOT_SERVICE;
	v = error_to_vip(ctx, p, t, bytes);
	if (v == ODD)
		v = gate_nat ? error_to_client(ctx, p, t) : FL_V_PASS_NOT_SERVICE;
	if (v != GO_ON_ODD || !gate_nat)
		return v;
	v = turn_quote(ctx, p, t, 0);
	return v == GO_ON ? GO_ON_ODD : v;
}

#endif
