/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel.h - IP-in-IP: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473); and GUE, the same
 * with UDP and four bytes in between (draft-ietf-intarea-gue-09).
 *
 * The inner packet is forwarded, so its TTL goes down by one (RFC 2003 3.1, RFC 2473 3.1); DSCP and
 * ECN are copied to the outer header (RFC 2983 3, RFC 6040 4.1 normal mode).
 */
#ifndef FAIRLEAD_BPF_FORWARD_TUNNEL_H
#define FAIRLEAD_BPF_FORWARD_TUNNEL_H

#include "forward/frame.h"
#include "forward/ttl.h"
#include "parse/ip.h"
#include "parse/l4.h"

#define OUTER4_LEN 20
#define OUTER6_LEN 40
#define OUTER_TTL 64
#define GUE_LEN 12 /* UDP and GUE header */
#define GUE_SPORT 0xc000 /* dynamic ports, RFC 6335 6 */

/* Bytes that a tunnel adds. */
static __always_inline __u32 tunnel_overhead(__u8 mode)
{
	switch (mode) {
	case FL_FWD_IPIP4:
		return OUTER4_LEN;
	case FL_FWD_IPIP6:
		return OUTER6_LEN;
	case FL_FWD_GUE4:
		return OUTER4_LEN + GUE_LEN;
	case FL_FWD_GUE6:
		return OUTER6_LEN + GUE_LEN;
	default:
		return 0;
	}
}

/* `len` bytes follow the outer header, which says that they are `proto`. */
static __always_inline int write_outer4(struct xdp_md *ctx, const struct pkt *p,
					const struct fl_backend *b, __u64 hash, __u32 len,
					__u8 proto)
{
	__be32 vary = (__be32)(hash >> 32) & b->src_mask;
	__u32 *w = at(ctx, p->l3);
	__be32 length = bpf_htonl(4U << 28 | 5U << 24 | (__u32)p->tos << 16 |
				  ((len + OUTER4_LEN) & 0xffff));
	__u64 sum;

	if ((void *)(w + 5) > frame_end(ctx))
		return FL_V_DROP_BUG;
	/* The entry's sum, then the words that are not in it. */
	sum = (__u64)b->sum4 + (length & ~bpf_htonl(0xff000000U)) + bpf_htonl(proto) + vary;
	w[0] = length;
	w[1] = bpf_htonl(IP_DF);
	w[2] = bpf_htonl((__u32)OUTER_TTL << 24 | (__u32)proto << 16) |
	       (__u32)(__u16)~fold(sum) << (bpf_htonl(1) == 1 ? 0 : 16);
	w[3] = b->src4 | vary;
	w[4] = b->dst4;
	return GO_ON;
}

static __always_inline int write_outer6(struct xdp_md *ctx, const struct pkt *p,
					const struct fl_backend *b, __u64 hash, __u32 len,
					__u8 proto)
{
	__u32 *w = at(ctx, p->l3);
	const __u32 *src = (const __u32 *)b->src6, *dst = (const __u32 *)b->addr;
	__u32 label = (__u32)(hash >> 44); /* 20 bits, RFC 6438: the flow's, so that ECMP spreads */

	if ((void *)(w + 10) > frame_end(ctx))
		return FL_V_DROP_BUG;
	w[0] = bpf_htonl(6U << 28 | (__u32)p->tos << 20 | label);
	w[1] = bpf_htonl(len << 16 | (__u32)proto << 8 | OUTER_TTL);
	w[2] = src[0];
	w[3] = src[1];
	w[4] = src[2];
	w[5] = src[3] | ((__be32)(hash >> 32) & b->src_mask);
	w[6] = dst[0];
	w[7] = dst[1];
	w[8] = dst[2];
	w[9] = dst[3];
	return GO_ON;
}

/*
 * Local checksum offload: what the inner packet adds to the outer UDP checksum follows from its own
 * checksums, without a look at the payload. A transport whose checksum is right sums, with its
 * pseudo-header, to 0xffff; so does an IPv4 header. 0: the inner packet has no such checksum.
 */
