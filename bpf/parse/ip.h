/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip.h - IPv4 with options (RFC 791), and what IPv6 shares with it. */
#ifndef FAIRLEAD_BPF_PARSE_IP_H
#define FAIRLEAD_BPF_PARSE_IP_H

#include "pkt.h"

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define IP6_OFFSET 0xfff8 /* of the fragment header's field, its last bit is "more fragments" */
#define IP6_MF 1

/* Extension headers, and their bytes, that may stand before the transport; more are not steered. */
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

#endif
