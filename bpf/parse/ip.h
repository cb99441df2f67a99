/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip.h - IPv4 with options (RFC 791), IPv6 with extension headers (RFC 8200). */
#ifndef FAIRLEAD_BPF_PARSE_IP_H
#define FAIRLEAD_BPF_PARSE_IP_H

#include "pkt.h"

#define IP_OFFSET_OR_MF 0x3fff /* fragment offset and "more fragments" */

/* Extension headers, and their bytes, that may stand before TCP or UDP; more are not steered. */
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
};

/*
 * Bytes of the frame from offset `at` on, which is inside it. Lengths are compared with this number:
 * kernels before 6.13 lose the bounds of a length from the packet when it is added to a pointer.
 */
static __always_inline __u32 bytes_from(void *data, void *end, __u32 at)
{
	return (__u32)(end - data) - at;
}

static __always_inline int parse_ipv4(void *data, void *end, struct pkt *p)
{
	struct iphdr *ip = data + p->l3;
	__u32 header;

	if ((void *)(ip + 1) > end)
		return FL_V_PASS_MALFORMED;
	header = ip->ihl * 4;
	p->l3_len = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || p->l3_len < header ||
	    p->l3_len > bytes_from(data, end, p->l3))
		return FL_V_PASS_MALFORMED;
	if (ip->frag_off & bpf_htons(IP_OFFSET_OR_MF))
		return FL_V_PASS_FRAGMENT;
	p->v6 = 0;
	p->proto = ip->protocol;
	p->tos = ip->tos;
	p->ttl = ip->ttl;
	p->l4 = p->l3 + header;
	return GO_ON;
}

/* Walks to the upper-layer header: *next is its protocol, *off its offset from the IP header. */
static __always_inline int skip_ext_headers(void *ip, void *end, __u8 *next, __u32 *off)
{
	/* One round more than headers are skipped: the last one sees what follows them. */
	for (int i = 0; i <= MAX_EXT_HEADERS; i++) {
		struct ext_hdr *h = ip + *off;

		if (*next == NEXTHDR_FRAGMENT)
			return FL_V_PASS_FRAGMENT;
		if (*next != NEXTHDR_HOP && *next != NEXTHDR_ROUTING && *next != NEXTHDR_DEST &&
		    *next != NEXTHDR_AUTH)
			return GO_ON;
		if ((void *)(h + 1) > end)
			return FL_V_PASS_MALFORMED;
		/* RFC 4302 2.2: AH counts 4-byte words less two, the others 8-byte words less one. */
		*off += *next == NEXTHDR_AUTH ? (h->len + 2) * 4 : (h->len + 1) * 8;
		*next = h->next;
		if (*off > sizeof(struct ipv6hdr) + MAX_EXT_BYTES)
			return FL_V_PASS_NOT_SERVICE;
	}
	return FL_V_PASS_NOT_SERVICE;
}

static __always_inline int parse_ipv6(void *data, void *end, struct pkt *p)
{
	struct ipv6hdr *ip = data + p->l3;
	__u32 off = sizeof(*ip);
	__u8 next;
	int v;

	if ((void *)(ip + 1) > end)
		return FL_V_PASS_MALFORMED;
	p->l3_len = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || p->l3_len > bytes_from(data, end, p->l3))
		return FL_V_PASS_MALFORMED;
	next = ip->nexthdr;
	v = skip_ext_headers(ip, end, &next, &off);
	if (v != GO_ON)
		return v;
	p->v6 = 1;
	p->proto = next;
	p->tos = (__u8)(ip->priority << 4 | ip->flow_lbl[0] >> 4);
	p->ttl = ip->hop_limit;
	p->l4 = p->l3 + off;
	return GO_ON;
}

#endif
