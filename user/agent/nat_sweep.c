/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/nat_sweep.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"

#define MOST_PERIOD_S 30
#define LIMIT_PERIOD_S 5 /* where a limit waits for the count */
#define PASSES_PER_IDLE 4 /* so that a record lives at most a quarter longer than it should */
#define HURRY_S \
	5 /* while there are records of backends that are gone: whoever has one gets no answer */

/* Seconds that a pass may take; 0: no service forwards by NAT. */
static uint32_t period_of(const struct config *c)
{
	uint32_t period = 0;

	for (size_t i = 0; c && i < c->n_services; i++) {
		uint32_t s = c->services[i].idle_ms / 1000 / PASSES_PER_IDLE;

		if (!config_service__translates(&c->services[i]))
			continue;
		s = s < 1 ? 1 : s > MOST_PERIOD_S ? MOST_PERIOD_S : s;
		if (c->services[i].health.max_flows && s > LIMIT_PERIOD_S)
			s = LIMIT_PERIOD_S;
		period = period && period < s ? period : s;
	}
	return period;
}

/* Does anything in `nat_flows`, as far as the pass has come, name a backend that is gone? */
static bool is_urgent(const struct nat_sweep *s)
{
	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++) {
		if (s->losses[i].hold_s && s->at.census.by_index[i])
			return true;
	}
	return false;
}

static int on_worker(void *ctx, struct err *err)
{
	struct agent *a = ctx;

	return plane__nat_sweep(a->plane, &a->nat_sweep.at, a->nat_sweep.period_s, err);
}

static void after_slice(void *ctx)
{
	struct agent *a = ctx;
	struct nat_sweep *s = &a->nat_sweep;

	s->deleted = s->at.deleted;
	if (!s->at.ended)
		return;
	s->counted = true;
	s->last_began_s = s->began_s;
	s->flows = s->at.census.total;
	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++) {
		if (a->by_index[i])
			target__counted(a, a->by_index[i], SWEPT_NAT, s->began_s,
					s->at.census.by_index[i]);
	}
	tally__free(&s->last);
	s->last = s->at.census.flows;
	s->at.census.flows = (struct tally){0};
}

int nat_sweep__init(struct agent *a, struct err *err)
{
	struct nat_sweep *s = &a->nat_sweep;

	s->slices = (struct slices){.slice = on_worker, .after = after_slice, .ctx = a};
	s->losses = calloc(FL_MAX_BACKENDS, sizeof(*s->losses));
	s->at.losses = s->losses;
	return s->losses && plane_census__init(&s->at.census)
		       ? 0
		       : err__set(err, -ENOMEM, "out of memory");
}

void nat_sweep__free(struct agent *a)
{
	plane_census__free(&a->nat_sweep.at.census);
	free(a->nat_sweep.losses);
	tally__free(&a->nat_sweep.last);
}

void nat_sweep__tick(struct agent *a)
{
	struct nat_sweep *s = &a->nat_sweep;

	if (s->slices.busy)
		return;
	s->period_s = period_of(a->config);
	if (!s->period_s)
		return;
	if (s->period_s > HURRY_S && is_urgent(s))
		s->period_s = HURRY_S;
	target__losses(a, s->losses);
	if (!s->at.pass.midway) {
		plane_census__clear(&s->at.census);
		s->began_s = agent__coarse_s();
	}
	slices__next(&s->slices, &a->loop);
}

json_t *nat_sweep__json(const struct agent *a)
{
	return json_pack("{s:I, s:I}", "flows", (json_int_t)a->nat_sweep.flows, "deleted",
			 (json_int_t)a->nat_sweep.deleted);
}
