/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passive.h - which new connections get an answer: docs/health.md.
 *
 * A service's `sampled` says of how many of its flows the SYNs are noted; `watched` is the same for all
 * other packets, and for a moment more when `sampled` has just become less. The flow's hash chooses, so
 * that a SYN and its ACK agree. A packet of a flow that is not watched pays one compare with a word of a
 * cache line that it has anyway, one that is watched a look at a cell. The clock is read for a SYN, and
 * for the one ACK that its cell waits for.
 */
#ifndef FAIRLEAD_BPF_OBSERVE_PASSIVE_H
#define FAIRLEAD_BPF_OBSERVE_PASSIVE_H

#include "gates.h"
#include "maps.h"
#include "parse/l4.h"

static __always_inline struct fl_passive *passive_of(__u32 at)
{
	return bpf_map_lookup_elem(&passive_count, &at);
}

static __always_inline struct fl_passive *passive_of_cell(__u64 word)
{
	return passive_of((__u32)(word >> FL_PASSIVE_INDEX_SHIFT) & FL_SLOT_INDEX);
}

static __always_inline __u64 passive_print(__u64 key)
{
	return key << 16 & FL_PASSIVE_PRINT; /* neither the cell's bits nor those that choose */
}

static __always_inline __u64 passive_now(void)
{
	return bpf_ktime_get_coarse_ns() >> FL_PASSIVE_TICK & FL_PASSIVE_TIME;
}

static __always_inline __u32 passive_age(__u64 word, __u64 now)
{
	return (__u32)((now - word) & FL_PASSIVE_TIME);
}

/* The SYN of a cell has had no answer in time. 1: it is the caller who found out. */
static __always_inline int passive_expire(__u64 *cell, __u64 word, __u64 next)
{
	struct fl_passive *c = passive_of_cell(word);

	if (__sync_val_compare_and_swap(cell, word, next) != word)
		return 0;
	if (c)
		__sync_fetch_and_add(&c->incomplete, 1);
	return 1;
}

/* A SYN of the flow that the cell is about. */
static __always_inline void passive_again(__u64 *cell, __u64 word)
{
	__u32 age = passive_age(word, passive_now()), pending = !(word & FL_PASSIVE_LATE);
	struct fl_passive *c = passive_of_cell(word);

	if (pending && age < FL_PASSIVE_AGAIN)
		return;
	if (c)
		__sync_fetch_and_add(&c->repeated, 1);
	if (pending && age >= FL_PASSIVE_ANSWER)
		passive_expire(cell, word, word | FL_PASSIVE_LATE);
}

/* A SYN of another flow, or the first one. A cell that waits for an answer goes on waiting. */
static __always_inline void passive_begin(__u64 *cell, __u64 word, __u64 key, __u32 id, __u32 index)
{
	const struct fl_service *s = service_at(id);
	__u32 sampled = s ? *(volatile const __u32 *)&s->sampled : 0;
	struct fl_passive *c = passive_of(index);
	struct fl_passive *of = passive_of(FL_PASSIVE_SERVICES + id);
	__u64 now, next;
	int taken;

	if ((__u32)(key >> 48) >= sampled || !c || !of)
		return;
	__sync_fetch_and_add(&c->opened, FL_PASSIVE_ALL / sampled);
	__sync_fetch_and_add(&of->opened, FL_PASSIVE_ALL / sampled);
	now = passive_now();
	next = passive_print(key) | (__u64)index << FL_PASSIVE_INDEX_SHIFT | now;
	if (!word || word & FL_PASSIVE_LATE)
		taken = __sync_val_compare_and_swap(cell, word, next) == word;
	else
		taken = passive_age(word, now) >= FL_PASSIVE_ANSWER &&
			passive_expire(cell, word, next);
	if (taken)
		__sync_fetch_and_add(&c->sampled, 1);
}

/* A later packet of the flow that the cell is about. */
static __always_inline void passive_end(__u64 *cell, __u64 word, __u32 flags)
{
	struct fl_passive *c = passive_of_cell(word);

	if (!c || !(flags & (TCP_ACK | TCP_RST)))
		return;
	if (!(word & FL_PASSIVE_LATE) && passive_age(word, passive_now()) >= FL_PASSIVE_ANSWER) {
		passive_expire(cell, word, 0);
		return;
	}
	if (__sync_val_compare_and_swap(cell, word, 0) != word || word & FL_PASSIVE_LATE)
		return;
	if (flags & TCP_RST)
		__sync_fetch_and_add(&c->reset, 1);
	else
		__sync_fetch_and_add(&c->completed, 1);
}

/*
 * A packet of a flow that is watched. `index`: its backend; `flags`: of TCP. The same packet twice, once
 * in lb and again in the step that it is left to, counts once.
 */
RARE int passive_see(__u64 key, __u32 id, __u32 index, __u32 flags)
{
	__u32 at = (__u32)key & (FL_PASSIVE_CELLS - 1), same;
	__u64 *cell, word;

	if (!gate_passive)
		return 0;
	cell = bpf_map_lookup_elem(&passive, &at);
	if (!cell)
		return 0;
	word = *(volatile __u64 *)cell;
	same = word && (word & FL_PASSIVE_PRINT) == passive_print(key);
	if (!(flags & TCP_SYN)) {
		if (same)
			passive_end(cell, word, flags);
	} else if (!(flags & TCP_ACK) && index < FL_SLOT_NONE) {
		if (same)
			passive_again(cell, word);
		else
			passive_begin(cell, word, key, id, index);
	}
	return 0;
}

/* Finds the service again: kept for so long, it would take a register where the gate is closed. */
static __always_inline void see_flow(__u64 key, __u32 id, __u32 index, __u32 flags)
{
	const struct fl_service *s = service_at(id);

	if (s && (__u32)(key >> 48) < *(volatile const __u32 *)&s->watched)
		passive_see(key, id, index, flags);
}

/* The same of a packet as the steps know it. */
static __always_inline void see_packet(const struct xdp_md *ctx, const struct pkt *p,
				       const struct target *t, const struct fl_service *s)
{
	__u64 key = t->hash;

	if (!gate_passive)
		return;
	/* Where the hash is the client's, its flows are told apart all the same. */
	if (s->affinity != FL_AFF_FLOW)
		key = fl_mix64(key ^ p->ports);
	see_flow(key, t->id, t->index, tcp_flags(ctx, p));
}

#endif
