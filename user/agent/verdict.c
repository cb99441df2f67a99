/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.c - from what is known of each backend to how much of its weight it takes: docs/health.md.
 *
 * health/pool.h decides for a service as a whole. What it says stands in member.parts, which the table is
 * computed from, and which a restart goes on from.
 */
#include "agent/agent.h"
#include "agent/chronicle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "health/limit.h"

#define LIMIT_LOOK_S 2 /* what changed has shown by then, in a rate over a second */

/* What a member takes if it takes any: by slow start, the operator, its own word, its limits. */
static uint8_t most_parts(const struct member *m, uint64_t mono_ns)
{
	uint32_t ramp =
		health__ramp(&m->health, m->service->health.slow_start_ms, TABLE_PARTS, mono_ns);
	uint32_t parts = (ramp * m->percent * m->asked + 5000) / 10000;

	if (!parts && m->percent && m->asked)
		parts = 1;
	if (m->full)
		return 0;
	return (uint8_t)(parts < m->cap ? parts : m->cap);
}

struct pool_member verdict__seen(const struct member *m, uint64_t mono_ns)
{
	return (struct pool_member){
		.weight = m->weight,
		.parts = most_parts(m, mono_ns),
		.backup = m->backup,
		.out = m->health.admin != FL_ADMIN_NONE,
		.well = health__is_well(&m->health),
		.unsure = m->health.ruled == FL_HEALTH_UNKNOWN ||
			  m->health.ruled == FL_HEALTH_SUSPECT,
	};
}

/* Slow start is over, or has nothing to begin: what comes later is no slow start. */
static void end_ramp(struct member *m, uint64_t mono_ns)
{
	if (!m->health.ramping || health__ramp(&m->health, m->service->health.slow_start_ms,
					       TABLE_PARTS, mono_ns) < TABLE_PARTS)
		return;
	m->health.ramping = false;
	member__remember(m);
}

static void give(struct member *m, uint8_t parts)
{
	if (m->parts == parts)
		return;
	/* What it got in a panic is given up from now on. */
	if (!parts && health__is_lost(&m->health))
		m->lost_s = agent__coarse_s();
	m->parts = parts;
	service__touch(m->service);
	member__remember(m);
}

static void log_pool(const struct service *s, const struct pool_state *was)
{
	if (s->pool.panic && !was->panic)
		log_warn("service %s: panic: too few backends are well, so all get flows, but for "
			 "those that an operator has taken out",
			 s->name);
	else if (was->panic && !s->pool.panic)
		log_info("service %s: the panic is over: enough backends are well", s->name);
	if (s->pool.panic != was->panic)
		chronicle__tell_service(s, JOURNAL_PANIC, "", s->pool.panic ? "panic" : "over",
					s->pool.panic ? "too few backends are well: all get flows"
						      : "enough backends are well");
	if (s->pool.backups != was->backups)
		log_info("service %s: %s", s->name,
			 s->pool.backups ? "its backups are called in"
					 : "its backups are no longer needed");
}

static bool has_backups(const struct service *s)
{
	for (size_t i = 0; i < s->n_members; i++) {
		if (s->members[i]->backup)
			return true;
	}
	return false;
}

void verdict__judge(struct service *s)
{
	struct pool_member *list = calloc(s->n_members + 1, sizeof(*list));
	uint8_t *parts = calloc(s->n_members + 1, sizeof(*parts));
	uint64_t mono_ns = uv_hrtime();
	struct pool_state was = s->pool;

	if (!list || !parts) {
		log_error("service %s: out of memory: it goes on with the backends that it had",
			  s->name);
		goto cleanup;
	}
	s->stale = false;
	for (size_t i = 0; i < s->n_members; i++) {
		end_ramp(s->members[i], mono_ns);
		list[i] = verdict__seen(s->members[i], mono_ns);
	}
	s->pool = pool__decide(list, s->n_members, s->health.panic_pct, parts);
	s->pool.backups &= has_backups(s);
	for (size_t i = 0; i < s->n_members; i++) {
		give(s->members[i], parts[i]);
		target__judge(s->agent, s->members[i]->target);
	}
	log_pool(s, &was);
cleanup:
	free(list);
	free(parts);
}

void verdict__touch(struct service *s)
{
	s->stale = true;
	service__touch(s);
}

/* The same of what is looked at again and again, and need not change the table. */
static void mark_stale(struct service *s)
{
	s->stale = true;
	s->agent->flush_due = true;
}

/* New connections: fewer parts when there are too many, one more when there are clearly not. */
static void limit_new(struct member *m, uint32_t max_per_s)
{
	double per_s = passive__opened_per_s(m->target);
	uint32_t now_s = agent__coarse_s();
	uint8_t was = m->cap;
	char text[120];

	if (now_s - m->capped_s < LIMIT_LOOK_S)
		return;
	m->capped_s = now_s;
	m->cap = limit__parts(m->cap, m->parts, TABLE_PARTS, per_s, max_per_s);
	if (m->cap == was)
		return;
	mark_stale(m->service);
	if (was == TABLE_PARTS) {
		snprintf(text, sizeof(text),
			 "gets %.0f new connections a second, more than max_new: it takes less "
			 "of its weight",
			 per_s);
		member__log(m, LOG_LV_WARN, text);
	} else if (m->cap == TABLE_PARTS) {
		member__log(m, LOG_LV_INFO, "is well below max_new: it takes all of its weight");
	}
}

static void limit_flows(struct member *m, uint32_t max)
{
	uint32_t flows = flow_sweep__records(m->service->agent, m);
	bool full = limit__is_full(m->full, flows, max);
	char text[120];

	if (full == m->full || !m->service->agent->nat_sweep.counted)
		return;
	m->full = full;
	mark_stale(m->service);
	snprintf(text, sizeof(text),
		 full ? "has %" PRIu32 " connections, more than max_flows: no new ones"
		      : "has %" PRIu32 " connections: new ones again",
		 flows);
	member__log(m, full ? LOG_LV_WARN : LOG_LV_INFO, text);
}

static void look_at_limits(struct service *s)
{
	for (size_t i = 0; i < s->n_members; i++) {
		if (s->health.max_new)
			limit_new(s->members[i], s->health.max_new);
		if (s->health.max_flows)
			limit_flows(s->members[i], s->health.max_flows);
	}
}

static bool is_ramping(const struct service *s)
{
	for (size_t i = 0; s->health.slow_start_ms && i < s->n_members; i++) {
		if (s->members[i]->health.ramping)
			return true;
	}
	return false;
}

void verdict__tick(struct agent *a)
{
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		look_at_limits(s);
		if (is_ramping(s))
			mark_stale(s);
	}
}

json_t *verdict__json(const struct service *s)
{
	return json_pack("{s:b, s:b, s:s}", "panic", s->pool.panic, "backups", s->pool.backups,
			 "quorum", config_quorum__name(s->health.quorum));
}
