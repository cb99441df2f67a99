/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipip.h - IP-in-IP: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473).
 *
 * The inner packet is forwarded, so its TTL goes down by one (RFC 2003 3.1, RFC 2473 3.1); DSCP and
 * ECN are copied to the outer header (RFC 2983 3, RFC 6040 4.1 normal mode). The outer headers are
 * ready-made in the backend's entry; what depends on the packet is filled in here.
 */
#ifndef FAIRLEAD_BPF_FORWARD_IPIP_H
#define FAIRLEAD_BPF_FORWARD_IPIP_H

#include "forward/l2.h"
#include "parse/eth.h"
#include "pkt.h"

#define OUTER4_LEN 20
#define OUTER6_LEN 40

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/*
 * TTL or hop limit less one; the IPv4 checksum follows (RFC 1141). A sum of 0xffff is written as 0: it
 * stands for the same number, but a header's checksum is never 0xffff (RFC 1624 3).
 */
static __always_inline int decrement_ttl(struct xdp_md *ctx, const struct pkt *p)
{
	void *ip = frame(ctx) + p->l3, *end = frame_end(ctx);

	if (p->ttl <= 1)
		return FL_V_DROP_TTL;
	if (p->v6) {
		struct ipv6hdr *h = ip;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		h->hop_limit--;
	} else {
		struct iphdr *h = ip;
		__u32 sum;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		h->ttl--;
		sum = (__u32)h->check + bpf_htons(0x0100);
		h->check = (__sum16)(sum + (sum >= 0xffff));
	}
	return GO_ON;
}

/*
 * Makes room for the outer header and moves the Ethernet header and its VLAN tags in front of it.
 * The last two of those bytes become the outer protocol's type.
 */
static __always_inline int make_room(struct xdp_md *ctx, const struct pkt *p, const int room,
				     __be16 proto)
{
	__u32 tags[2] = {};
	void *data, *end;

	data = frame(ctx);
	end = frame_end(ctx);
	if (data + ETH_HLEN_MAX + OUTER4_LEN > end)
		return FL_V_DROP_BUG;
	/* Types and tags between the addresses and the last type. */
	if (p->l3 > 14)
		__builtin_memcpy(&tags[0], data + 12, 4);
	if (p->l3 > 18)
		__builtin_memcpy(&tags[1], data + 16, 4);
	if (bpf_xdp_adjust_head(ctx, -room))
		return FL_V_DROP_HEADROOM;
	data = frame(ctx);
	end = frame_end(ctx);
	if (data + ETH_HLEN_MAX > end)
		return FL_V_DROP_BUG;
	if (p->l3 > 18) {
		__builtin_memcpy(data + 12, &tags[0], 4);
		__builtin_memcpy(data + 16, &tags[1], 4);
		*(__be16 *)(data + 20) = proto;
	} else if (p->l3 > 14) {
		__builtin_memcpy(data + 12, &tags[0], 4);
		*(__be16 *)(data + 16) = proto;
	} else {
		*(__be16 *)(data + 12) = proto;
	}
	return GO_ON;
}

static __always_inline int write_outer4(struct xdp_md *ctx, const struct pkt *p,
					const struct fl_backend *b, __u64 hash)
{
	struct iphdr *ip = frame(ctx) + p->l3;
	__be32 vary = (__be32)(hash >> 32) & b->src_mask;
	__u32 sum;

	if ((void *)(ip + 1) > frame_end(ctx))
		return FL_V_DROP_BUG;
	__builtin_memcpy(ip, b->outer4, OUTER4_LEN);
	ip->tos = p->tos;
	ip->tot_len = bpf_htons((__u16)(p->l3_len + OUTER4_LEN));
	ip->protocol = p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	ip->saddr |= vary;
	/* The template's sum, then the words that were zero in it. */
	sum = (__u32)ip->check + bpf_htons(p->tos) + ip->tot_len + bpf_htons(ip->protocol);
	sum += (vary & 0xffff) + (vary >> 16);
	ip->check = (__sum16)~fold(sum);
	return GO_ON;
}

static __always_inline int write_outer6(struct xdp_md *ctx, const struct pkt *p,
					const struct fl_backend *b, __u64 hash)
{
	struct ipv6hdr *ip = frame(ctx) + p->l3;
	__u32 label = (__u32)(hash >> 44); /* 20 bits, RFC 6438: the flow's, so that ECMP spreads */

	if ((void *)(ip + 1) > frame_end(ctx))
		return FL_V_DROP_BUG;
	__builtin_memcpy(ip, b->outer6, OUTER6_LEN);
	*(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)p->tos << 20 | label);
	ip->payload_len = bpf_htons((__u16)p->l3_len);
	ip->nexthdr = p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	ip->saddr.in6_u.u6_addr32[3] |= (__be32)(hash >> 32) & b->src_mask;
	return GO_ON;
}

static __always_inline int forward_ipip(struct xdp_md *ctx, const struct pkt *p,
					const struct fl_backend *b, const struct fl_hop *hop,
					__u64 hash)
{
	int v4 = b->mode == FL_FWD_IPIP4;
	__u32 total = p->l3_len + (v4 ? OUTER4_LEN : OUTER6_LEN);
	__u16 mtu = *(volatile const __u16 *)&b->mtu;
	int v;

	if (mtu && total > mtu)
		return FL_V_DROP_TOO_BIG;
	v = decrement_ttl(ctx, p);
	if (v != GO_ON)
		return v;
	if (v4) {
		v = make_room(ctx, p, OUTER4_LEN, bpf_htons(ETH_P_IP));
		if (v == GO_ON)
			v = write_outer4(ctx, p, b, hash);
	} else {
		v = make_room(ctx, p, OUTER6_LEN, bpf_htons(ETH_P_IPV6));
		if (v == GO_ON)
			v = write_outer6(ctx, p, b, hash);
	}
	if (v == GO_ON)
		v = set_macs(ctx, hop);
	return v == GO_ON ? FL_V_SEND_IPIP : v;
}

#endif
