/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meter.h - rates by GCRA (ITU-T I.371): one word, the time at which the next event would come if all
 * kept their distance.
 *
 * Words are shared by all CPUs without a lock. Two that write at once lose one event; what a limit
 * lets through too much by that is a few packets in a million.
 */
#ifndef FAIRLEAD_BPF_ADMIT_METER_H
#define FAIRLEAD_BPF_ADMIT_METER_H

#include "gates.h"

/* Takes one event; 1: it is over the limit, and the word stays. */
static __always_inline int meter_take(__u64 *word, __u64 now, __u64 gap_ns, __u64 burst_ns)
{
	__u64 tat = *(volatile __u64 *)word;

	if (tat < now)
		tat = now;
	tat += gap_ns;
	if (tat - now > burst_ns + gap_ns)
		return 1;
	if (!gate_explain)
		*(volatile __u64 *)word = tat;
	return 0;
}

#endif
