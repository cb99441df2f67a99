/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h - room in front of a packet, and the link-layer header for the next hop. */
#ifndef FAIRLEAD_BPF_FORWARD_FRAME_H
#define FAIRLEAD_BPF_FORWARD_FRAME_H

#include "parse/eth.h"
#include "pkt.h"

#define TCI_PRIORITY 0xf000 /* PCP and DEI of a tag, IEEE 802.1Q 9.6 */
#define TCI_ID 0x0fff

/* Both MAC addresses, as they lie in fl_hop; the packet's may be at any alignment. */
static __always_inline void write_macs(void *data, const struct fl_hop *hop)
{
	const __u32 *from = (const __u32 *)hop->dmac;
	__u32 *to = data;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

/* The rare frames: with tags, or with one to be written. */
RARE int frame_tagged(struct xdp_md *ctx, struct pkt *p, const struct fl_hop *hop, __u32 grow,
		      __u32 type)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__u32 tags[2] = {}, l3, tag;

	if (!p || !hop)
		return FL_V_DROP_BUG;
	l3 = (__u32)p->l3;
	tag = hop->vlan;
	if (data + ETH_HLEN_MAX > end)
		return FL_V_DROP_BUG;
	if (l3 > ETH_HLEN)
		tags[0] = *(__u32 *)(data + 12);
	if (l3 > ETH_HLEN + 4)
		tags[1] = *(__u32 *)(data + 16);
	if (tag) {
		__u32 tci = bpf_ntohl(tags[0]) & TCI_PRIORITY;

		tags[0] = bpf_htonl((__u32)ETH_P_8021Q << 16 | tci | (tag & TCI_ID));
		l3 = ETH_HLEN + 4;
	}
	if (grow + l3 != p->l3 && bpf_xdp_adjust_head(ctx, (int)(p->l3 - l3 - grow)))
		return FL_V_DROP_HEADROOM;
	data = frame(ctx);
	end = frame_end(ctx);
	if (data + ETH_HLEN_MAX > end)
		return FL_V_DROP_BUG;
	write_macs(data, hop);
	*(__u32 *)(data + 12) = tags[0];
	if (l3 > ETH_HLEN + 4) {
		*(__u32 *)(data + 16) = tags[1];
		*(__be16 *)(data + 20) = (__be16)type;
	} else {
		*(__be16 *)(data + 16) = (__be16)type;
	}
	p->l3 = l3;
	return GO_ON;
}

/*
 * Makes `grow` bytes of room between the link-layer header and the packet, and writes that header
 * for the next hop; `type` is what follows it. p->l3 is then where the room begins.
 */
static __always_inline int frame_for(struct xdp_md *ctx, struct pkt *p, const struct fl_hop *hop,
				     __u32 grow, __be16 type)
{
	void *data;

	if (unlikely(p->l3 != ETH_HLEN || hop->vlan))
		return frame_tagged(ctx, p, hop, grow, type);
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
