/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * second.h - the second that it is, without asking the clock.
 *
 * The coarse clock and a division by 10^9 take half as long as the look-up of a record. Both have one
 * answer for a second, so it is kept, with the tick of the kernel's timer until which it is certain: the
 * tick moves that clock, and comes 100 times a second or more often. The tick is a load.
 */
#ifndef FAIRLEAD_BPF_PICK_SECOND_H
#define FAIRLEAD_BPF_PICK_SECOND_H

#include "maps.h"
#include "pick/record.h"

#define TICK_NS_MAX 10000000ULL
#define TICKS_MAX 100 /* of a second, of the slowest timer */

/* CLOCK_MONOTONIC_COARSE in seconds. */
static __always_inline __u32 this_second(void)
{
	__u32 zero = 0, tick = (__u32)bpf_jiffies64(), now_s, ticks;
	__u64 *kept = bpf_map_lookup_elem(&kept_second, &zero), word, now;

	if (!kept)
		return 0;
	word = *(volatile __u64 *)kept;
	/* Kept for so many ticks at most: what is older is not taken for new when the ticks wrap. */
	if (likely(word && (__u32)word - tick - 1 < TICKS_MAX))
		return word >> 32;
	now = bpf_ktime_get_coarse_ns();
	now_s = (__u32)(now / NS_PER_S);
	/* The tick that is under way may be all but over. */
	ticks = (__u32)((NS_PER_S - now % NS_PER_S) / TICK_NS_MAX);
	if (!gate_explain && ticks > 1)
		*(volatile __u64 *)kept = (__u64)now_s << 32 | (__u32)(tick + ticks - 1);
	return now_s;
}

#endif
