/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * toobig.h - tells a client what fits: ICMP fragmentation needed (RFC 1191 4), ICMPv6 packet too big
 * (RFC 4443 3.2). The answer comes from the VIP, which is what the client talks to.
 */
#ifndef FAIRLEAD_BPF_FORWARD_TOOBIG_H
#define FAIRLEAD_BPF_FORWARD_TOOBIG_H

#include "gates.h"
#include "admit/meter.h"
#include "forward/host.h"
#include "maps.h"
#include "parse/eth.h"
#include "parse/ip.h"
#include "parse/l4.h"

#define ICMP_METER_ECHO 0
#define ICMP_METER_TOO_BIG 1
#define ECHO_GAP_NS 100000 /* 10 000 a second and CPU */
#define TOO_BIG_GAP_NS 1000000 /* 1 000 a second and CPU */
#define ICMP_BURST_NS 20000000

#define ICMP_TTL 64
#define QUOTE4 548 /* RFC 1812 4.3.2.3: the answer has at most 576 bytes */
#define QUOTE4_LEAST 68 /* longest IPv4 header and 8 bytes, RFC 792 */
#define QUOTE6 1232 /* RFC 4443 2.4 (c): the answer has at most 1280 bytes */
#define SUM_MAX 512 /* bytes that bpf_csum_diff() takes at once */
#define MIN_MTU4 68 /* RFC 791 3.2 */
#define MIN_MTU6 1280 /* RFC 8200 5 */

struct icmp_error {
	__u8 type;
	__u8 code;
	__sum16 check;
	__be32 info; /* IPv4: 16 bits unused, 16 of MTU; IPv6: MTU */
};

/* 1: this CPU has answered often enough. */
static __always_inline int icmp_over(__u32 which, __u64 gap_ns)
{
	__u64 *word = bpf_map_lookup_elem(&icmp_meters, &which);

	return !word || meter_take(word, bpf_ktime_get_coarse_ns(), gap_ns, ICMP_BURST_NS);
}

/* Adds `len` bytes, known when compiled, to a one's complement sum. */
static __always_inline __u64 sum_bytes(void *at, void *end, const __u32 len, __u64 sum)
{
	for (__u32 done = 0; done < len; done += SUM_MAX) {
		__u32 n = len - done < SUM_MAX ? len - done : SUM_MAX;

		if (at + done + n > end)
			return 0;
		sum += (__u32)bpf_csum_diff(NULL, 0, at + done, n, 0);
	}
	return sum;
}

/* What is quoted is summed, and a program sees the first buffer only. */
static __always_inline int in_first_buffer(const struct xdp_md *ctx, __u32 l3, __u32 quote)
{
	return at(ctx, l3) + quote <= frame_end(ctx);
}

/* Cuts the frame to the quoted bytes, makes room in front, swaps MACs, keeps tags. */
static __always_inline int reframe_answer(struct xdp_md *ctx, __u32 l3, __u32 quote, __u32 room)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__u32 head[6];

	if (data + ETH_HLEN_MAX + 2 > end)
		return FL_V_DROP_BUG;
	/* Destination and source, 12 bytes, then at most two tags and the type. */
	__builtin_memcpy(head, data, 12);
	head[3] = *(__u32 *)(data + 12);
	head[4] = *(__u32 *)(data + 16);
	head[5] = *(__u32 *)(data + 20);
	if (bpf_xdp_adjust_tail(ctx, (int)((__s64)(l3 + quote) - (__s64)frame_len(ctx))) ||
	    bpf_xdp_adjust_head(ctx, -(int)room))
		return FL_V_DROP_HEADROOM;
	data = frame(ctx);
	end = frame_end(ctx);
	if (data + ETH_HLEN_MAX + 2 > end)
		return FL_V_DROP_BUG;
	/* Source to the front: bytes 6..11, then 0..5. Our machines are little-endian. */
	*(__u32 *)data = head[1] >> 16 | head[2] << 16;
	*(__u32 *)(data + 4) = head[2] >> 16 | head[0] << 16;
	*(__u32 *)(data + 8) = head[0] >> 16 | head[1] << 16;
	/* What is written too much lies in the room and is overwritten. */
	*(__u32 *)(data + 12) = head[3];
	*(__u32 *)(data + 16) = head[4];
	*(__u32 *)(data + 20) = head[5];
	return GO_ON;
}

