/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply.h - from a backend back to the client, in the VIP's name (RFC 3022 4.1, 2.2).
 *
 * Where a client is, only the kernel's routes say. A reply to an address of this machine (a probe's)
 * is left to the kernel as it came.
 */
#ifndef FAIRLEAD_BPF_FORWARD_REPLY_H
#define FAIRLEAD_BPF_FORWARD_REPLY_H

#include "forward/forward.h"
#include "observe/event.h"
#include "pick/fragment.h"
#include "pick/record.h"

#define AF_INET 2
#define AF_INET6 10

static __always_inline void fib_question(struct bpf_fib_lookup *q, const struct xdp_md *ctx,
					 const struct pkt *p, const struct rewrite *r)
{
	q->l4_protocol = p->proto;
	q->sport = r->sport;
	q->dport = r->dport;
	q->tot_len = (__u16)p->l3_len;
	q->ifindex = ctx->ingress_ifindex;
	if (p->v6) {
		q->family = AF_INET6;
		q->flowinfo = bpf_htonl((__u32)p->tos << 20);
		copy16(q->ipv6_src, r->src.a);
		copy16(q->ipv6_dst, r->dst.a);
	} else {
		q->family = AF_INET;
		q->tos = p->tos;
		q->ipv4_src = ipv4_of(&r->src);
		q->ipv4_dst = ipv4_of(&r->dst);
	}
}

/* GO_ON with the way to the client, or a verdict. */
RARE int way_to(struct xdp_md *ctx, const struct pkt *p, const struct rewrite *r,
		struct fl_hop *hop)
{
	struct bpf_fib_lookup q = {};
	const struct fl_vlan_port *vlan;
	long rc;

