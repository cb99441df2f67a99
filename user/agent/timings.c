/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timings.c - whether the agent keeps up with what it has to do, as a part of docs/api.md's status. */
#include "agent/agent.h"
#include "agent/lateness.h"

/* Durations; the last bucket ends with the longest of them. */
static json_t *timing_json(const struct timing *t)
{
	uint64_t mean_ns = t->n ? t->sum_ns / t->n : 0;
	json_t *o = json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)t->n, "last_us",
			      (double)t->last_ns / 1e3, "mean_us", (double)mean_ns / 1e3, "max_us",
			      (double)t->max_ns / 1e3);
	json_t *buckets = json_array();

	for (unsigned int b = 0; b < TIMING_BUCKETS; b++) {
		if (!t->buckets[b])
			continue;
		json_array_append_new(
			buckets,
			json_pack("{s:I, s:I}", "below_us",
				  (json_int_t)(b < TIMING_BUCKETS - 1 ? timing__below_us(b)
								      : t->max_ns / 1000 + 1),
				  "count", (json_int_t)t->buckets[b]));
	}
	json_object_set_new(o, "p99_us", json_integer((json_int_t)timing__quantile_us(t, 990)));
	json_object_set_new(o, "buckets", buckets);
	return o;
}

static json_t *probes_json(const struct agent *a)
{
	return json_pack("{s:I, s:o}", "targets", (json_int_t)prober__count(a->prober), "late",
			 timing_json(prober__late(a->prober)));
}

static json_t *tables_json(const struct agent *a)
{
	return json_pack("{s:o, s:o}", "compute", timing_json(&a->compute), "commit",
			 timing_json(&a->commit));
}

static json_t *loop_json(const struct agent *a)
{
	struct lateness_counts late;

	rt__lately(a->rt, &late);
	return json_pack("{s:b, s:I, s:I, s:I, s:o, s:o}", "realtime", rt__is_realtime(a->rt),
			 "late_max_us", (json_int_t)(a->late_max_ns / 1000), "late_p9999_us",
			 (json_int_t)(lateness_counts__quantile(&late, 9999) / 1000), "wakeups",
			 (json_int_t)late.total, "turns", timing_json(&a->turns), "too_late_for",
			 lateness__json(a));
}

json_t *timings__json(const struct agent *a)
{
	return json_pack("{s:o, s:o, s:o}", "loop", loop_json(a), "probes", probes_json(a),
			 "tables", tables_json(a));
}
