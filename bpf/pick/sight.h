/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sight.h - what is remembered of flows that have no record, and of how many records there may be.
 *
 * `sighted` has a fingerprint and a second for each cell and no more, so that a flood of packets on
 * unknown addresses leaves nothing in `flows`. The words are shared by all CPUs without a lock: two that
 * write at once lose one sighting, and the flow's next packet is sighted again.
 */
#ifndef FAIRLEAD_BPF_PICK_SIGHT_H
#define FAIRLEAD_BPF_PICK_SIGHT_H

#include "admit/meter.h"
#include "observe/count.h"
#include "pick/move.h"

/* A handshake takes up to 4 seconds, and its record must not be pushed out of the LRU meanwhile. */
#define TENTATIVE_BURST_NS (4 * NS_PER_S)
#define TENTATIVE_GAP_NS (TENTATIVE_BURST_NS / (FL_MAX_TENTATIVE / 2))

/*
 * An eighth of `flows` at once, then a quarter in the time that YOUNG records stay when it is more than
 * half full: 5 s, and two of the sweeper's passes, which are slow on a machine that is being flooded.
 */
#define PROMOTED_GAP_NS (20 * NS_PER_S / (FL_MAX_FLOWS / 4))
#define PROMOTED_BURST_NS (PROMOTED_GAP_NS * (FL_MAX_FLOWS / 8))

#define SIGHT_WAYS 4 /* cells of a set, half a cache line */

struct sighting {
	__u64 *cell;
	__u64 word; /* what it holds */
	__u32 at; /* its number */
	__u32 print; /* of the flow, never 0 */
	__u32 since_s; /* of the first sighting of the flow that is there */
	int there; /* it is the one that was looked for */
};

static __always_inline void look_at_sighting(const struct moving *m, struct sighting *s)
{
	const __u64 key[4] = {flow_key[0], flow_key[1], flow_key[2], flow_key[3]};
	const __u64 *w = (const __u64 *)m;
	__u64 hash = fl_flow_hash6(key, w, w + 2, m->key.sport | (__u32)m->key.dport << 16,
				   m->key.service | (__u32)m->key.proto << 16);
	__u32 set = (__u32)hash & (FL_SIGHTED - 1) & ~(SIGHT_WAYS - 1), at;
	__u64 *cell;
	__u64 word;

	s->print = (__u32)(hash >> 32) | 1;
	/* Its own cell; else the one of its set that it may take, an empty one or the oldest. */
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SIGHT_WAYS; i++) {
		at = set + i;
		cell = bpf_map_lookup_elem(&sighted, &at);
		if (!cell)
			return;
		word = *(volatile __u64 *)cell;
		if (s->cell && word >> 32 != s->print &&
		    (!s->word || (word && (__u32)word >= s->since_s)))
			continue;
		s->cell = cell;
		s->at = at;
		s->word = word;
		s->since_s = (__u32)word;
		s->there = word >> 32 == s->print;
		if (s->there)
			return;
	}
}

/* Seconds since the first sighting of the flow, which has no record; NO_INDEX: it is not there. */
RARE __u32 sighted_ago(const struct moving *m)
{
	struct sighting s = {};

	if (!m)
		return NO_INDEX;
	look_at_sighting(m, &s);
	return s.there ? m->now_s - s.since_s : NO_INDEX;
}

/*
 * May a flow take the cell of another? Two that take turns must not keep each other from being recorded
 * for ever, and a flood must not always overwrite what was sighted a second ago.
 */
static __always_inline int is_free(const struct sighting *s, __u32 now_s)
{
	return !s->word || now_s - s->since_s >= FL_SIGHTED_S ||
	       fl_mix64((__u64)s->at << 32 | now_s) & 1;
}

/* What to do with the sighting of a flow. */
enum sight {
	SIGHT, /* 1: it was sighted FL_REAPPEAR_S ago or more; else it is now */
	SIGHT_RESTART, /* as if this were the first time */
	SIGHT_FORGET, /* it has a record now, the cell is free */
};