static __always_inline int answer4(struct xdp_md *ctx, __u32 l3, __u32 l3_len, __u32 mtu)
{
	__u32 quote = l3_len >= QUOTE4 ? QUOTE4 : QUOTE4_LEAST;
	__be32 client, vip;
	struct icmp_error *icmp;
	struct iphdr *ip = at(ctx, l3);
	void *end;
	__u64 sum;
	int v;

	if ((void *)(ip + 1) > frame_end(ctx) || l3_len < QUOTE4_LEAST ||
	    !in_first_buffer(ctx, l3, quote))
		return FL_V_DROP_TOO_BIG;
	client = ip->saddr;
	vip = ip->daddr;
	v = reframe_answer(ctx, l3, quote, sizeof(*ip) + sizeof(*icmp));
	if (v != GO_ON)
		return v;
	ip = at(ctx, l3);
	icmp = (void *)(ip + 1);
	end = frame_end(ctx);
	if ((void *)(icmp + 1) > end)
		return FL_V_DROP_BUG;
	*icmp = (struct icmp_error){.type = 3, .code = 4, .info = bpf_htonl(mtu & 0xffff)};
	sum = (__u64)bpf_htons(3 << 8 | 4) + icmp->info;
	sum = quote == QUOTE4 ? sum_bytes(icmp + 1, end, QUOTE4, sum)
			      : sum_bytes(icmp + 1, end, QUOTE4_LEAST, sum);
	icmp->check = (__sum16)~fold(sum);
	*(__u32 *)ip = bpf_htonl(0x45000000U | (__u32)(sizeof(*ip) + sizeof(*icmp) + quote));
	*((__u32 *)ip + 1) = bpf_htonl(IP_DF);
	*((__u32 *)ip + 2) = bpf_htonl((__u32)ICMP_TTL << 24 | IPPROTO_ICMP << 16);
	ip->saddr = vip;
	ip->daddr = client;
	sum = 0;
	for (int i = 0; i < 5; i++)
		sum += *((__u32 *)ip + i);
	ip->check = (__sum16)~fold(sum);
	return FL_V_SEND_TOO_BIG;
}

static __always_inline int answer6(struct xdp_md *ctx, __u32 l3, __u32 l3_len, __u32 mtu)
{
	struct ipv6hdr *ip = at(ctx, l3);
	struct in6_addr client, vip;
	struct icmp_error *icmp;
	void *end;
	__u64 sum;
	int v;

	if ((void *)(ip + 1) > frame_end(ctx) || l3_len < QUOTE6 ||
	    !in_first_buffer(ctx, l3, QUOTE6))
		return FL_V_DROP_TOO_BIG;
	client = ip->saddr;
	vip = ip->daddr;
	v = reframe_answer(ctx, l3, QUOTE6, sizeof(*ip) + sizeof(*icmp));
	if (v != GO_ON)
		return v;
	ip = at(ctx, l3);
	icmp = (void *)(ip + 1);
	end = frame_end(ctx);
	if ((void *)(icmp + 1) > end)
		return FL_V_DROP_BUG;
	*(__u32 *)ip = bpf_htonl(6U << 28);
	*((__u32 *)ip + 1) =
		bpf_htonl((__u32)(sizeof(*icmp) + QUOTE6) << 16 | IPPROTO_ICMPV6 << 8 | ICMP_TTL);
	ip->saddr = vip;
	ip->daddr = client;
	*icmp = (struct icmp_error){.type = 2, .info = bpf_htonl(mtu < MIN_MTU6 ? MIN_MTU6 : mtu)};
	/* RFC 4443 2.3: with a pseudo-header of addresses, length and protocol. */
	sum = (__u64)bpf_htons(2 << 8) + icmp->info + bpf_htons(sizeof(*icmp) + QUOTE6) +
	      bpf_htons(IPPROTO_ICMPV6);
	for (int i = 2; i < 10; i++)
		sum += *((__u32 *)ip + i);
	icmp->check = (__sum16)~fold(sum_bytes(icmp + 1, end, QUOTE6, sum));
	return FL_V_SEND_TOO_BIG;
}

/* Can whoever has sent the packet be told? Asked first: others take none of the answers that may be given. */
static __always_inline int from_host(const struct xdp_md *ctx, __u32 l3, __u32 v6)
{
	const void *end = frame_end(ctx), *header = at(ctx, l3);
	const struct ipv6hdr *ip6 = header;
	const struct iphdr *ip4 = header;

	if (v6)
		return (const void *)(ip6 + 1) <= end && is_host6(&ip6->saddr);
	return (const void *)(ip4 + 1) <= end && is_host4(ip4->saddr);
}

/*
 * `mtu`: the largest packet of the client's that fits. SEND_TOO_BIG, to go out where it came in, or
 * DROP_TOO_BIG.
 */
RARE int too_big(struct xdp_md *ctx, __u32 l3, __u32 l3_len, __u32 v6, __u32 mtu)
{
	if (!from_host(ctx, l3, v6) || icmp_over(ICMP_METER_TOO_BIG, TOO_BIG_GAP_NS))
		return FL_V_DROP_TOO_BIG;
	return v6 ? answer6(ctx, l3, l3_len, mtu) : answer4(ctx, l3, l3_len, mtu);
}

/* Whose sender can be told: of a whole packet that must not be fragmented, and is no ICMP itself. */
static __always_inline int tell_too_big(struct xdp_md *ctx, const struct pkt *p, struct target *t,
					__u32 mtu, __u32 overhead)
{
	mtu = mtu > overhead + MIN_MTU4 ? mtu - overhead : MIN_MTU4;
	if (!p->df || p->frag || !header_with_ports(p->proto))
		return FL_V_DROP_TOO_BIG;
	t->send = XDP_TX;
	return too_big(ctx, (__u32)p->l3, p->l3_len, p->v6, mtu);
}

#endif
