/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt.h - what the steps know of a packet. */
#ifndef FAIRLEAD_BPF_PKT_H
#define FAIRLEAD_BPF_PKT_H

#include "fairlead/abi.h"
#include "gates.h"

/* What a step returns instead of a verdict. */
#define GO_ON (-1) /* nothing to say: the packet goes on to the next step */
#define ODD (-2) /* of parse(): ICMP or a later fragment, which has no ports of its own */
#define GO_ON_ODD (-3) /* GO_ON, to the backend t->index, by deliver_odd() */
#define TOO_BIG (-5) /* of forward(): the sender is told t->mtu */
#define TO_CLIENT (-4) /* a reply, or an error for a client: t->rw says what it becomes */

#define ETH_HLEN 14
#define ETH_HLEN_MAX 22 /* Ethernet and two VLAN tags */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum frag { FRAG_NONE, FRAG_FIRST, FRAG_LATER };

/* Offsets fill a whole stack slot each: of halves the verifier forgets the bounds. */
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
	__u32 pad;
};

/*
 * Where a packet goes: what service and pick find, and forward uses. Numbers only, so that it can
 * be handed to the functions below.
 */
struct target {
	__u64 hash; /* of the flow */
	__u32 id; /* of the service, 0: none yet */
	__u32 index; /* of the backend */
	__u32 rewritten; /* rw is filled: full NAT, and later fragments of both kinds of NAT */
	int send; /* the XDP action of a SEND verdict, which depends on the port */
	__u32 mtu; /* largest packet of the client's that fits */
	struct rewrite rw;
	struct fl_hop hop; /* of a packet for a client */
};

/*
 * A step that is rarely taken. The verifier looks at it once, and not again for each way that leads
 * to it, of which there are thousands. So it knows nothing of what is handed over, pointers may be
 * NULL, and a caller knows nothing any more of a struct whose address it has given away.
 */
#define RARE __noinline

/* Offsets of the headers, at most. The fragment header that ends a chain is not counted in it. */
#define L4_MAX (ETH_HLEN_MAX + 40 + 1024 + 8)

/* Takes over a packet that was handed to a RARE function; 0, or -1 if it is none. */
static __always_inline int adopt(struct pkt *mine, const struct pkt *p)
{
	__u64 l3, l4;

	if (!p)
		return -1;
	*mine = *p;
	l3 = p->l3;
	l4 = p->l4;
	if (l3 > ETH_HLEN_MAX || l4 > L4_MAX)
		return -1;
	/* Stored after the comparison, from the registers that were compared: see struct pkt. */
	barrier_var(l3);
	barrier_var(l4);
	mine->l3 = l3;
	mine->l4 = l4;
	return 0;
}

/* Start and end of the frame's first buffer; to be taken again after bpf_xdp_adjust_head(). */
static __always_inline void *frame(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *frame_end(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/* Bytes of the whole frame. */
static __always_inline __u64 frame_len(struct xdp_md *ctx)
{
	if (gate_jumbo)
		return bpf_xdp_get_buff_len(ctx);
	/* 64 bits wide, and so are its uses: 32-bit arithmetic on pointers is refused. */
	return (__u64)(frame_end(ctx) - frame(ctx));
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
