/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood.bpf.c - spoofed packets, each from a source of its own, and the dam behind the balancer.
 *
 * `flood` is run with live frames on the switch's end of the balancer's cable: what it returns XDP_TX
 * for comes out at the balancer. Live frames keep what the last run wrote, so only what differs is
 * written. Nobody on the path verifies the checksums.
 *
 * `dam` sits on the same end for what the balancer sends back: packets of the lab's own hosts go on to
 * the switch, those of the flood are counted and end here, so that what is measured is the balancer
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

/* A call of user space for each few frames would cost more than they do, so time is kept here. */
static __always_inline void wait_until_due(void)
{
	__u64 now = bpf_ktime_get_ns();

	for (int i = 0; i < WAITS && now < due_ns; i++)
		now = bpf_ktime_get_ns();
	/* After a pause nothing is made up for: bursts are not what is measured. */
	due_ns = (now > due_ns + 1000 * gap_ns ? now : due_ns) + gap_ns;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 x = state;
	__u32 source;

	if (data + FLOOD_FRAME > end)
		return XDP_ABORTED;
	if (gap_ns)
		wait_until_due();
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	state = x;
	source = (__u32)(x >> 32);
	if (((source ^ lab_net) & lab_mask) == 0)
		source = ~source;
	*(__u32 *)(data + FLOOD_SADDR) = source;
	*(__u16 *)(data + FLOOD_SPORT) = (__u16)x;
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
	if (((ip->saddr ^ lab_net) & lab_mask) == 0)
		return XDP_PASS;
	passed++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
