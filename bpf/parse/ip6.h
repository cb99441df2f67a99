/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip6.h - IPv6 with extension headers (RFC 8200). */
#ifndef FAIRLEAD_BPF_PARSE_IP6_H
#define FAIRLEAD_BPF_PARSE_IP6_H

#include "parse/ip.h"

static __always_inline int is_ext(__u8 next)
{
	return next == NEXTHDR_HOP || next == NEXTHDR_ROUTING || next == NEXTHDR_DEST ||
	       next == NEXTHDR_AUTH || next == NEXTHDR_FRAGMENT;
}

/* A walk along extension headers, and where it ended. */
struct chain {
	__u32 off; /* of the upper-layer header, from the IP header on */
	__u32 frag_id;
	__u8 proto; /* of the first header, then of the upper layer */
	__u8 frag; /* enum frag */
	__u8 pad[2];
};

/* A fragment header: GO_ON if the datagram is whole all the same (RFC 6946), ODD if it is not. */
static __always_inline int parse_fragment(const struct ext_hdr *h, struct chain *c)
{
	if (!(h->frag_off & bpf_htons(IP6_OFFSET | IP6_MF)))
		return GO_ON;
	c->frag = h->frag_off & bpf_htons(IP6_OFFSET) ? FRAG_LATER : FRAG_FIRST;
	c->frag_id = h->id;
	return ODD;
}

/* Walks to the upper-layer header of the packet at `l3`, of `len` bytes. GO_ON or a verdict. */
RARE int walk_ext_headers(struct xdp_md *ctx, __u32 l3, __u32 len, struct chain *c)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__u32 off = sizeof(struct ipv6hdr);

	/* A packet that an ICMP error quotes lies behind its header. */
	if (!c || l3 > L4_MAX + 8)
		return FL_V_PASS_MALFORMED;
	/* One round more than headers are skipped: the last one sees what follows them. */
	for (int i = 0; i <= MAX_EXT_HEADERS; i++) {
		struct ext_hdr *h = data + l3 + off;
		__u8 now = c->proto;
		__u32 bytes;

		c->off = off;
		if (!is_ext(now))
			return GO_ON;
		/* The shortest is 8 bytes long. */
		if ((void *)(h + 1) > end || off + sizeof(*h) > len)
			return FL_V_PASS_MALFORMED;
		/* RFC 4302 2.2: AH counts 4-byte words less two, others 8-byte words less one. */
		bytes = now == NEXTHDR_AUTH	  ? (h->len + 2) * 4
			: now == NEXTHDR_FRAGMENT ? sizeof(*h)
						  : (h->len + 1) * 8;
		if (off + bytes > len)
			return FL_V_PASS_MALFORMED;
		c->proto = h->next;
		off += bytes;
		if (now == NEXTHDR_FRAGMENT && parse_fragment(h, c) == ODD) {
			c->off = off;
			return GO_ON;
		}
		if (off > sizeof(struct ipv6hdr) + MAX_EXT_BYTES)
			return FL_V_PASS_NOT_SERVICE;
	}
	return FL_V_PASS_NOT_SERVICE;
}

static __always_inline int same_addr6(const struct ipv6hdr *ip)
{
	const __u32 *s = ip->saddr.in6_u.u6_addr32, *d = ip->daddr.in6_u.u6_addr32;

	return s[3] == d[3] && s[0] == d[0] && s[1] == d[1] && s[2] == d[2];
}

/* The same for a packet with extension headers: p->proto is the first one's type. */
static __always_inline int parse_exts(struct xdp_md *ctx, struct pkt *p)
{
	struct chain c = {.proto = p->proto};
	int v = walk_ext_headers(ctx, (__u32)p->l3, p->l3_len, &c);
	__u32 off = c.off;

	if (v != GO_ON)
		return v;
	if (off > L4_MAX - ETH_HLEN_MAX)
		return FL_V_DROP_BUG;
	p->l4 = p->l3 + off;
	p->proto = c.proto;
	p->frag = c.frag;
	p->frag_id = c.frag_id;
	return GO_ON;
}

static __always_inline int parse_ipv6(struct xdp_md *ctx, void *data, void *end, __u64 len,
				      struct pkt *p)
{
	struct ipv6hdr *ip = data + p->l3;
	int self, v = GO_ON;

	if ((void *)(ip + 1) > end)
		return FL_V_PASS_MALFORMED;
	p->l3_len = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || p->l3_len > len)
		return FL_V_PASS_MALFORMED;
	p->frag = FRAG_NONE;
	p->v6 = 1;
	p->df = 1;
	p->tos = (__u8)(ip->priority << 4 | ip->flow_lbl[0] >> 4);
	p->ttl = ip->hop_limit;
	p->proto = ip->nexthdr;
	p->l4 = p->l3 + sizeof(*ip);
	self = same_addr6(ip);
	if (unlikely(is_ext(p->proto)))
		v = parse_exts(ctx, p);
	if (v != GO_ON)
		return v;
	return self ? FL_V_PASS_SELF : GO_ON;
}

#endif