	if (!p || !r || !hop)
		return FL_V_DROP_BUG;
	fib_question(&q, ctx, p, r);
	rc = bpf_fib_lookup(ctx, &q, sizeof(q), 0);
	if (rc == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return p->df ? FL_V_PASS_TOO_BIG : FL_V_DROP_TOO_BIG;
	if (rc == BPF_FIB_LKUP_RET_NO_NEIGH) {
		want_neighbour(&r->dst, ctx->ingress_ifindex);
		return FL_V_DROP_NO_NEXTHOP;
	}
	if (rc != BPF_FIB_LKUP_RET_SUCCESS)
		return FL_V_PASS_LOCAL;
	__builtin_memcpy(hop->dmac, q.dmac, sizeof(hop->dmac));
	__builtin_memcpy(hop->smac, q.smac, sizeof(hop->smac));
	hop->ifindex = q.ifindex;
	vlan = bpf_map_lookup_elem(&vlan_ports, &q.ifindex);
	if (vlan) {
		hop->ifindex = vlan->ifindex;
		hop->vlan = vlan->vlan;
	}
	return GO_ON;
}

/*
 * Sends the packet as t->rw says. What is left to the kernel must not have been rewritten, so the way
 * comes first; `quoted` (may be NULL) is then rewritten too, to addresses[0] and [1].
 */
static __always_inline int send_reply(struct xdp_md *ctx, struct pkt *p, struct target *t,
				      const struct pkt *quoted, const struct addr_words *addresses)
{
	struct fl_hop hop = {};
	int v;

	v = way_to(ctx, p, &t->rw, &hop);
	if (v == GO_ON)
		v = choose_port(ctx, hop.ifindex, &t->send);
	if (v != GO_ON)
		return v;
	if (p->ttl <= 1)
		return FL_V_DROP_TTL;
	if (quoted)
		v = rewrite_quoted(ctx, p, quoted, &addresses[0], &addresses[1]);
	if (v == GO_ON)
		v = decrement_ttl(ctx, p);
	if (v == GO_ON)
		v = rewrite_packet(ctx, p, &t->rw);
	if (v == GO_ON)
		v = frame_for(ctx, p, &hop, 0, type_of(p));
	return v == GO_ON ? FL_V_SEND_REPLY : v;
}

RARE int send_to_client(struct xdp_md *ctx, struct pkt *p, struct target *t)
{
	return p && t ? send_reply(ctx, p, t, NULL, NULL) : FL_V_DROP_BUG;
}

/* The endpoint of `nat` services with that address and port, or NULL. Port and protocol 0: any of them. */
static __always_inline const struct fl_nat_back *find_endpoint(const struct addr_words *addr,
							       __be16 port, __u8 proto)
{
	struct fl_endpoint k = {.port = port, .proto = proto};

	copy16(k.addr, addr->a);
	return bpf_map_lookup_elem(&nat_back, &k);
}

/* Is it an address that full NAT gives its flows? */
static __always_inline int in_pool(const struct addr_words *addr)
{
	const struct fl_snat *pool;
	__u32 zero = 0;

	pool = bpf_map_lookup_elem(&snat, &zero);
	if (!pool)
		return 0;
	for (__u32 i = 0; i < FL_SNAT_ADDRS; i++) {
		if (is_mapped(addr)) {
			if (i < pool->n4 && pool->addr4[i] == ipv4_of(addr))
				return 1;
		} else if (i < pool->n6 && equal16(pool->addr6[i], addr)) {
			return 1;
		}
	}
	return 0;
}

#define QUOTED 0x100 /* instead of TCP flags: an error quotes the packet, RFC 5508 REQ-6 */

/*
 * What a packet with the key `k` becomes if it is a reply: 0 with t->rw, t->id, t->index and t->reply,
 * or -1. `flags`: its TCP flags, for its record, which an ICMP error (QUOTED) neither refreshes nor ends.
 */
RARE int find_reply(struct target *t, const struct fl_nat_key *k, __u32 flags)
{
	/* Kernels before 6.2 look up what is on the stack only. */
	struct fl_nat_key key __attribute__((aligned(8)));
	const struct addr_words *src = (const void *)key.saddr, *dst = (const void *)key.daddr;
	const struct fl_nat_back *e;
	struct fl_nat_flow *f;

	if (!gate_nat || !t || !k)
		return -1;
	key = *k;
	e = find_endpoint(src, k->sport, k->proto);
	t->reply = 1;
	/* A backend of both kinds: what it sends to the pool answers full NAT. */
	if (e && e->service && !in_pool(dst)) {
		t->id = e->service;
		t->index = e->backend;
		copy16(t->rw.src.a, e->vip);
		copy16(t->rw.dst.a, k->daddr);
		t->rw.sport = e->port;
		t->rw.dport = k->dport;
		return 0;
	}
	f = bpf_map_lookup_elem(&nat_flows, &key);
	if (!f || !(f->flags & FL_NAT_BACK)) {
		t->reply = 0;
		return -1;
	}
	/* The key has been looked for, and its room is enough for another. */
	if (flags != QUOTED && record_seen(f, (__u8)flags, FL_NAT_FIN))
		tell_nat(k, f, &key);
	t->id = f->service;
	t->index = f->backend;
	rewrite_by(&t->rw, f);
	return 0;
}

/*
 * What becomes of a later fragment as long as its first one was not seen: left to the kernel, if no
 * first one could have it sent elsewhere, or dropped.
 */
RARE int unknown_fragment(const struct addr_words *src, const struct addr_words *dst)
{
	if (!src || !dst)
		return FL_V_DROP_BUG;
	if (find_vip(dst))
		return FL_V_DROP_FRAGMENT;
	if (gate_nat && (find_endpoint(src, 0, 0) || in_pool(dst)))
		return FL_V_DROP_FRAGMENT_REPLY;
	return FL_V_PASS_FRAGMENT;
}

/*
 * A later fragment that nothing is remembered of. What a backend sends to this machine is no reply. The
 * question goes by t->rw, since calls have 512 bytes of stack together.
 */
RARE int hold_fragment(struct xdp_md *ctx, struct full *f)
{
	struct fl_hop hop = {};
	int v;

	if (!f)
		return FL_V_DROP_BUG;
	v = unknown_fragment(&f->src, &f->dst);
	if (!gate_nat || v != FL_V_DROP_FRAGMENT_REPLY || in_pool(&f->dst))
		return v;
	f->t.rw.src = f->src;
	f->t.rw.dst = f->dst;
	return way_to(ctx, &f->p, &f->t.rw, &hop) == FL_V_PASS_LOCAL ? FL_V_PASS_FRAGMENT : v;
}

/* The first fragment of what the kernel gets, where later ones would not pass without. */
static __always_inline int pass_fragment(const struct pkt *p, const struct target *t,
					 const struct addr_words *src, const struct addr_words *dst)
{
	if (unknown_fragment(src, dst) != FL_V_PASS_FRAGMENT)
		remember_fragment(p, t, src, dst, FL_FRAG_PASS);
	return FL_V_PASS_FRAGMENT;
}

/* What is for no service: a reply, or the first fragment of something else. */
RARE int not_for_service(struct xdp_md *ctx, struct pkt *p, struct target *t,
			 const struct addr_words *src, const struct addr_words *dst)
{
	struct fl_nat_key k;

	if (!p || !t || !src || !dst)
		return FL_V_DROP_BUG;
	if (gate_nat) {
		nat_key(&k, src->a, dst->a, source_port(p->ports), dest_port(p->ports), p->proto);
		if (!find_reply(t, &k, tcp_flags(ctx, p))) {
			t->rewritten = 1;
			if (p->frag)
				remember_fragment(p, t, src, dst, FL_FRAG_REPLY);
			return send_to_client(ctx, p, t);
		}
	}
	return p->frag ? pass_fragment(p, t, src, dst) : FL_V_PASS_NOT_SERVICE;
}

#endif
