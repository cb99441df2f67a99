/* SPDX-License-Identifier: GPL-2.0-or-later */
/* l4.h - ports of TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260); ICMP goes its own way. */
#ifndef FAIRLEAD_BPF_PARSE_L4_H
#define FAIRLEAD_BPF_PARSE_L4_H

#include "parse/ip.h"

#define IPPROTO_ICMPV6 58 /* not among the kernel's enum of IPv4 protocols */

#define TCP_HEADER 20
#define UDP_HEADER 8
#define SCTP_HEADER 12
#define ICMP_HEADER 8

#define TCP_FLAGS 13 /* offset of the flags in the header */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define SCTP_INIT 1 /* type of a chunk */

/* Bytes of a transport header that has ports; 0: it has none. */
static __always_inline __u32 header_with_ports(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return TCP_HEADER;
	case IPPROTO_UDP:
		return UDP_HEADER;
	case IPPROTO_SCTP:
		return SCTP_HEADER;
	default:
		return 0;
	}
}

static __always_inline int is_icmp(const struct pkt *p)
{
	return p->proto == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* Does a later fragment go where its first one went, although only that one shows its protocol? */
static __always_inline int hides_protocol(const struct pkt *p)
{
	return p->v6 && p->frag == FRAG_LATER && p->proto != NEXTHDR_FRAGMENT && is_ext(p->proto);
}

static __always_inline int no_ports(const struct pkt *p)
{
	if (p->frag)
		return hides_protocol(p) ? GO_ON : FL_V_PASS_FRAGMENT;
	if (!is_icmp(p))
		return FL_V_PASS_NOT_SERVICE;
	return p->l4 + ICMP_HEADER > p->l3 + p->l3_len ? FL_V_PASS_MALFORMED : TO_ICMP;
}

static __always_inline int parse_ports(const struct xdp_md *ctx, struct pkt *p)
{
	__u32 header = header_with_ports(p->proto);
	__u32 *ports = at(ctx, p->l4);

	if (unlikely(!header))
		return no_ports(p);
	if (unlikely(p->frag == FRAG_LATER))
		return GO_ON;
	if (p->l4 + header > p->l3 + p->l3_len || (void *)(ports + 1) > frame_end(ctx))
		return FL_V_PASS_MALFORMED;
	p->ports = *ports;
	return GO_ON;
}

/* The flags byte of a TCP packet; 0 for others, and where it cannot be read. */
static __always_inline __u8 tcp_flags(const struct xdp_md *ctx, const struct pkt *p)
{
	__u8 *flags = at(ctx, p->l4) + TCP_FLAGS;

	if (p->proto != IPPROTO_TCP || p->frag == FRAG_LATER ||
	    (void *)(flags + 1) > frame_end(ctx))
		return 0;
	return *flags;
}

/* Does the packet ask for a new connection? */
static __always_inline int opens_connection(const struct xdp_md *ctx, const struct pkt *p)
{
	__u8 *chunk = at(ctx, p->l4) + SCTP_HEADER;

	if (p->proto == IPPROTO_TCP)
		return (tcp_flags(ctx, p) & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	if (p->proto != IPPROTO_SCTP || p->frag == FRAG_LATER ||
	    p->l4 + SCTP_HEADER + 1 > p->l3 + p->l3_len || (void *)(chunk + 1) > frame_end(ctx))
		return 0;
	return *chunk == SCTP_INIT;
}

#endif