RARE int sight(const struct moving *m, __u32 how)
{
	struct sighting s = {};

	if (!m)
		return 0;
	look_at_sighting(m, &s);
	if (!s.cell)
		return 0;
	if (s.there && how == SIGHT)
		return m->now_s - s.since_s >= FL_REAPPEAR_S;
	if (gate_explain)
		return 0;
	if (s.there && how == SIGHT_FORGET)
		*(volatile __u64 *)s.cell = 0;
	else if (how != SIGHT_FORGET && (s.there || is_free(&s, m->now_s)))
		*(volatile __u64 *)s.cell = (__u64)s.print << 32 | m->now_s;
	return 0;
}

/* Where the records of old flows of a source are counted; of IPv6 a /64 is one. */
static __always_inline __u32 *source_cell(const struct fl_flow_key *k)
{
	__u64 a[2];
	__u32 at;

	copy16(a, k->saddr);
	at = (__u32)fl_mix64((a[0] ? a[0] : a[1]) ^ flow_key[2]) & (FL_SRC_CELLS - 1);
	return bpf_map_lookup_elem(&src_flows, &at);
}

static __always_inline void source_gains(const struct fl_flow_key *k)
{
	__u32 *n = source_cell(k);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline void source_loses(const struct fl_flow_key *k)
{
	__u32 *n = source_cell(k);

	if (n && *(volatile __u32 *)n)
		__sync_fetch_and_add(n, (__u32)-1);
}

/*
 * A record finds no room in `flows`, or what is left is not for it (FL_N_*): new connections stay with
 * `prev`, and no slot's time ends.
 */
static __always_inline void note_full(__u32 now_s, __u32 note)
{
	struct fl_pressure *p;
	__u32 zero = 0;

	count_note(note);
	p = bpf_map_lookup_elem(&pressure, &zero);
	if (!gate_explain && p && p->full_s != now_s)
		*(volatile __u32 *)&p->full_s = now_s;
}

/* A beginning stays with `prev`, unrecorded: `hold` runs from here. */
static __always_inline void note_frozen(__u32 now_s)
{
	struct fl_pressure *p;
	__u32 zero = 0;

	count_note(FL_N_FROZEN);
	p = bpf_map_lookup_elem(&pressure, &zero);
	if (!gate_explain && p && p->frozen_s != now_s)
		*(volatile __u32 *)&p->frozen_s = now_s;
}

/* Is there no room for one more tentative record, or for the record that it would become? */
RARE int under_pressure(__u32 now_s)
{
	const struct fl_pressure *p;
	__u32 zero = 0, what = FL_CHURN_TENTATIVE, full_s;
	__u64 *word;

	p = bpf_map_lookup_elem(&pressure, &zero);
	word = bpf_map_lookup_elem(&churn, &what);
	full_s = p ? *(volatile const __u32 *)&p->full_s : 0;
	if (full_s && now_s - full_s < FL_PRESSURE_S)
		return 1;
	return word &&
	       meter_take(word, bpf_ktime_get_coarse_ns(), TENTATIVE_GAP_NS, TENTATIVE_BURST_NS);
}

/*
 * Must the record of a handshake wait? Whoever forges the SYN can forge what follows it as well, and where
 * `prev` takes nobody there is no freeze: those records are not to fill `flows`.
 */
RARE int promotion_waits(__u32 now_s)
{
	__u32 what = FL_CHURN_PROMOTED;
	__u64 *word = bpf_map_lookup_elem(&churn, &what);

	if (!word ||
	    !meter_take(word, bpf_ktime_get_coarse_ns(), PROMOTED_GAP_NS, PROMOTED_BURST_NS))
		return 0;
	note_full(now_s, FL_N_PROMOTION_WAITS);
	return 1;
}

#endif
