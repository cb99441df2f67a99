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
		__builtin_memcpy(q->ipv6_src, r->src.a, 16);
		__builtin_memcpy(q->ipv6_dst, r->dst.a, 16);
	} else {
		q->family = AF_INET;
		q->tos = p->tos;
		q->ipv4_src = ipv4_of(&r->src);
		q->ipv4_dst = ipv4_of(&r->dst);
	}
}

/* GO_ON with t->hop, the way to the client that t->rw names, or a verdict. */
RARE int find_way(struct xdp_md *ctx, const struct pkt *p, struct target *t)
{
	const struct fl_vlan_port *vlan;
	struct bpf_fib_lookup q = {};
	__u32 port;
	long rc;

	if (!p || !t)
		return FL_V_DROP_BUG;
	fib_question(&q, ctx, p, &t->rw);
	rc = bpf_fib_lookup(ctx, &q, sizeof(q), 0);
	if (rc == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return p->df ? FL_V_PASS_TOO_BIG : FL_V_DROP_TOO_BIG;
	if (rc == BPF_FIB_LKUP_RET_NO_NEIGH) {
		want_neighbour(&t->rw.dst, ctx->ingress_ifindex);
		return FL_V_DROP_NO_NEXTHOP;
	}
	if (rc != BPF_FIB_LKUP_RET_SUCCESS)
		return FL_V_PASS_LOCAL;
	if (p->ttl <= 1)
		return FL_V_DROP_TTL;
	__builtin_memcpy(t->hop.dmac, q.dmac, sizeof(t->hop.dmac));
	__builtin_memcpy(t->hop.smac, q.smac, sizeof(t->hop.smac));
	port = q.ifindex;
	vlan = bpf_map_lookup_elem(&vlan_ports, &port);
	t->hop.ifindex = vlan ? vlan->ifindex : port;
	t->hop.vlan = vlan ? vlan->vlan : 0;
	return choose_port(ctx, t->hop.ifindex, &t->send);
}

/* The packet as t->rw says, by t->hop. */
RARE int send_reply(struct xdp_md *ctx, const struct pkt *packet, struct target *t)
{
	struct pkt mine, *p = &mine;
	struct rewrite r;
	int v;

	if (adopt(p, packet) || !t)
		return FL_V_DROP_BUG;
	r = t->rw;
	v = decrement_ttl(ctx, p);
	if (v == GO_ON)
		v = rewrite_packet(ctx, p, &r);
	if (v == GO_ON)
		v = frame_for(ctx, p, &t->hop, 0, type_of(p));
	return v == GO_ON ? FL_V_SEND_REPLY : v;
}

/* The endpoint of `nat` services with that address and port, or NULL. */
static __always_inline const struct fl_nat_back *find_endpoint(const struct addr_words *addr,
							       __be16 port, __u8 proto)
{
	const struct fl_nat_back *e;
	struct fl_endpoint k = {.port = port, .proto = proto};

	__builtin_memcpy(k.addr, addr->a, sizeof(k.addr));
	e = bpf_map_lookup_elem(&nat_back, &k);
	if (e)
		return e;
	k.port = 0;
	return bpf_map_lookup_elem(&nat_back, &k);
}

/*
 * What a packet from `src` to `dst` becomes if it is a reply: 0 with *r filled and t->id, t->index, or
 * -1. `flags`: its TCP flags, for its record.
 */
RARE int find_reply(struct target *t, const struct fl_nat_key *k, __u8 flags)
{
	const struct fl_nat_back *e;
	struct addr_words src;
	struct fl_nat_flow *f;

	if (!t || !k)
		return -1;
	__builtin_memcpy(src.a, k->saddr, 16);
	e = find_endpoint(&src, k->sport, k->proto);
	if (e && e->service) {
		t->id = e->service;
		t->index = e->backend;
		__builtin_memcpy(t->rw.src.a, e->vip, 16);
		__builtin_memcpy(t->rw.dst.a, k->daddr, 16);
		t->rw.sport = e->port ? e->port : k->sport;
		t->rw.dport = k->dport;
		return 0;
	}
	f = bpf_map_lookup_elem(&nat_flows, k);
	if (!f || !(f->flags & FL_NAT_BACK))
		return -1;
	record_seen(f, flags, FL_NAT_FIN);
	t->id = f->service;
	t->index = f->backend;
	rewrite_by(&t->rw, f);
	return 0;
}

/* What is for no service: TO_CLIENT for a reply, or the verdict of something else. */
RARE int not_for_service(struct xdp_md *ctx, const struct pkt *packet, struct target *t)
{
	struct pkt mine, *p = &mine;
	struct addr_words src, dst;
	struct fl_nat_key k;

	if (adopt(p, packet) || !t || addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	/* On the wire a mapped address is nobody's: neither a VIP nor a backend. */
	if (p->v6 && (is_mapped(&src) || is_mapped(&dst)))
		return p->frag ? FL_V_PASS_FRAGMENT : FL_V_PASS_NOT_SERVICE;
	if (gate_nat) {
		nat_key(&k, src.a, dst.a, source_port(p->ports), dest_port(p->ports), p->proto);
		if (!find_reply(t, &k, tcp_flags(ctx, p))) {
			t->rewritten = 1;
			if (p->frag)
				remember_fragment(ctx, p, t, FL_FRAG_REPLY);
			return TO_CLIENT;
		}
	}
	if (!p->frag)
		return FL_V_PASS_NOT_SERVICE;
	if (find_vip(&dst))
		remember_fragment(ctx, p, t, FL_FRAG_PASS);
	return FL_V_PASS_FRAGMENT;
}

#endif
