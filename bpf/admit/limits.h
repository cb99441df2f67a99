/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limits.h - packets and new connections a second, of a service and of each of its sources.
 *
 * Sources are metered in a sketch: two rows of words, and in each a word that the source's hash names.
 * Others may share a word, hardly ever both, and a source is over its limit only when both words say
 * so. However many sources there are, a packet costs two words, and there is no entry to make.
 */
#ifndef FAIRLEAD_BPF_ADMIT_LIMITS_H
#define FAIRLEAD_BPF_ADMIT_LIMITS_H

#include "gates.h"
#include "admit/meter.h"
#include "fairlead/flowhash.h"
#include "maps.h"
#include "observe/count.h"
#include "parse/l4.h"
#include "service/key.h"

/* Verdict and note of each meter. */
static __always_inline int over(enum fl_meter m, const struct fl_limits *l)
{
	static const __u8 verdict[FL_METERS_N] = {
		[FL_METER_SVC_PACKETS] = FL_V_DROP_SVC_PACKETS,
		[FL_METER_SVC_NEW] = FL_V_DROP_SVC_NEW,
		[FL_METER_SRC_PACKETS] = FL_V_DROP_SRC_PACKETS,
		[FL_METER_SRC_NEW] = FL_V_DROP_SRC_NEW,
	};
	static const __u8 note[FL_METERS_N] = {
		[FL_METER_SVC_PACKETS] = FL_N_SVC_PACKETS,
		[FL_METER_SVC_NEW] = FL_N_SVC_NEW,
		[FL_METER_SRC_PACKETS] = FL_N_SRC_PACKETS,
		[FL_METER_SRC_NEW] = FL_N_SRC_NEW,
	};

	if (!(l->flags & FL_LIMIT_MONITOR))
		return verdict[m];
	count_note(note[m]);
	return GO_ON;
}

/* What a source's words are found by. */
static __always_inline __u64 source_hash(__u64 source, __u32 id, enum fl_meter m)
{
	return fl_mix64(source ^ flow_key[m == FL_METER_SRC_NEW] ^ ((__u64)id << 32 | m));
}

static __always_inline int take_row(__u32 cell, __u64 now, const struct fl_limit *l)
{
	__u64 *word = bpf_map_lookup_elem(&meters, &cell);

	return word ? meter_take(word, now, l->gap_ns, l->burst_ns) : 0;
}

/* 1: over, in both rows. */
static __always_inline int take_source(__u64 hash, __u64 now, const struct fl_limit *l)
{
	int first = take_row((__u32)hash & (FL_METERS - 1), now, l);
	int second = take_row(FL_METERS + ((__u32)(hash >> 32) & (FL_METERS - 1)), now, l);

	return first && second;
}

/*
 * GO_ON or a DROP. `source`: the address's words, one of them; `opens`: a new connection. What is over
 * one limit takes no token of the next, if it is only noted too.
 */
RARE int check_limits(__u64 source, __u32 id, __u32 opens)
{
	const struct fl_limits *l = bpf_map_lookup_elem(&limits, &id);
	struct fl_svc_meter *m = bpf_map_lookup_elem(&svc_meters, &id);
	__u64 now = bpf_ktime_get_coarse_ns();

	if (!gate_limits || !l || !m)
		return FL_V_DROP_BUG;
	if (l->limit[FL_METER_SRC_PACKETS].gap_ns &&
	    take_source(source_hash(source, id, FL_METER_SRC_PACKETS), now,
			&l->limit[FL_METER_SRC_PACKETS]))
		return over(FL_METER_SRC_PACKETS, l);
	if (opens && l->limit[FL_METER_SRC_NEW].gap_ns &&
	    take_source(source_hash(source, id, FL_METER_SRC_NEW), now,
			&l->limit[FL_METER_SRC_NEW]))
		return over(FL_METER_SRC_NEW, l);
	if (l->limit[FL_METER_SVC_PACKETS].gap_ns &&
	    meter_take(&m->tat[0], now, l->limit[FL_METER_SVC_PACKETS].gap_ns,
		       l->limit[FL_METER_SVC_PACKETS].burst_ns))
		return over(FL_METER_SVC_PACKETS, l);
	if (opens && l->limit[FL_METER_SVC_NEW].gap_ns &&
	    meter_take(&m->tat[1], now, l->limit[FL_METER_SVC_NEW].gap_ns,
		       l->limit[FL_METER_SVC_NEW].burst_ns))
		return over(FL_METER_SVC_NEW, l);
	return GO_ON;
}

static __always_inline int admit_rate(struct xdp_md *ctx, const struct pkt *p,
				      const struct addr_words *src, const struct fl_service *s,
				      __u32 id)
{
	if (!gate_limits || !(s->flags & FL_SVC_LIMITS))
		return GO_ON;
	/* IPv6 sources count by /64, since one host has all of it. */
	return check_limits(src->a[0] ? src->a[0] : src->a[1], id, opens_connection(ctx, p));
}

#endif
