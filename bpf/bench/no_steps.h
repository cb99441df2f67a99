/* SPDX-License-Identifier: GPL-2.0-or-later */
/* no_steps.h - `steps` names these programs; in a benchmark of one path nobody calls them. */
#ifndef FAIRLEAD_BENCH_NO_STEPS_H
#define FAIRLEAD_BENCH_NO_STEPS_H

#define NO_STEP(name)                \
	SEC("xdp")                   \
	int name(struct xdp_md *ctx) \
	{                            \
		return XDP_ABORTED;  \
	}

NO_STEP(lb_full)
NO_STEP(lb_fast)
NO_STEP(lb_icmp)

#endif