static __always_inline __u64 inner_sum(const struct xdp_md *ctx, const struct pkt *p)
{
	__u32 offset = p->proto == IPPROTO_TCP ? 16 : 6;
	void *end = frame_end(ctx), *ip = at(ctx, p->l3);
	__sum16 *check = at(ctx, p->l4) + offset;
	__u32 len = p->l3_len - (p->l4 - p->l3);

	if (p->frag || (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP) ||
	    (void *)(check + 1) > end || !*check)
		return 0;
	/* Bytes behind the UDP datagram are in no checksum. */
	if (p->proto == IPPROTO_UDP && *(check - 1) != bpf_htons((__u16)len))
		return 0;
	if (p->v6) {
		struct ipv6hdr *h = ip;
		__u32 *w = ip;

		if ((void *)(h + 1) > end || p->l4 != p->l3 + sizeof(*h))
			return 0;
		/* Addresses and length are in the header and in the pseudo-header: they cancel. */
		return (__u64)w[0] + bpf_htons((__u16)(h->nexthdr << 8 | h->hop_limit)) +
		       (__u16)~bpf_htons(p->proto);
	} else {
		struct iphdr *h = ip;

		if ((void *)(h + 1) > end)
			return 0;
		/* 0xffff more is the same sum, and not 0. */
		return 0xffff + (__u64)(__u16)~fold((__u64)h->saddr + h->daddr +
						    bpf_htons(p->proto) + bpf_htons((__u16)len));
	}
}

/* UDP and GUE behind the outer header; `inner`: see inner_sum(). */
static __always_inline int write_gue(struct xdp_md *ctx, const struct pkt *p,
				     const struct fl_backend *b, __u64 hash, __u32 len, __u8 proto,
				     __u64 inner, const int v4)
{
	const __u32 outer = v4 ? OUTER4_LEN : OUTER6_LEN;
	__be16 sport = bpf_htons(GUE_SPORT | (__u16)(hash >> 48 & 0x3fff));
	__u32 *w = at(ctx, p->l3);
	__u16 *udp = (void *)w + outer;
	__u64 sum;

	if ((void *)udp + GUE_LEN > frame_end(ctx))
		return FL_V_DROP_BUG;
	udp[0] = sport;
	udp[1] = b->port;
	udp[2] = bpf_htons((__u16)len);
	udp[3] = 0; /* RFC 768; over IPv6 RFC 6935 5 */
	udp[4] = bpf_htons(proto);
	udp[5] = 0;
	if (v4 || !inner)
		return GO_ON;
	/* RFC 8200 8.1: addresses, length and protocol, then UDP, GUE and what follows. */
	sum = inner + bpf_htons(IPPROTO_UDP) + 2 * (__u64)udp[2] + sport + udp[1] + udp[4];
	for (int i = 2; i < 10; i++)
		sum += w[i];
	sum = (__u16)~fold(sum);
	udp[3] = sum ? (__u16)sum : 0xffff;
	return GO_ON;
}

/* One kind of tunnel, known when this is compiled: each has code of its own. */
static __always_inline int encapsulate(struct xdp_md *ctx, struct pkt *p,
				       const struct fl_backend *b, const struct fl_hop *hop,
				       __u64 hash, const int v4, const int gue)
{
	const __u32 grow = (v4 ? OUTER4_LEN : OUTER6_LEN) + (gue ? GUE_LEN : 0);
	__u8 inner_proto = p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	__u8 proto = gue ? IPPROTO_UDP : inner_proto;
	__u32 len = p->l3_len + (gue ? GUE_LEN : 0);
	__u64 inner = 0;
	int v;

	v = decrement_ttl(ctx, p);
	if (v != GO_ON)
		return v;
	if (gue && !v4)
		inner = inner_sum(ctx, p);
	v = frame_for(ctx, p, hop, grow, v4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6));
	if (v != GO_ON)
		return v;
	v = v4 ? write_outer4(ctx, p, b, hash, len, proto)
	       : write_outer6(ctx, p, b, hash, len, proto);
	if (v == GO_ON && gue)
		v = write_gue(ctx, p, b, hash, len, inner_proto, inner, v4);
	if (v != GO_ON)
		return v;
	return gue ? FL_V_SEND_GUE : FL_V_SEND_IPIP;
}

/* The packet fits and its TTL is more than 1: forward() has looked. */
static __always_inline int forward_tunnel(struct xdp_md *ctx, struct pkt *p,
					  const struct fl_backend *b, const struct fl_hop *hop,
					  __u64 hash, __u8 mode)
{
	if (likely(mode == FL_FWD_IPIP4))
		return encapsulate(ctx, p, b, hop, hash, 1, 0);
	if (mode == FL_FWD_IPIP6)
		return encapsulate(ctx, p, b, hop, hash, 0, 0);
	if (mode == FL_FWD_GUE4)
		return encapsulate(ctx, p, b, hop, hash, 1, 1);
	return encapsulate(ctx, p, b, hop, hash, 0, 1);
}

#endif
