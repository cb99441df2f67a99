/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt.h - what the steps know of a packet. */
#ifndef FAIRLEAD_BPF_PKT_H
#define FAIRLEAD_BPF_PKT_H

#include "fairlead/abi.h"

/* What a step returns instead of a verdict. */
#define GO_ON (-1) /* nothing to say: the packet goes on to the next step */
#define TO_FULL (-2) /* the full path goes on with it: fragments, extension headers, NAT, … */
#define TO_ICMP (-3) /* it is ICMP, which has a path of its own */

#define ETH_HLEN 14
#define ETH_HLEN_MAX 22 /* Ethernet and two VLAN tags */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum frag { FRAG_NONE, FRAG_FIRST, FRAG_LATER };

struct pkt {
	__u64 l3; /* offset of the IP header: 14, 18 or 22 */
	__u64 l4; /* offset of the transport header */
	__u32 l3_len; /* bytes of the IP packet, header included; all of them are in the frame */
	__u32 ports; /* source and destination port, one load; 0 where there are none */
	__u32 frag_id; /* of a fragment, as it lies in the packet */
	__u8 v6;
	__u8 proto; /* of the transport */
	__u8 tos; /* DSCP and ECN */
	__u8 ttl; /* or hop limit */
	__u8 frag; /* enum frag */
	__u8 df; /* IPv4's "don't fragment"; IPv6: always set */
	__u8 pad[6];
};

/* An address in words that hash and compare in a few instructions; IPv4 mapped into IPv6. */
struct addr_words {
	__u64 a[2];
};

/* What NAT makes of a packet's addresses and ports. */
struct rewrite {
	struct addr_words src, dst;
	__be16 sport, dport;
};

/* Which of the programs a step is part of, known when it is compiled. */
enum part { FAST, FULL, ICMP };

/* Where a packet goes: what service and pick find, and forward uses. */
struct target {
	__u64 hash; /* of the flow */
	__u32 id; /* of the service, 0: none yet */
	__u32 index; /* of the backend */
	__u16 rewritten; /* rw is filled: full NAT, and later fragments of both kinds of NAT */
	__u16 reply; /* the packet goes the other way, and is not counted with its service */
	int send; /* the XDP action of a SEND verdict, which depends on the port */
	struct rewrite rw;
};

/* What the full path (lb.bpf.c) keeps in memory, for functions to work on; the fast one has registers. */
struct full {
	struct pkt p;
	struct target t;
	struct addr_words src, dst;
};

/*
 * A step that few packets take. The verifier looks at it once, for whatever arguments, and not again
 * for each path that leads to it; so its pointers may be NULL, and it looks at its gate itself: before
 * Linux 6.8 a function that nothing calls is verified too, and its maps may not be there. The fast path
 * calls those that take numbers only: what has an address is not in a register.
 */
#define RARE __noinline

/* Start and end of the frame's first buffer; to be taken again after bpf_xdp_adjust_head(). */
static __always_inline void *frame(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *frame_end(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/*
 * Sixteen bytes of an address. All that hold addresses are aligned to four, which their type (__u8[16])
 * does not say: a plain copy would go byte by byte.
 */
static __always_inline void copy16(void *to, const void *from)
{
	__u32 *t = to;
	const __u32 *f = from;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
	t[3] = f[3];
}

/*
 * A place in the frame by its offset, to be checked against frame_end(). The verifier has forgotten
 * how large an offset can be that comes from memory.
 */
#define OFFSET_MASK 4095 /* parse() goes no further: at most two walks of 1024 bytes and headers */

static __always_inline void *at(const struct xdp_md *ctx, __u64 offset)
{
	return frame(ctx) + (offset & OFFSET_MASK);
}

/* A one's complement sum of 16-bit words (RFC 1071), taken in wider ones, folded to 16 bits. */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

#endif
