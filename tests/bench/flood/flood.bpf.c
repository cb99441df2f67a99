/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood.bpf.c - spoofed packets, each from a source of its own, and the dam behind the balancer.
 *
 * `flood` is run with live frames on the switch's end of the balancer's cable: what it returns XDP_TX
 * for comes out at the balancer. Live frames keep what the last run wrote, so only what differs is
 * written. Nobody on the path verifies the checksums.
 *
 * `dam` sits on the same end for what the balancer sends back: packets of the lab's own hosts go on to
 * the switch, those of the flood are counted and end here (the balancer leaves their IPv4 id as it is), so that what is measured is the balancer
 * and not the switch and the backends behind it.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flood.h"

#define ETH_P_IP 0x0800

#define WAITS 65536 /* looks at the clock while a frame is not due, at most */

__u64 state = 88172645463325252ULL; /* xorshift64 (Marsaglia 2003) */
__u64 gap_ns, due_ns; /* between two frames, and when the next one may go; 0: at once */
__u64 passed; /* packets of the flood that came through */
__be32 lab_net, lab_mask; /* sources that are none of the flood */
__u32 live_first,
	live_n; /* or: spoofs so many addresses from here on, host order, all ports from 1024 */
__u32 pairs; /* each SYN is followed by the ACK that its answer would get */

/* What is different in the frame: of the last one. */
__u32 saddr, seq;
__u16 sport;
__u8 flags; /* 0: the template's */

/* A call of user space for each few frames would cost more than they do, so time is kept here. */
static __always_inline void wait_until_due(void)
{
	__u64 now = bpf_ktime_get_ns();

	for (int i = 0; i < WAITS && now < due_ns; i++)
		now = bpf_ktime_get_ns();
	/* After a pause nothing is made up for: bursts are not what is measured. */
	due_ns = (now > due_ns + 1000 * gap_ns ? now : due_ns) + gap_ns;
}

static __always_inline void next_frame(void)
{
	__u64 x = state;
	__u32 source;

	if (pairs && flags == FLOOD_SYN) {
		flags = FLOOD_ACK;
		seq++;
		return;
	}
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	state = x;
	source = (__u32)(x >> 32);
	seq = (__u32)(x * 0x9e3779b97f4a7c15ULL >> 32);
	flags = pairs ? FLOOD_SYN : 0;
	sport = (__u16)x;
	if (live_n) {
		saddr = bpf_htonl(live_first + source % live_n);
		sport = bpf_htons(1024 + (__u16)x % (65536 - 1024));
		return;
	}
	if (((source ^ lab_net) & lab_mask) == 0)
		source = ~source;
	saddr = source;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + FLOOD_FRAME > end)
		return XDP_ABORTED;
	if (gap_ns)
		wait_until_due();
	next_frame();
	*(__u32 *)(data + FLOOD_SADDR) = saddr;
	*(__u16 *)(data + FLOOD_SPORT) = sport;
	*(__u32 *)(data + FLOOD_SEQ) = bpf_htonl(seq);
	if (flags)
		*(__u8 *)(data + FLOOD_FLAGS) = flags;
	return XDP_TX;
}

SEC("xdp")
int dam(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (((ip->saddr ^ lab_net) & lab_mask) == 0 && ip->id != bpf_htons(FLOOD_ID))
		return XDP_PASS;
	passed++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
