/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rates.c - counters of the program and their rates over the last tick. */
#include "agent/agent.h"

static void sample(struct agent *a, struct rate *r, enum plane_counter kind, uint32_t index)
{
	uint64_t now = uv_hrtime();
	struct fl_count c;
	double dt;

	if (plane__count(a->plane, kind, index, &c))
		return;
	dt = (double)(now - r->at_ns) / 1e9;
	if (r->at_ns && dt > 0 && c.packets >= r->last.packets) {
		r->packets_per_s = (double)(c.packets - r->last.packets) / dt;
		r->bytes_per_s = (double)(c.bytes - r->last.bytes) / dt;
	}
	r->last = c;
	r->at_ns = now;
}

void rates__tick(struct agent *a)
{
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry)
		sample(a, &s->rate, PLANE_SERVICE, s->id);
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		if (a->by_index[i])
			sample(a, &a->by_index[i]->rate, PLANE_BACKEND, i);
	}
	for (uint32_t v = 0; v < FL_VERDICTS; v++)
		sample(a, &a->verdicts[v], PLANE_VERDICT, v);
	for (uint32_t i = 0; i < FL_NOTES; i++)
		sample(a, &a->notes[i], PLANE_NOTE, i);
}
