/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.h - the backend's way of getting packets, and the port that leads to it. */
#ifndef FAIRLEAD_BPF_FORWARD_FORWARD_H
#define FAIRLEAD_BPF_FORWARD_FORWARD_H

#include "forward/nat.h"
#include "forward/toobig.h"
#include "forward/tunnel.h"
#include "maps.h"
#include "observe/count.h"
#include "pick/slot.h"

/*
 * The way out, chosen before anything is rewritten: *action is XDP_TX for the port that the packet came
 * from, XDP_REDIRECT for another one. A port that left the machine is in `tx_ports` no more.
 */
static __always_inline int choose_port(const struct xdp_md *ctx, __u32 port, int *action)
{
	if (unlikely(!port))
		return FL_V_DROP_NO_NEXTHOP;
	*action = XDP_TX;
	if (unlikely(port != ctx->ingress_ifindex))
		*action = (int)bpf_redirect_map(&tx_ports, port, XDP_DROP);
	return unlikely(*action == XDP_DROP) ? FL_V_DROP_NO_NEXTHOP : GO_ON;
}

static __always_inline int is_nat(const struct fl_backend *b)
{
	return gate_nat && (b->mode == FL_FWD_NAT || b->mode == FL_FWD_FULLNAT);
}

/*
 * Rewrites the frame for the backend. A SEND verdict with t->send, why it is dropped, or TOO_BIG.
 * `nat`: the backend may be one of NAT.
 */
static __always_inline int forward(struct xdp_md *ctx, struct pkt *p, struct target *t,
				   const struct fl_backend *b, const int nat)
{
	__u32 live = *(volatile const __u32 *)&b->hop_live & 1, overhead = 0;
	const struct fl_hop *hop = &b->hop[live];
	int l2 = b->mode == FL_FWD_L2, v;

	if (unlikely(b->mode == FL_FWD_NONE))
		return FL_V_DROP_BUG;
	v = choose_port(ctx, hop->ifindex, &t->send);
	if (v != GO_ON)
		return v;
	if (!l2) {
		if (unlikely(p->ttl <= 1))
			return FL_V_DROP_TTL;
		if (!nat || !is_nat(b))
			overhead = tunnel_overhead(b);
	}
	if (unlikely(hop->mtu && p->l3_len + overhead > hop->mtu)) {
		t->mtu = hop->mtu > overhead ? hop->mtu - overhead : 0;
		return TOO_BIG;
	}
	if (l2) {
		v = frame_for(ctx, p, hop, 0, type_of(p));
		return v == GO_ON ? FL_V_SEND_L2 : v;
	}
	if (nat && is_nat(b))
		return forward_nat(ctx, p, t, b, hop);
	return forward_tunnel(ctx, p, b, hop, t->hash);
}

/* forward(), and the backend's counter; `bytes`: of the frame as it came. */
static __always_inline int deliver(struct xdp_md *ctx, struct pkt *p, struct target *t,
				   const struct fl_backend *b, __u64 bytes, const int nat)
{
	int v = forward(ctx, p, t, b, nat);

	if (v == FL_V_SEND_L2 || v == FL_V_SEND_IPIP || v == FL_V_SEND_GUE || v == FL_V_SEND_NAT ||
	    v == FL_V_SEND_FULLNAT)
		count_backend(t->index, bytes);
	return v;
}

/* The same for NAT, and for what is no whole packet with ports: to the backend t->index. */
RARE int deliver_odd(struct xdp_md *ctx, const struct pkt *packet, struct target *t, __u64 bytes)
{
	struct pkt mine, *p = &mine;
	struct fl_backend *b;
	int v;

	if (adopt(p, packet) || !t)
		return FL_V_DROP_BUG;
	v = backend_of(t->index, &b);
	return v == GO_ON ? deliver(ctx, p, t, b, bytes, 1) : v;
}

#endif
