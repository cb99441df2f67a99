/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt.h - what the steps know of a packet. */
#ifndef FAIRLEAD_BPF_PKT_H
#define FAIRLEAD_BPF_PKT_H

#include "fairlead/abi.h"

/* A step that has nothing to say: the packet goes on to the next one. */
#define GO_ON (-1)

#define ETH_HLEN_MAX 22 /* Ethernet and two VLAN tags */

struct pkt {
	__u32 l3; /* offset of the IP header: 14, 18 or 22 */
	__u32 l3_len; /* bytes of the IP packet, header included; all of them are in the frame */
	__u32 l4; /* offset of the TCP or UDP header */
	__u32 ports; /* source and destination port, one load */
	__u8 v6;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 tos; /* DSCP and ECN */
	__u8 ttl; /* or hop limit */
};

/* Start and end of the frame; to be taken again after bpf_xdp_adjust_head(). */
static __always_inline void *frame(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *frame_end(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

#endif
