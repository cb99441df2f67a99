/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/flow_sweep.h"

#include "agent/agent.h"

#define PERIOD_S 5 /* of a pass over a full map */

/* Something that may be found in `flows`, or must be found not to be. */
static bool is_needed(const struct agent *a)
{
	const struct service *s;

	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++) {
		const struct target *t = a->by_index[i];

		if (t && LIST_EMPTY(&t->members) && !t->releasing)
			return true;
	}
	for (uint32_t id = 1; id < FL_MAX_SERVICES; id++) {
		s = a->by_id[id];
		if (s && (s->sums.moving || s->sums.pinned || s->dismissed_s ||
			  !TAILQ_EMPTY(&s->retired)))
			return true;
	}
	return false;
}

/* Records of a backend that is lost to all its services go before their time. */
static void state_loss(struct plane_flow_sweep *at, const struct target *t)
{
	uint32_t hold_s = 0, since_s = 0;
	const struct member *m;

	at->gone_s[t->index] = 0;
	LIST_FOREACH (m, &t->members, target_entry) {
		const struct config_service *c = m->service->config;
		uint32_t lost_s = m->dropped ? m->retired_s : m->lost_s;

		if (!c || !member__is_lost(m))
			return;
		hold_s = c->down_hold_ms / 1000 > hold_s ? c->down_hold_ms / 1000 : hold_s;
		since_s = lost_s > since_s ? lost_s : since_s;
	}
	at->gone_s[t->index] = (uint16_t)hold_s;
	at->gone_since_s[t->index] = since_s;
}

static void prepare(struct agent *a)
{
	struct plane_flow_sweep *at = a->flow_sweep.at;

	plane_flow_sweep__clear(at);
	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++) {
		if (a->by_index[i])
			state_loss(at, a->by_index[i]);
	}
	for (uint32_t id = 1; id < FL_MAX_SERVICES; id++) {
		const struct service *s = a->by_id[id];

		at->withdrawn[id] = !s || s->dismissed_s;
		at->least_idle_s[id] = s && s->config ? (uint16_t)(s->config->hold_ms / 1000) : 0;
	}
}

/* Members that are no longer configured go with their last slot and record. */
static void release_retired(struct service *s)
{
	struct flow_sweep *sweep = &s->agent->flow_sweep;
	struct member *m, *next;

	for (m = TAILQ_FIRST(&s->retired); m; m = next) {
		next = TAILQ_NEXT(m, retired_entry);
		if (m->slots || m->leaving || sweep->began_s <= s->changed_s ||
		    flow_sweep__records(s->agent, m))
			continue;
		TAILQ_REMOVE(&s->retired, m, retired_entry);
		member__drop(m);
	}
}

static void count_service(struct service *s)
{
	struct flow_sweep *sweep = &s->agent->flow_sweep;
	uint32_t records = sweep->at->records[s->id];
	struct move_count count = {
		.held = sweep->at->held[s->id],
		.began_s = sweep->began_s,
	};
	uint64_t *none = NULL;
	struct err err;

	if (s->dismissed_s) {
		/* Its members leave after a grace period, before this: a pass may have begun earlier. */
		if (!records && !s->making && !s->n_members && TAILQ_EMPTY(&s->retired) &&
		    sweep->began_s > s->dismissed_s + FL_TENTATIVE_S)
			service__release(s);
		return;
	}
	moves__measure(s, records);
	if (s->sums.pinned && !s->dirty && !s->settling && !s->making) {
		if (!count.held)
			count.held = none = calloc(plane__slots(s->slot_class) / 64, sizeof(*none));
		if (count.held && moves__turn(s, NULL, &count, &err))
			log_error("%s; next try with the next pass over the records", err.text);
		free(none);
	}
	release_retired(s);
}

static int on_worker(void *ctx, struct err *err)
{
	struct agent *a = ctx;

	return plane__flow_sweep(a->plane, a->flow_sweep.at, a->flow_sweep.period_s, err);
}

static void after_slice(void *ctx)
{
	struct agent *a = ctx;
	struct flow_sweep *s = &a->flow_sweep;

	s->deleted = s->at->deleted;
	if (!s->at->ended)
		return;
	s->counted = true;
	s->last_began_s = s->began_s;
	s->records = s->at->census.total;
	tally__free(&s->last);
	s->last = s->at->census.flows;
	s->at->census.flows = (struct tally){0};
	for (uint32_t id = 1; id < FL_MAX_SERVICES; id++) {
		if (a->by_id[id])
			count_service(a->by_id[id]);
	}
	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++) {
		if (a->by_index[i])
			target__counted(a, a->by_index[i], SWEPT_FLOWS, s->began_s,
					s->at->census.by_index[i]);
	}
}

static void after_grace(void *ctx, uint32_t ignored)
{
	struct agent *a = ctx;

	(void)ignored;
	a->flow_sweep.waiting = false;
	if (!a->stopping)
		slices__next(&a->flow_sweep.slices, &a->loop);
}

int flow_sweep__init(struct agent *a, struct err *err)
{
	a->flow_sweep.slices = (struct slices){.slice = on_worker, .after = after_slice, .ctx = a};
	return plane_flow_sweep__new(&a->flow_sweep.at, err);
}

void flow_sweep__free(struct agent *a)
{
	plane_flow_sweep__free(a->flow_sweep.at);
	tally__free(&a->flow_sweep.last);
}

void flow_sweep__tick(struct agent *a)
{
	struct flow_sweep *s = &a->flow_sweep;

	if (s->slices.busy || s->waiting)
		return;
	if (s->at->pass.midway) {
		slices__next(&s->slices, &a->loop);
		return;
	}
	if (!is_needed(a))
		return;
	s->period_s = PERIOD_S;
	s->began_s = agent__coarse_s();
	prepare(a);
	s->waiting = true;
	grace__after(a->grace, after_grace, a, 0);
}

uint32_t flow_sweep__records(const struct agent *a, const struct member *m)
{
	uint32_t id = m->service->id, index = m->target->index;

	return tally__get(&a->flow_sweep.last, id, index) +
	       (m->target->entry.mode == FL_FWD_FULLNAT ? tally__get(&a->nat_sweep.last, id, index)
							: 0);
}

json_t *flow_sweep__json(const struct agent *a)
{
	const struct flow_sweep *s = &a->flow_sweep;

	return json_pack("{s:I, s:I, s:I}", "flows", (json_int_t)s->records, "room",
			 (json_int_t)FL_MAX_FLOWS, "deleted", (json_int_t)s->deleted);
}
