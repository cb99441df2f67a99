/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.h - the backend's way of getting packets, and the port that leads to it. */
#ifndef FAIRLEAD_BPF_FORWARD_FORWARD_H
#define FAIRLEAD_BPF_FORWARD_FORWARD_H

#include "forward/ipip.h"
#include "forward/l2.h"
#include "maps.h"

/*
 * The way out, chosen before anything is rewritten: *action is XDP_TX for the port that the packet came
 * from, XDP_REDIRECT for another one. A port that left the machine is in `tx_ports` no more.
 */
static __always_inline int choose_port(const struct xdp_md *ctx, __u32 port, int *action)
{
	if (!port)
		return FL_V_DROP_NO_NEXTHOP;
	*action = XDP_TX;
	if (port != ctx->ingress_ifindex)
		*action = (int)bpf_redirect_map(&tx_ports, port, XDP_DROP);
	return *action == XDP_DROP ? FL_V_DROP_NO_NEXTHOP : GO_ON;
}

/* Rewrites the frame for the backend. A SEND verdict with its *action, or why it is dropped. */
static __always_inline int forward(struct xdp_md *ctx, const struct pkt *p,
				   const struct fl_backend *b, __u64 hash, int *action)
{
	__u32 live = *(volatile const __u32 *)&b->hop_live & 1;
	const struct fl_hop *hop = &b->hop[live];
	int v;

	v = choose_port(ctx, hop->ifindex, action);
	if (v != GO_ON)
		return v;
	if (b->mode == FL_FWD_L2)
		return forward_l2(ctx, hop);
	if (b->mode == FL_FWD_IPIP4 || b->mode == FL_FWD_IPIP6)
		return forward_ipip(ctx, p, b, hop, hash);
	return FL_V_DROP_BUG;
}

#endif
