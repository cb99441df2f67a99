/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arm.h - the lease's timer. The agent runs the program that calls lease_renew(); no packet does.
 *
 * A timer and a flag, so that the packet's path reads no clock.
 */
#ifndef FAIRLEAD_BPF_ADMIT_ARM_H
#define FAIRLEAD_BPF_ADMIT_ARM_H

#include "maps.h"

#define CLOCK_MONOTONIC 1

static int lease_lapsed(void *map, __u32 *key, struct lease *l)
{
	struct fl_ours *o;
	__u32 zero = 0;

	l->lapsed = 1;
	l->lapses++;
	o = bpf_map_lookup_elem(&ours, &zero);
	if (o && o->groups)
		o->stale = 1;
	return 0;
}

/* Arms the timer for settings.lease_ns and takes back a lapse. 0, or what the kernel refused. */
static __always_inline int lease_renew(void)
{
	const struct fl_settings *s;
	__u32 zero = 0;
	struct lease *l;
	int rc;

	l = bpf_map_lookup_elem(&lease, &zero);
	s = bpf_map_lookup_elem(&settings, &zero);
	if (!l || !s)
		return -1;
	if (!l->started) {
		/* -EBUSY (16): an agent before this one has made the timer. */
		rc = bpf_timer_init(&l->timer, &lease, CLOCK_MONOTONIC);
		if (rc && rc != -16)
			return rc;
		l->started = 1;
	}
	/* The callback belongs to the program that set it: each agent sets its own. */
	rc = bpf_timer_set_callback(&l->timer, lease_lapsed);
	if (rc)
		return rc;
	rc = bpf_timer_start(&l->timer, s->lease_ns, 0);
	if (rc)
		return rc;
	l->renewed = bpf_ktime_get_ns();
	l->lapsed = 0;
	return 0;
}

#endif
