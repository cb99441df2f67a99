/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lean6.h - lean.h for IPv6, and the choice between the two. */
#ifndef FAIRLEAD_BPF_LEAN6_H
#define FAIRLEAD_BPF_LEAN6_H

#include "lean.h"

#define IPV6_PLAIN 0x0060dd86 /* 0x86dd, 6; the rest is traffic class and flow label */
#define IPV6_PLAIN_MASK 0x00f0ffff
#define AT_LENGTH6 18
#define AT_NEXT6 20 /* next header, hop limit: one half-word */
#define AT_HOP_LIMIT6 21
#define AT_SOURCE6 22
#define AT_DEST6 38
#define AT_PORTS6 54
#define LEAN_HEADERS6 \
	74 /* Ethernet, IPv6, TCP; UDP with less than 12 bytes is left for the steps */

/* A step with a say in every packet has its gate open. */
static __always_inline int steps_wanted(void)
{
	if (gate_lease || gate_sources || gate_events || gate_jumbo) {
		/*
		 * Where nothing else goes: the verifier leaves out branches to what it has never reached,
		 * and for all that is closed would keep a look if they led to where others lead.
		 */
		asm volatile("");
		return 1;
	}
	return 0;
}

/* 6in6 (RFC 2473): as encapsulate() does it. */
static __always_inline int lean6_tunnel(struct xdp_md *ctx, const struct fl_backend *b,
					const struct fl_hop *hop, const struct lean_packet *p)
{
	const __u32 *src = (const __u32 *)b->src6, *dst = (const __u32 *)b->addr;
	__u32 label = (__u32)(p->hash >> 44), *w;
	void *data;

	if (!lean_fits(hop, p, OUTER6_LEN) || bpf_xdp_adjust_head(ctx, -OUTER6_LEN))
		return NOT_LEAN;
	data = frame(ctx);
	if (data + LEAN_HEADERS6 + OUTER6_LEN > frame_end(ctx))
		return FL_V_DROP_BUG;
	write_macs(data, hop);
	*(__be16 *)(data + AT_TYPE) = bpf_htons(ETH_P_IPV6);
	w = data + ETH_HLEN;
	w[0] = bpf_htonl(6U << 28 | p->tos << 20 | label);
	w[1] = bpf_htonl(p->length << 16 | IPPROTO_IPV6 << 8 | OUTER_TTL);
	w[2] = src[0];
	w[3] = src[1];
	w[4] = src[2];
	w[5] = src[3] | ((__be32)(p->hash >> 32) & b->src_mask);
	w[6] = dst[0];
	w[7] = dst[1];
	w[8] = dst[2];
	w[9] = dst[3];
	*(__u8 *)(data + OUTER6_LEN + AT_HOP_LIMIT6) = (__u8)(p->ttl - 1);
	return FL_V_SEND_IPIP;
}

static __always_inline int lean6_parse(struct xdp_md *ctx, __u32 word, struct lean_packet *p,
				       struct addr_words *src, struct addr_words *dst)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__u32 next;

	if (data + LEAN_HEADERS6 > end)
		return 0;
	/* The traffic class is in two bytes, four bits in each. */
	p->tos = (word >> 16 & 0xf) << 4 | word >> 28;
	p->bytes = (__u64)(end - data);
	next = *(__u16 *)(data + AT_NEXT6);
	p->proto = next & 0xff;
	p->ttl = next >> 8;
	p->length = bpf_ntohs(*(__u16 *)(data + AT_LENGTH6)) + OUTER6_LEN;
	for (int i = 0; i < 2; i++) {
		src->a[i] = *(__u64 *)(data + AT_SOURCE6 + 8 * i);
		dst->a[i] = *(__u64 *)(data + AT_DEST6 + 8 * i);
	}
	p->ports = *(__u32 *)(data + AT_PORTS6);
	/* ::/64 has no hosts, but what must not get further (looks_mapped()). */
	return (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) && src->a[0] && dst->a[0] &&
	       (src->a[1] != dst->a[1] || src->a[0] != dst->a[0]) &&
	       p->length >= LEAN_HEADERS6 - ETH_HLEN && p->length + ETH_HLEN <= p->bytes;
}

static __always_inline int lean6_forward(struct xdp_md *ctx, const struct lean_packet *p,
					 __u32 index, int *action)
{
	const struct fl_backend *b = bpf_map_lookup_elem(&backends, &index);
	const struct fl_hop *hop = b ? lean_hop(ctx, b, p, action) : NULL;

	if (!hop)
		return NOT_LEAN;
	if (b->mode == FL_FWD_IPIP6)
		return lean6_tunnel(ctx, b, hop, p);
	return b->mode == FL_FWD_L2 ? lean_l2(ctx, hop, p) : NOT_LEAN;
}

/* Of TCP. The packet is as it was when it was parsed, but the verifier has forgotten. */
static __always_inline __u32 lean6_flags(const struct xdp_md *ctx)
{
	const void *data = frame(ctx);

	return data + LEAN_HEADERS6 > frame_end(ctx)
		       ? 0
		       : *(const __u8 *)(data + AT_PORTS6 + TCP_FLAGS);
}

static __always_inline int lean6(struct xdp_md *ctx, __u32 word)
{
	struct lean_counts counts;
	struct addr_words src, dst;
	struct lean_packet p;
	struct fl_service *s;
	__u32 id, index = 0;
	int v, action = XDP_TX;
	__u64 key[4];

	if (!lean6_parse(ctx, word, &p, &src, &dst))
		return NOT_LEAN;
	s = lean_service(&dst, &p, &id, FL_SVC_QUIC | FL_SVC_GROUP, &v);
	if (!s)
		return v;
	counts.of = bpf_map_lookup_elem(&svc_stats, &id);
	touch(counts.of);
	for (int i = 0; i < 4; i++)
		key[i] = flow_key[i];
	p.hash = fl_flow_hash6(key, src.a, dst.a, p.ports, p.proto);
	v = lean_pick(ctx, s, id, &p, dirty_where(ETH_HLEN, AT_PORTS6, p.length), 1, &index);
	if (v)
		return v;
	if (gate_passive)
		see_flow(p.hash, id, index, lean6_flags(ctx));
	counts.to = bpf_map_lookup_elem(&be_stats, &index);
	touch(counts.to);
	v = lean6_forward(ctx, &p, index, &action);
	return lean_finish(&counts, index, p.bytes, v, action);
}

/*
 * The XDP action of a packet that is as expected, counted. NOT_LEAN: it is not, and untouched; TO_FULL:
 * nor would the fast path know it.
 */
static __always_inline int lean(struct xdp_md *ctx)
{
	const struct fl_ours *o = what_is_ours();
	void *data = frame(ctx);
	__u32 word;

	if (steps_wanted() || !o || data + LEAN_HEADERS > frame_end(ctx) || is_stale(o) ||
	    unlikely(!is_ours(o, data)) || to_group(data))
		return NOT_LEAN;
	word = *(__u32 *)(data + AT_TYPE);
	if ((word & IPV4_PLAIN_MASK) == IPV4_PLAIN)
		return lean4(ctx, data);
	if ((word & IPV6_PLAIN_MASK) == IPV6_PLAIN)
		return lean6(ctx, word);
	return NOT_LEAN;
}

#endif
