/* SPDX-License-Identifier: GPL-2.0-or-later */
/* l2.h - direct server return on the link: only the MAC addresses change. */
#ifndef FAIRLEAD_BPF_FORWARD_L2_H
#define FAIRLEAD_BPF_FORWARD_L2_H

#include "pkt.h"

/* Writes the next hop's addresses into the frame's Ethernet header. */
static __always_inline int set_macs(struct xdp_md *ctx, const struct fl_hop *hop)
{
	struct ethhdr *eth = frame(ctx);

	if ((void *)(eth + 1) > frame_end(ctx))
		return FL_V_DROP_BUG;
	__builtin_memcpy(eth->h_dest, hop->dmac, sizeof(hop->dmac));
	__builtin_memcpy(eth->h_source, hop->smac, sizeof(hop->smac));
	return GO_ON;
}

static __always_inline int forward_l2(struct xdp_md *ctx, const struct fl_hop *hop)
{
	int v = set_macs(ctx, hop);

	return v == GO_ON ? FL_V_SEND_L2 : v;
}

#endif
