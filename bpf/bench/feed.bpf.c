/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feed.bpf.c - the packets of the benchmark, and the programs that fairlead's is compared with.
 *
 * A test run with `repeat` hands each run the frame that the last one left: a program that puts a
 * header in front would meet its own output. So `feeder` undoes that first, writes the whole frame
 * again as the next flow's, and tail-calls the program under test. What the feeder itself costs is
 * measured with a program that only returns XDP_TX, and subtracted.
 *
 * Checksums of the fed packets are the template's: nobody on the path verifies them.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/feed.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, FEED_TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

struct feed feed;

__u64 fed __attribute__((aligned(64)));

/* Each on a cache line of its own; one CPU does all the work. */
struct feed_seen sunk __attribute__((aligned(64))); /* by `sink`, at the end of the live path */
struct feed_seen dropped __attribute__((aligned(64))); /* by `drop`, in the balancer's place */

/*
 * Which flow is next. The walk visits all flows before it meets one again (a linear congruence of
 * full period, Hull and Dobell 1962), in an order that no prefetcher follows.
 */
static __always_inline __u64 next_flow(void)
{
	__u64 x = feed.at;

	if (feed.random) {
		/* xorshift64 (Marsaglia 2003) */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	} else {
		x = (x * 1664525 + 1013904223) & feed.flow_mask;
	}
	feed.at = x;
	return x;
}

static __always_inline void copy(void *to, const void *from, const int words)
{
	__u64 *t = to;
	const __u64 *f = from;

#pragma unroll
	for (int i = 0; i < words; i++)
		t[i] = f[i];
}

/* The template's words with the flow's bits: 28 of the source address, 16 of the source port. */
static __always_inline void vary(void *data, __u64 flow, const int saddr, const int daddr,
				 const int ports)
{
	/* An odd factor: different flows stay different. */
	__u64 bits = flow * 0x9e3779b97f4a7c15ULL;

	*(__u32 *)(data + saddr) ^= bpf_htonl((__u32)(bits >> 36));
	*(__u32 *)(data + daddr) ^= bpf_htonl((__u32)flow & feed.service_mask);
	*(__u16 *)(data + ports) ^= (__u16)bits;
}

static __always_inline int write_frame(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 flow = next_flow();

	if (!feed.v6) {
		if (data + FEED_FRAME4 > end)
			return -1;
		copy(data, feed.frame, FEED_FRAME4 / 8);
		vary(data, flow, FEED_SADDR4, FEED_DADDR4, FEED_PORTS4);
	} else {
		if (data + FEED_FRAME6 > end)
			return -1;
		copy(data, feed.frame, FEED_FRAME6 / 8);
		vary(data, flow, FEED_SADDR6, FEED_DADDR6, FEED_PORTS6);
	}
	return 0;
}

/* For test runs. Called in vain, adjust_head costs the same: the empty program pays for it too. */
SEC("xdp")
int feeder(struct xdp_md *ctx)
{
	__u64 len = (void *)(long)ctx->data_end - (void *)(long)ctx->data;

	/* A difference of pointers, whole: the verifier allows no arithmetic with half of one. */
	asm volatile("" : "+r"(len));
	if (bpf_xdp_adjust_head(ctx, (int)len - (int)feed.len) || write_frame(ctx))
		return XDP_ABORTED;
	/*
	 * A full barrier. Without it the program under test would read the frame while parts of it are
	 * still on their way to the cache, and pay for a load that spans two stores; a NIC's frame has
	 * been written long ago.
	 */
	__sync_fetch_and_add(&fed, 1);
	bpf_tail_call(ctx, &targets, feed.target);
	return XDP_ABORTED;
}

/* For live frames, whose pointers the kernel resets: XDP_TX puts them on the wire of the device. */
SEC("xdp")
int generator(struct xdp_md *ctx)
{
	return write_frame(ctx) ? XDP_ABORTED : XDP_TX;
}

SEC("xdp")
int empty(struct xdp_md *ctx)
{
	return XDP_TX;
}

/* The least that IP-in-IP can cost: room for the header, and constants written into it. */
SEC("xdp")
int encap_floor(struct xdp_md *ctx)
{
	void *data, *end;
	__u64 *word;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + sizeof(struct ethhdr) + sizeof(struct iphdr) > end)
		return XDP_ABORTED;
	word = data;
	word[0] = bpf_cpu_to_be64(0x020000000b010200ULL); /* to 02:00:00:00:0b:01, from 02:00: */
	word[1] = bpf_cpu_to_be64(0x00000a0108004500ULL); /* 00:00:0a:01, IPv4, version, TOS */
	word[2] = bpf_cpu_to_be64(0x0046000040004004ULL); /* 70 bytes, id, DF, TTL, protocol */
	word[3] = bpf_cpu_to_be64(0x26690a4200010a08ULL); /* checksum, 10.66.0.1, 10.8. */
	*(__u16 *)(data + 32) = bpf_htons(0x0001); /* 0.1 */
	return XDP_TX;
}

static __always_inline void see(struct feed_seen *seen, struct xdp_md *ctx)
{
	__u64 now;

	seen->packets++;
	seen->bytes += ctx->data_end - ctx->data;
	if (seen->packets & (feed.slice - 1))
		return;
	now = bpf_ktime_get_ns();
	if (seen->stamp && now - seen->stamp < seen->best)
		seen->best = now - seen->stamp;
	seen->stamp = now;
}

/* In the balancer's place: swaps the MAC addresses, sends the frame back. */
SEC("xdp")
int mac_swap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 to_high, from_low;
	__u16 to_low, from_high;

	if (data + sizeof(struct ethhdr) > end)
		return XDP_DROP;
	to_high = *(__u32 *)data;
	to_low = *(__u16 *)(data + 4);
	from_high = *(__u16 *)(data + 6);
	from_low = *(__u32 *)(data + 8);
	*(__u16 *)data = from_high;
	*(__u32 *)(data + 2) = from_low;
	*(__u32 *)(data + 6) = to_high;
	*(__u16 *)(data + 10) = to_low;
	return XDP_TX;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	see(&dropped, ctx);
	return XDP_DROP;
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	see(&sunk, ctx);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
