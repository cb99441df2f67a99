/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep_nat.h - ends entries of `nat_flows` that are past their time. The agent reads them, decides, and runs
 * the program with what it has judged; no packet does.
 *
 * By then another connection may have the place, on the same addresses and ports; user space could only
 * delete by key, whatever stands there.
 */
#ifndef FAIRLEAD_BPF_PICK_SWEEP_NAT_H
#define FAIRLEAD_BPF_PICK_SWEEP_NAT_H

#include "pick/record.h"

/* Is it the flow that was judged, and has no packet of its come since? Its flags are for who claims it. */
static __always_inline int is_as_judged(const struct fl_nat_flow *f, const struct fl_nat_flow *was)
{
	return equal16(f->saddr, was->saddr) && equal16(f->daddr, was->daddr) &&
	       f->sport == was->sport && f->dport == was->dport && f->backend == was->backend &&
	       f->seen_s == was->seen_s;
}

/* claim(), if service and flags are those. One that was DEAD already was left lying. */
static __always_inline int claim_as(struct fl_nat_flow *f, const struct fl_nat_flow *was)
{
	union service_flags from = {{was->service, was->flags}}, to = from;

	to.flags |= FL_NAT_DEAD;
	return __sync_val_compare_and_swap((__u32 *)&f->service, from.word, to.word) == from.word;
}

/* Number of entries that went. */
RARE int sweep_nat_one(const struct fl_nat_past *past)
{
	struct fl_nat_key k __attribute__((aligned(8))), back;
	struct fl_nat_flow *f, *o;

	if (!gate_nat || !past)
		return 0;
	k = past->key;
	f = bpf_map_lookup_elem(&nat_flows, &k);
	if (!f || !is_as_judged(f, &past->flow))
		return 0;
	reply_key(&back, f, k.proto);
	o = partner_of(&back, &k, f);
	if (!o != !past->paired ||
	    (o && (o->seen_s != past->back_seen_s || o->flags != past->back_flags)) ||
	    !claim_as(f, &past->flow))
		return 0;
	bpf_map_delete_elem(&nat_flows, &k);
	if (!o)
		return 1;
	bpf_map_delete_elem(&nat_flows, &back);
	return 2;
}

/* 0, with `deleted` in the frame; -1: the frame is no struct fl_nat_sweep. */
static __always_inline int sweep_nat(struct xdp_md *ctx)
{
	struct fl_nat_past one __attribute__((aligned(8)));
	struct fl_nat_sweep *s = frame(ctx);
	__u32 deleted = 0;

	if (!gate_nat || (void *)(s + 1) > frame_end(ctx) || s->n > FL_NAT_SWEEP_KEYS)
		return -1;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < FL_NAT_SWEEP_KEYS; i++) {
		if (i >= s->n)
			break;
		__builtin_memcpy(&one, &s->past[i], sizeof(one));
		deleted += (__u32)sweep_nat_one(&one);
	}
	s->deleted = deleted;
	return 0;
}

#endif
