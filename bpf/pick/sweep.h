/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep.h - ends records of `flows` that are past their time. The agent reads the records, decides,
 * and runs the program with their keys; no packet does.
 *
 * Two passes, so that a packet which comes between them saves its record, and each change by
 * compare-and-swap: user space could only delete, whatever has happened since it read. One pass where
 * packets shall save nothing (FL_SWEEP_END).
 */
#ifndef FAIRLEAD_BPF_PICK_SWEEP_H
#define FAIRLEAD_BPF_PICK_SWEEP_H

#include "pick/flows.h"

/* Is the operation about the record as it is by now? */
static __always_inline int applies(const struct fl_flow *f, __u32 state, __u32 seen_s,
				   __u32 backend, __u32 op)
{
	__u32 from = op == FL_SWEEP_MARK ? FL_FLOW_ACTIVE : FL_FLOW_DYING;

	/* Another connection's may be there by now, or the backend be back. */
	if (op == FL_SWEEP_END)
		return !is_dead(state) && *(volatile const __u32 *)&f->backend == backend &&
		       is_gone(backend);
	return (state & FL_FLOW_STATE) == from && *(volatile const __u32 *)&f->seen_s == seen_s;
}

/* 1: the operation applied to the record. */
static __always_inline int sweep_one(const struct fl_flow_key *k, __u32 seen_s, __u32 backend,
				     __u32 op)
{
	__u32 to = op == FL_SWEEP_MARK ? FL_FLOW_DYING : FL_FLOW_DEAD;
	struct fl_flow *f = bpf_map_lookup_elem(&flows, k);
	__u32 state;

	if (!f)
		return 0;
	state = state_of(f);
	if (!applies(f, state, seen_s, backend, op))
		return 0;
	to |= state & ~FL_FLOW_STATE;
	if (__sync_val_compare_and_swap(&f->state, state, to) != state)
		return 0;
	if (op == FL_SWEEP_MARK)
		return 1;
	bpf_map_delete_elem(&flows, k);
	if (state & FL_FLOW_OLD)
		source_loses(k);
	return 1;
}

/* 0, with `done` in the frame; -1: the frame is no struct fl_sweep. */
static __always_inline int sweep(struct xdp_md *ctx)
{
	struct fl_sweep *s = frame(ctx);
	FLOW_KEY(k);
	__u32 done = 0;

	if ((void *)(s + 1) > frame_end(ctx) || s->n > FL_SWEEP_KEYS || s->op > FL_SWEEP_END)
		return -1;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < FL_SWEEP_KEYS; i++) {
		if (i >= s->n)
			break;
		__builtin_memcpy(&k, &s->keys[i].key, sizeof(k));
		done += sweep_one(&k, s->keys[i].seen_s, s->keys[i].backend, s->op);
	}
	s->done = done;
	return 0;
}

#endif
