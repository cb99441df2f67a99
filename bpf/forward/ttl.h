/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ttl.h - TTL and hop limit of a packet that is routed. */
#ifndef FAIRLEAD_BPF_FORWARD_TTL_H
#define FAIRLEAD_BPF_FORWARD_TTL_H

#include "pkt.h"

/*
 * TTL or hop limit less one; the IPv4 checksum follows (RFC 1141). A sum of 0xffff is written as 0: it
 * stands for the same number, but a header's checksum is never 0xffff (RFC 1624 3). p->ttl > 1.
 */
static __always_inline int decrement_ttl(struct xdp_md *ctx, const struct pkt *p)
{
	void *ip = at(ctx, p->l3), *end = frame_end(ctx);

	if (p->v6) {
		struct ipv6hdr *h = ip;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		h->hop_limit--;
	} else {
		/* TTL, protocol and checksum as one word, in memory order: the machines are little-endian. */
		__u32 *word = ip + 8, old, sum;

		if (ip + sizeof(struct iphdr) > end)
			return FL_V_DROP_BUG;
		old = *word;
		sum = (old >> 16) + 1; /* 0x0100 in network order */
		sum += sum >= 0xffff;
		*word = ((old - 1) & 0xffff) | sum << 16;
	}
	return GO_ON;
}

#endif
