/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * take.h - records that peers have told of are put into `flows`. The agent runs the program with them; no
 * packet does.
 *
 * Not from user space: packets may be using the record that is there, and what they write is not to be
 * lost. As the sweeper's, each change is a compare-and-swap, and who has lost it leaves the record to the
 * packet: what the peer has seen is told again.
 */
#ifndef FAIRLEAD_BPF_PICK_TAKE_H
#define FAIRLEAD_BPF_PICK_TAKE_H

#include "pick/flows.h"

/* The same connection, at the same backend: the record that is there learns what the peer has seen. */
static __always_inline int learn(struct fl_flow *f, __u32 state, const struct fl_flow *made)
{
	__u32 next = (state & ~FL_FLOW_STATE) | FL_FLOW_ACTIVE;

	if (!(made->state & FL_FLOW_YOUNG))
		next &= ~FL_FLOW_YOUNG;
	/* What was taken back there was not sent by the client; here its packets say so themselves. */
	if (state & FL_FLOW_COPY)
		next &= ~FL_FLOW_RST;
	next |= made->state & (FL_FLOW_FIN | FL_FLOW_RST);
	*(volatile __u32 *)&f->seen_s = made->seen_s;
	return next == state || __sync_val_compare_and_swap(&f->state, state, next) == state;
}

static __always_inline int is_same(const struct fl_flow *f, const struct fl_flow *made)
{
	return f->backend == made->backend &&
	       (!(made->state & FL_FLOW_YOUNG) || f->fit.isn == made->fit.isn);
}

/* Another one, or elsewhere: the newer one stands, of two in the same second the one of this machine. */
static __always_inline int gives_way(const struct fl_flow *f, __u32 state,
				     const struct fl_flow_key *k, const struct fl_flow *made)
{
	return f->seen_s != made->seen_s || state & FL_FLOW_COPY ||
	       is_over(f, state, k, made->seen_s);
}

/* 1: the record stands as told. */
RARE int take_one(const struct fl_told *from)
{
	struct fl_flow made, *f;
	__u32 state;
	FLOW_KEY(k);
	int rc;

	if (!from)
		return 0;
	__builtin_memcpy(&k, &from->key, sizeof(k));
	__builtin_memcpy(&made, &from->flow, sizeof(made));
	f = bpf_map_lookup_elem(&flows, &k);
	if (!f) {
		/* Kernels before 6.4 leave the upper half of the result as it was. */
		rc = (int)bpf_map_update_elem(&flows, &k, &made, BPF_NOEXIST);
		if (rc && rc != -EEXIST)
			note_full(coarse_s(), FL_N_FLOWS_FULL);
		return !rc;
	}
	state = state_of(f);
	if (is_dead(state) || (__s32)(made.seen_s - *(volatile __u32 *)&f->seen_s) < 0)
		return 0;
	if (is_same(f, &made))
		return learn(f, state, &made);
	return gives_way(f, state, &k, &made) && replace(&k, f, state, &made);
}

/* 0, with `done` in the frame; -1: the frame is no struct fl_take. */
static __always_inline int take(struct xdp_md *ctx)
{
	struct fl_take *t = frame(ctx);
	struct fl_told one;
	__u32 done = 0;

	if ((void *)(t + 1) > frame_end(ctx) || t->n > FL_TAKE_RECORDS)
		return -1;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < FL_TAKE_RECORDS; i++) {
		if (i >= t->n)
			break;
		__builtin_memcpy(&one, &t->records[i], sizeof(one));
		done += take_one(&one);
	}
	t->done = done;
	return 0;
}

#endif
