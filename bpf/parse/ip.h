/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip.h - IPv4 with options (RFC 791), IPv6 with extension headers (RFC 8200). */
#ifndef FAIRLEAD_BPF_PARSE_IP_H
#define FAIRLEAD_BPF_PARSE_IP_H

#include "pkt.h"

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define IP6_OFFSET 0xfff8 /* of the fragment header's field, its last bit is "more fragments" */
#define IP6_MF 1

/*
 * Extension headers, and their bytes, that may stand before the transport; more are not steered. The
 * fragment header of a fragment comes on top of them.
 */
#define MAX_EXT_HEADERS 6
#define MAX_EXT_BYTES 1024

#define NEXTHDR_HOP 0
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_AUTH 51
#define NEXTHDR_DEST 60

struct ext_hdr {
	__u8 next;
	__u8 len;
	__be16 frag_off; /* of a fragment header */
	__be32 id;
};

static __always_inline int is_ext(__u8 next)
{
	return next == NEXTHDR_HOP || next == NEXTHDR_ROUTING || next == NEXTHDR_DEST ||
	       next == NEXTHDR_AUTH || next == NEXTHDR_FRAGMENT;
}

/*
 * `len`: bytes of the frame from the IP header on. Lengths are compared with this number and not added
 * to pointers: kernels before 6.13 lose the bounds of a length from the packet then.
 */
static __always_inline int parse_ipv4(void *data, void *end, __u64 len, struct pkt *p)
{
	struct iphdr *ip = data + p->l3;
	__u32 header;

	if ((void *)(ip + 1) > end)
		return FL_V_PASS_MALFORMED;
	header = ip->ihl * 4;
	p->l3_len = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || p->l3_len < header || p->l3_len > len)
		return FL_V_PASS_MALFORMED;
	p->frag = FRAG_NONE;
	if (unlikely(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))) {
		p->frag = ip->frag_off & bpf_htons(IP_OFFSET) ? FRAG_LATER : FRAG_FIRST;
		p->frag_id = ip->id;
	}
	p->v6 = 0;
	p->df = !!(ip->frag_off & bpf_htons(IP_DF));
	p->proto = ip->protocol;
	p->tos = ip->tos;
	p->ttl = ip->ttl;
	p->l4 = p->l3 + header;
	return ip->saddr == ip->daddr ? FL_V_PASS_SELF : GO_ON;
}

/* A fragment header: 0 if the datagram is whole all the same (RFC 6946), 1 if it is not. */
static __always_inline int parse_fragment(const struct ext_hdr *h, struct pkt *p)
{
	if (!(h->frag_off & bpf_htons(IP6_OFFSET | IP6_MF)))
		return 0;
	p->frag = h->frag_off & bpf_htons(IP6_OFFSET) ? FRAG_LATER : FRAG_FIRST;
	p->frag_id = h->id;
	return 1;
}

/*
 * Walks from p->l4 over extension headers to the upper-layer header: p->proto is then its protocol,
 * p->l4 its offset. What follows the header of a later fragment is no header: p->proto is what that one
 * says. GO_ON or a verdict.
 */
RARE int skip_ext_headers(struct xdp_md *ctx, struct pkt *p)
{
	__u32 off, len, cut;

	if (!p)
		return FL_V_DROP_BUG;
		/* Two rounds more than headers count: a fragment's, and the last one, which sees what follows. */
#pragma clang loop unroll(disable)
	for (int i = 0; i <= MAX_EXT_HEADERS + 1; i++) {
		struct ext_hdr *h = at(ctx, p->l4);
		__u8 now = p->proto;

		off = (__u32)(p->l4 - p->l3);
		/* A fragment's fragment is nobody's: its protocol is none that is steered. */
		if (!is_ext(now) || (now == NEXTHDR_FRAGMENT && p->frag))
			return GO_ON;
		/* The shortest is 8 bytes long. */
		if ((void *)(h + 1) > frame_end(ctx) || off + sizeof(*h) > p->l3_len)
			return FL_V_PASS_MALFORMED;
		/* RFC 4302 2.2: AH counts 4-byte words less two, the others 8-byte words less one. */
		len = now == NEXTHDR_AUTH	? (h->len + 2) * 4
		      : now == NEXTHDR_FRAGMENT ? sizeof(*h)
						: (h->len + 1) * 8;
		if (off + len > p->l3_len)
			return FL_V_PASS_MALFORMED;
		p->proto = h->next;
		p->l4 += len;
		off += len;
		/* Read again in the next round: that is one case for the verifier, whatever led there. */
		asm volatile("" : : : "memory");
		/* RFC 8200 4.1: destination options may stand behind it, and the first one has all of them. */
		if (now == NEXTHDR_FRAGMENT && parse_fragment(h, p)) {
			if (p->frag == FRAG_LATER)
				return GO_ON;
			continue;
		}
		cut = p->frag != FRAG_NONE;
		if (i >= MAX_EXT_HEADERS + (int)cut ||
		    off > sizeof(struct ipv6hdr) + MAX_EXT_BYTES + cut * sizeof(*h))
			return FL_V_PASS_NOT_SERVICE;
	}
	return FL_V_PASS_NOT_SERVICE;
}

static __always_inline int same_addr6(const struct ipv6hdr *ip)
{
	const __u32 *s = ip->saddr.in6_u.u6_addr32, *d = ip->daddr.in6_u.u6_addr32;

	return s[3] == d[3] && s[0] == d[0] && s[1] == d[1] && s[2] == d[2];
}

static __always_inline int parse_ipv6(struct xdp_md *ctx, void *data, void *end, __u64 len,
				      struct pkt *p, const enum part part)
{
	struct ipv6hdr *ip = data + p->l3;
	int same, v = GO_ON;

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
	same = same_addr6(ip);
	if (unlikely(is_ext(p->proto)))
		v = part == FULL ? skip_ext_headers(ctx, p) : TO_FULL;
	return v == GO_ON && same ? FL_V_PASS_SELF : v;
}

#endif
