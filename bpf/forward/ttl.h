/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ttl.h - TTL and hop limit of a packet that is routed. */
#ifndef FAIRLEAD_BPF_FORWARD_TTL_H
#define FAIRLEAD_BPF_FORWARD_TTL_H

#include "pkt.h"

/*
 * The word of an IPv4 header that holds TTL, protocol and checksum, in memory order (our machines are
 * little-endian): TTL less one, the checksum follows (RFC 1141). A sum of 0xffff is written as 0: it
 * stands for the same number, but a header's checksum is never 0xffff (RFC 1624 3).
 */
static __always_inline __u32 less_ttl(__u32 word)
{
	__u32 sum = (word >> 16) + 1; /* 0x0100 in network order */

	sum += sum >= 0xffff;
	return ((word - 1) & 0xffff) | sum << 16;
}

/* TTL or hop limit less one; p->ttl > 1. */
static __always_inline int decrement_ttl(struct xdp_md *ctx, const struct pkt *p)
{
	void *ip = at(ctx, p->l3), *end = frame_end(ctx);

	if (p->v6) {
		struct ipv6hdr *h = ip;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		h->hop_limit--;
	} else {
		__u32 *word = ip + 8;

		if (ip + sizeof(struct iphdr) > end)
			return FL_V_DROP_BUG;
		*word = less_ttl(*word);
	}
	return GO_ON;
}

#endif
