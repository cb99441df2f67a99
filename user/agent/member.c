/* SPDX-License-Identifier: GPL-2.0-or-later */
/* member.c - one backend of one service: its verdict, its next hop, its entry in the maps. */
#include "agent/agent.h"
#include "agent/chronicle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peer_quorum.h"
#include "core/log.h"

struct member *member__new(struct service *s, struct target *t)
{
	struct member *m = calloc(1, sizeof(*m));
	struct health_time now;

	if (!m)
		return NULL;
	m->service = s;
	m->percent = m->asked = 100;
	m->cap = TABLE_PARTS;
	now = agent__now();
	health__begin(&m->health, FL_HEALTH_UNKNOWN, &now);
	target__join(t, m);
	return m;
}

const char *member__id(const struct member *m)
{
	return m->target->entry.id;
}

struct addr member__address(const struct member *m)
{
	struct addr a;

	memcpy(a.b, m->target->entry.addr, sizeof(a.b));
	return a;
}

/* What the last probe said. "", NULL, and what there is no memory for: nothing. */
static void set_text(char **to, const char *text)
{
	if (*to && text && strcmp(*to, text) == 0)
		return;
	free(*to);
	*to = text && text[0] ? strdup(text) : NULL;
}

void member__inherit(struct member *m, const struct member *from)
{
	m->health = from->health;
	m->lost_s = from->lost_s;
	m->parts = from->parts;
	m->percent = from->percent;
	m->asked = from->asked;
	m->cap = from->cap;
	m->full = from->full;
	m->disputed = from->disputed;
	m->disputed_s = from->disputed_s;
	m->dispute_told = from->dispute_told;
	m->probe_ok = from->probe_ok;
	m->probe_latency_ns = from->probe_latency_ns;
	m->probe_at_ns = from->probe_at_ns;
	m->probed_ns = from->probed_ns;
	m->probes_ok = from->probes_ok;
	m->probes_failed = from->probes_failed;
	set_text(&m->probe_detail, from->probe_detail);
	set_text(&m->probe_warning, from->probe_warning);
}

void member__quiet(struct member *m)
{
	probe_sub__cancel(m->sub);
	m->sub = NULL;
	path__close(m);
}

void member__free(struct member *m)
{
	if (!m)
		return;
	member__quiet(m);
	target__leave(m);
	free(m->probe_detail);
	free(m->probe_warning);
	free(m->passive);
	free(m);
}

void member__drop(struct member *m)
{
	uint32_t service = m->service->id, index = m->target->index;
	struct plane *plane = m->service->agent->plane;
	const struct member *other;

	/* One that left and came back has two for a moment, and one memory. */
	LIST_FOREACH (other, &m->target->members, target_entry) {
		if (other != m && other->service == m->service)
			break;
	}
	if (!other)
		plane__member_delete(plane, service, index);
	member__free(m);
}

void member__log(const struct member *m, enum log_level level, const char *text)
{
	struct addr a = member__address(m);
	char address[ADDR_STRLEN];
	const struct log_field fields[] = {
		{"SERVICE", m->service->name},
		{"BACKEND", member__id(m)},
		{"ADDRESS", addr__format(&a, address)},
		{"STATE", health__name(&m->health)},
		{NULL, NULL},
	};

	log__write(level, fields, "service %s: backend %s %s", m->service->name, member__id(m),
		   text);
}

void member__remember(const struct member *m)
{
	struct health_time now = agent__now();
	/* One of them is asked for at a time: how far slow start is, or how long it has been up. */
	uint64_t turned_ns = m->health.ramping ? m->health.let_in_ns : m->health.turned_ns;
	struct fl_member memory = {
		.health = (__u8)m->health.state,
		.admin = (__u8)m->health.admin,
		.given_up = m->dropped,
		.parts = m->parts,
		.percent = m->percent,
		.word = m->word,
		.weight = m->weight,
		.since = m->health.since_ns,
		.asked = m->asked,
		.flaps = m->health.flaps,
		.ramping = m->health.ramping,
		.cap = m->cap,
		.full = m->full,
		.ruled = (__u8)(1 + m->health.ruled),
		.turned = now.real_ns - (now.mono_ns - turned_ns),
	};
	struct err err;

	if (plane__member_set(m->service->agent->plane, m->service->id, m->target->index, &memory,
			      &err))
		log_error("%s; a restart would not know its state", err.text);
	peers__tell_member(m);
}

