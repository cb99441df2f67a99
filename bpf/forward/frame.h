/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h - room in front of a packet, and the link-layer header for the next hop. */
#ifndef FAIRLEAD_BPF_FORWARD_FRAME_H
#define FAIRLEAD_BPF_FORWARD_FRAME_H

#include "parse/eth.h"
#include "pkt.h"

#define TCI_PRIORITY 0xf000 /* PCP and DEI of a tag, IEEE 802.1Q 9.6 */
#define TCI_ID 0x0fff
#define TAG_LEN 4

/* Both MAC addresses, as they lie in fl_hop; the packet's may be at any alignment. */
static __always_inline void write_macs(void *data, const struct fl_hop *hop)
{
	const __u32 *from = (const __u32 *)hop->dmac;
	__u32 *to = data;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

/*
 * The rare frames: with tags, or with one to be written. None stays: it names the network that the frame
 * came by, and the hop says the one that it goes to; of the outermost the priority is kept. Returns where
 * the room begins, in place of l3, or -1 - verdict.
 */
RARE int frame_tagged(struct xdp_md *ctx, __u32 l3, const struct fl_hop *hop, __u32 grow,
		      __u32 type)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__u32 was = l3, tag, tci = 0;

	if (!hop || data + ETH_HLEN_MAX > end)
		return -1 - FL_V_DROP_BUG;
	tag = hop->vlan;
	if (l3 > ETH_HLEN)
		tci = bpf_ntohs(*(__be16 *)(data + ETH_HLEN)) & TCI_PRIORITY;
	l3 = tag ? ETH_HLEN + TAG_LEN : ETH_HLEN;
	if (grow + l3 != was && bpf_xdp_adjust_head(ctx, (int)(was - l3 - grow)))
		return -1 - FL_V_DROP_HEADROOM;
	data = frame(ctx);
	end = frame_end(ctx);
	if (data + ETH_HLEN_MAX > end)
		return -1 - FL_V_DROP_BUG;
	write_macs(data, hop);
	if (tag)
		*(__be32 *)(data + 12) = bpf_htonl((__u32)ETH_P_8021Q << 16 | tci | (tag & TCI_ID));
	*(__be16 *)(data + l3 - 2) = (__be16)type;
	return (int)l3;
}

/*
 * Makes `grow` bytes of room between the link-layer header and the packet, and writes that header
 * for the next hop; `type` is what follows it. p->l3 is then where the room begins.
 */
static __always_inline int frame_for(struct xdp_md *ctx, struct pkt *p, const struct fl_hop *hop,
				     __u32 grow, __be16 type)
{
	void *data;

	if (unlikely(p->l3 != ETH_HLEN || hop->vlan)) {
		int l3 = frame_tagged(ctx, (__u32)p->l3, hop, grow, type);

		if (l3 < 0)
			return -1 - l3;
		p->l3 = (__u32)l3;
		return GO_ON;
	}
	if (grow && bpf_xdp_adjust_head(ctx, -(int)grow))
		return FL_V_DROP_HEADROOM;
	data = frame(ctx);
	if (data + ETH_HLEN > frame_end(ctx))
		return FL_V_DROP_BUG;
	write_macs(data, hop);
	*(__be16 *)(data + 12) = type;
	return GO_ON;
}

static __always_inline __be16 type_of(const struct pkt *p)
{
	return p->v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
}

#endif
