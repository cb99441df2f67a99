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
#include "admit/sources.h"
#include "forward/echo.h"
#include "forward/reply.h"
#include "observe/count.h"
#include "parse/ip.h"
#include "pick/moving.h"
#include "pick/record.h"
#include "pick/slot.h"
#include "service/lookup.h"

#define QUOTED_TRANSPORT 8 /* bytes of it that RFC 792 promises */

/* An ICMP error: whose it is, and the packet that it quotes. */
struct quote {
	struct pkt p; /* offsets into the frame that holds the error */
	struct addr_words src, dst; /* of the quoted packet */
	struct addr_words from, to; /* of the error */
};

static __always_inline int is_error(const struct pkt *p, __u8 type)
{
	if (p->v6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static __always_inline int parse_quoted4(const struct xdp_md *ctx, struct pkt *q)
{
	struct iphdr *h = at(ctx, q->l3);

	if ((void *)(h + 1) > frame_end(ctx) || h->version != 4 || h->ihl < 5)
		return -1;
	if (h->frag_off & bpf_htons(IP_OFFSET))
		return -1;
	q->proto = h->protocol;
	q->l4 = q->l3 + h->ihl * 4;
	return 0;
}

static __always_inline int parse_quoted6(struct xdp_md *ctx, struct pkt *q)
{
	struct ipv6hdr *h = at(ctx, q->l3);

	if ((void *)(h + 1) > frame_end(ctx) || h->version != 6)
		return -1;
	q->proto = h->nexthdr;
	q->l4 = q->l3 + sizeof(*h);
	return skip_ext_headers(ctx, q) != GO_ON || q->frag == FRAG_LATER ? -1 : 0;
}

/* 0 with the quoted packet, whose ports are known; -1: it says too little, or is of another kind. */
RARE int parse_quoted(struct xdp_md *ctx, const struct pkt *p, struct quote *q)
{
	__u32 *ports;

	if (!p || !q)
		return -1;
	q->p.l3 = p->l4 + ICMP_HEADER;
	q->p.v6 = p->v6;
	q->p.frag = FRAG_NONE;
	/* All that is quoted, whatever the quoted header says of its length. */
	q->p.l3_len = (__u32)(p->l3 + p->l3_len - q->p.l3);
	if (p->v6 ? parse_quoted6(ctx, &q->p) : parse_quoted4(ctx, &q->p))
		return -1;
	if (!header_with_ports(q->p.proto) || q->p.l4 + QUOTED_TRANSPORT > q->p.l3 + q->p.l3_len)
		return -1;
	ports = at(ctx, q->p.l4);
	if ((void *)ports + QUOTED_TRANSPORT > frame_end(ctx))
		return -1;
	q->p.ports = *ports;
	return addresses(ctx, &q->p, &q->src, &q->dst);
}

/* The quoted packet is one of a flow of NAT, seen from the other side: what it becomes. */
static __always_inline void quote_becomes(struct quote *q, const struct addr_words *src,
					  const struct addr_words *dst, __be16 sport, __be16 dport)
{
	q->src = *src;
	q->dst = *dst;
	q->p.ports = join_ports(sport, dport);
}

/* The quoted packet as the backend sent it, and the error's own new addresses into t->rw. */
static __always_inline int quote_of_backend(struct xdp_md *ctx, const struct pkt *p,
					    struct target *t, struct quote *q)
{
	const struct fl_backend *b = backend_at(t->index);
	struct addr_words addr;
	__be16 port;

	if (!b || !is_nat(b->mode))
		return GO_ON;
	if (t->rewritten) {
		/*
		 * Full NAT: t->rw is what the client's packets become, the quoted one goes back. The
		 * backend knows the client by the pool's address only, and whoever complains too.
		 */
		quote_becomes(q, &t->rw.dst, &t->rw.src, t->rw.dport, t->rw.sport);
		return rewrite_quoted(ctx, p, &q->p, &q->src, &q->dst);
	}
	copy16(addr.a, b->addr);
	port = b->port ? b->port : source_port(q->p.ports);
	quote_becomes(q, &addr, &q->dst, port, dest_port(q->p.ports));
	t->rw.src = q->from;
	t->rw.dst = addr;
	t->rewritten = 1;
	return rewrite_quoted(ctx, p, &q->p, &q->src, &q->dst);
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

/* An error to a VIP: GO_ON with the target of the flow that it is about. */
static __always_inline int error_to_vip(struct xdp_md *ctx, const struct pkt *p, struct target *t,
					struct quote *q)
{
	__u32 turned = join_ports(dest_port(q->p.ports), source_port(q->p.ports));
	struct fl_service *s;
	int v;

	if (!equal16(q->to.a, q->src.a))
		return FL_V_PASS_NOT_SERVICE;
	s = find_service(&q->src, source_port(q->p.ports), q->p.proto, &t->id);
	if (!s) {
		t->id = 0;
		return FL_V_PASS_NOT_SERVICE;
	}
	v = admit_lease(s->flags & FL_SVC_GROUP);
	if (v == GO_ON)
		v = admit_source(&q->from, NULL, 0);
	if (v != GO_ON)
		return v;
	/* The client's packet: from the quoted destination to the quoted source. */
	t->hash = hash_flow(&q->p, &q->dst, &q->src, turned, s->affinity);
	if (gate_nat && s->flags & FL_SVC_FULLNAT)
		v = recall_flow(t, q);
	else
		v = slot_of(s, t->hash, &t->index);
	if (v == GO_ON && t->index & FL_SLOT_DIRTY)
		t->index = pick_dirty_error(&q->src, &q->dst, turned,
					    t->index | (__u32)q->p.proto << 16,
					    (__u64)t->id << 32 | ((__u32)t->hash & s->slot_mask));
	if (v == GO_ON && gate_nat && t->index != FL_SLOT_NONE)
		v = quote_of_backend(ctx, p, t, q);
	return v;
}

/* An error on its way from a backend, or from a router before it, to a client of NAT. */
static __always_inline int error_to_client(struct xdp_md *ctx, struct pkt *p, struct target *t,
					   struct quote *q)
{
	struct fl_nat_key k;

	if (!equal16(q->to.a, q->src.a))
		return FL_V_PASS_NOT_SERVICE;
	/* The reply that the quoted packet would have had. */
	nat_key(&k, q->dst.a, q->src.a, dest_port(q->p.ports), source_port(q->p.ports), q->p.proto);
	if (find_reply(t, &k, QUOTED))
		return FL_V_PASS_NOT_SERVICE;
	quote_becomes(q, &t->rw.dst, &t->rw.src, t->rw.dport, t->rw.sport);
	/* A router speaks for itself, the backend in the VIP's name. */
	if (!equal16(q->from.a, k.saddr))
		t->rw.src = q->from;
	t->rewritten = 1;
	return send_reply(ctx, p, t, &q->p, &q->src);
}

/* GO_ON with the target of an error to a VIP, or a verdict. */
static __always_inline int resolve_icmp(struct xdp_md *ctx, struct pkt *p, struct target *t)
{
	__u8 *icmp = at(ctx, p->l4);
	struct quote q = {};

	if ((void *)(icmp + ICMP_HEADER) > frame_end(ctx))
		return FL_V_PASS_MALFORMED;
	if (addresses(ctx, p, &q.from, &q.to) || looks_mapped(p, &q.from, &q.to))
		return FL_V_PASS_NOT_SERVICE;
	if (is_echo(p, icmp[0], icmp[1]))
		return answer_echo(ctx, p, t, &q.from, &q.to);
	if (!is_error(p, icmp[0]) || parse_quoted(ctx, p, &q) || looks_mapped(p, &q.src, &q.dst))
		return FL_V_PASS_NOT_SERVICE;
	if (find_vip(&q.to))
		return error_to_vip(ctx, p, t, &q);
	return gate_nat ? error_to_client(ctx, p, t, &q) : FL_V_PASS_NOT_SERVICE;
}

#endif