void member__give_up(struct member *m)
{
	m->dropped = true;
	m->retired_s = agent__coarse_s();
	service__touch(m->service);
	member__remember(m);
	target__judge(m->service->agent, m->target);
}

bool member__is_reached(const struct member *m)
{
	return m->health.ruled != FL_HEALTH_UP || m->health.state == FL_HEALTH_UP;
}

bool member__is_lost(const struct member *m)
{
	/* In a panic it is used all the same. */
	return m->dropped || (health__is_lost(&m->health) && !m->parts);
}

/* It takes flows from now on; where others take them meanwhile it begins with a few. */
static void let_in(struct member *m)
{
	const struct service *s = m->service;

	m->health.ramping = health__is_well(&m->health) && s->health.slow_start_ms &&
			    s->unserved < plane__slots(s->slot_class);
}

enum health_change member__rule(struct member *m, enum fl_health ruled)
{
	struct health_time now = agent__now();
	bool was_out = m->health.out;
	enum health_change change = health__rule(&m->health, ruled, &now);

	if (change == HEALTH_SAME)
		return change;
	if (change == HEALTH_WENT_UP && was_out)
		let_in(m);
	m->lost_s = agent__coarse_s();
	verdict__touch(m->service);
	member__remember(m);
	return change;
}

/* Tells log and journal of an operator's word. */
static void tell_word(struct member *m, const char *verb, const char *done, const char *so,
		      const struct member_word *said)
{
	char text[160];

	snprintf(text, sizeof(text), "%s, as the operator asked%s%s%s", done,
		 said->peer ? " at peer " : "", said->peer ? said->peer : "", so);
	member__log(m, LOG_LV_INFO, text);
	chronicle__said(m, verb, said->uid, text);
}

bool member__set_admin(struct member *m, enum fl_admin admin, const struct member_word *said)
{
	struct health_time now = agent__now();
	enum fl_admin was = m->health.admin;

	if (!health__set_admin(&m->health, admin, &now))
		return false;
	let_in(m);
	if (admin == FL_ADMIN_DISABLE)
		m->lost_s = agent__coarse_s();
	verdict__touch(m->service);
	member__remember(m);
	if (admin == FL_ADMIN_DRAIN)
		tell_word(m, "drain", "is draining", ": no new flows", said);
	else if (admin == FL_ADMIN_DISABLE)
		tell_word(m, "disable", "is disabled",
			  ": no new flows, and those that it has are given up", said);
	else
		tell_word(m, was == FL_ADMIN_DRAIN ? "undrain" : "enable", "is in again", "", said);
	return true;
}

bool member__set_percent(struct member *m, uint8_t percent, const struct member_word *said)
{
	char text[40];

	if (m->percent == percent)
		return false;
	m->percent = percent;
	verdict__touch(m->service);
	member__remember(m);
	snprintf(text, sizeof(text), "gets %u %% of its weight", percent);
	tell_word(m, "weight", text, "", said);
	return true;
}

void member__alarmed(const struct member *m, const char *text)
{
	char line[240];

	snprintf(line, sizeof(line), "has a passive alarm: %s; it is probed at once", text);
	member__log(m, LOG_LV_WARN, line);
}

void member__diagnosed(const struct member *m, const char *text)
{
	member__log(m, LOG_LV_WARN, text);
}

/* --- probe ------------------------------------------------------------------------------------- */

/* "", or what a backend that flaps has to expect. */
static const char *hold_text(const struct member *m, char *buf, size_t len)
{
	uint32_t ms = health__hold_ms(&m->health, &m->service->rules);

	buf[0] = '\0';
	if (ms)
		snprintf(buf, len, "; it fell %u times of late and must be well for %.0f s",
			 m->health.flaps, ms / 1e3);
	return buf;
}

