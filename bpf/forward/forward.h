/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.h - the backend's way of getting packets, and the port that leads to it. */
#ifndef FAIRLEAD_BPF_FORWARD_FORWARD_H
#define FAIRLEAD_BPF_FORWARD_FORWARD_H

#include "forward/ipip.h"
#include "forward/l2.h"
#include "maps.h"

/* Rewrites the frame for the backend. A SEND verdict with *port, or why it is dropped. */
static __always_inline int forward(struct xdp_md *ctx, const struct pkt *p,
				   const struct fl_backend *b, __u64 hash, __u32 *port)
{
	__u32 live = *(volatile const __u32 *)&b->hop_live & 1;
	const struct fl_hop *hop = &b->hop[live];

	*port = hop->ifindex;
	if (!*port)
		return FL_V_DROP_NO_NEXTHOP;
	if (b->mode == FL_FWD_L2)
		return forward_l2(ctx, hop);
	if (b->mode == FL_FWD_IPIP4 || b->mode == FL_FWD_IPIP6)
		return forward_ipip(ctx, p, b, hop, hash);
	return FL_V_DROP_BUG;
}

/* The XDP action of a SEND verdict: back out of the port it came from, or out of another one. */
static __always_inline int send_out(const struct xdp_md *ctx, __u32 port)
{
	if (port == ctx->ingress_ifindex)
		return XDP_TX;
	return (int)bpf_redirect_map(&tx_ports, port, XDP_DROP);
}

#endif