static void log_change(struct member *m, enum health_change change, uint64_t streak_ns,
		       const struct probe_result *r)
{
	bool holds = m->health.ruled == m->health.state;
	const char *here = holds ? "" : " by the probes here";
	char text[500], hold[80], quorum[PEER_QUORUM_TEXT_LEN] = "";

	if (!holds)
		peer_quorum__explain(m, quorum);
	if (change == HEALTH_WENT_SUSPECT)
		snprintf(text, sizeof(text), "is suspect%s: %s%s%s", here, r->detail,
			 holds ? "; it gets no new flows, those that it has stay" : "", quorum);
	else if (change == HEALTH_WENT_UP)
		snprintf(text, sizeof(text), "is up%s: %s in %.1f ms%s", here,
			 r->detail[0] ? r->detail : "answered", (double)r->latency_ns / 1e6,
			 quorum);
	else
		snprintf(text, sizeof(text),
			 "is down%s: %s (%" PRIu32
			 " failures in a row, %.0f ms after the first)%s%s",
			 here, r->detail, m->service->rules.fall, (double)streak_ns / 1e6,
			 hold_text(m, hold, sizeof(hold)), quorum);
	member__log(m, change == HEALTH_WENT_UP ? LOG_LV_INFO : LOG_LV_WARN, text);
	chronicle__member(m, text);
}

static void log_warning(const struct member *m, const char *warning)
{
	char text[160];

	snprintf(text, sizeof(text), "answers, but %s", warning);
	member__log(m, LOG_LV_WARN, text);
}

static enum health_result verdict_of(const struct probe_result *r)
{
	return r->outcome == PROBE_OK	     ? HEALTH_OK
	       : r->outcome == PROBE_REFUSED ? HEALTH_REFUSED
					     : HEALTH_FAILED;
}

static bool on_probe(void *ctx, const struct probe_result *r)
{
	struct member *m = ctx;
	bool was_fresh = m->health.fresh;
	uint64_t first = m->health.first_bad_ns;
	struct health_time now = agent__now();
	enum health_change change;

	m->probe_ok = r->outcome == PROBE_OK;
	m->probe_latency_ns = r->latency_ns;
	m->probe_at_ns = now.real_ns;
	m->probed_ns = now.mono_ns;
	m->probes_ok += m->probe_ok;
	m->probes_failed += !m->probe_ok;
	timing__add(&m->service->probe_times, r->latency_ns);
	set_text(&m->probe_detail, r->detail);
	/* Told once: the day after it says something else. */
	if (r->warning && (!m->probe_warning || strcmp(m->probe_warning, r->warning) != 0))
		log_warning(m, r->warning);
	set_text(&m->probe_warning, r->warning);
	path__result(m, r);
	change = health__result(&m->health, &m->service->rules, verdict_of(r), &now);
	if (r->outcome == PROBE_OK && r->weight_pct >= 0 && r->weight_pct != m->asked) {
		m->asked = (uint8_t)r->weight_pct;
		verdict__touch(m->service);
	}
	if (change != HEALTH_SAME || was_fresh) {
		if (peer_quorum__rule(m) == HEALTH_SAME) {
			member__remember(m);
			/* No other table follows; whether it can be used from here may be another thing. */
			m->service->agent->anycast.dirty = true;
		}
	}
	if (change != HEALTH_SAME)
		log_change(m, change, first ? now.mono_ns - first : 0, r);
	return health__settled(&m->health);
}

int member__probe(struct member *m, const struct config_backend *b, struct err *err)
{
	const struct config_service *c = m->service->config;
	struct addr address = c->probe.by_path ? c->vip.addr : member__address(m);
	struct probe_way way;
	int rc;

	member__quiet(m);
	m->probe_port = config_service__probe_port(c, b);
	rc = c->probe.by_path ? path__open(m, &way, err) : 0;
	if (rc)
		return rc;
	return prober__subscribe(m->service->agent->prober, &address, m->probe_port,
				 c->probe.by_path ? &way : NULL, &c->probe,
				 health__settled(&m->health), on_probe, m, &m->sub, err);
}

/*
 * The slots name the old entry until the table is computed again: a member that stands for it keeps it
 * until then.
 */
int member__move(struct member *m, struct target *to)
{
	struct member *old = member__new(m->service, m->target);

	if (!old)
		return -ENOMEM;
	/* Its probe stays with the one that is configured. */
	old->health = m->health;
	old->lost_s = m->lost_s;
	target__leave(m);
	target__join(to, m);
	path__moved(m);
	member__remember(m);
	service__retire(m->service, old);
	target__judge(m->service->agent, old->target);
	return 0;
}
