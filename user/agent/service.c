/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service.c - a service's table: who accepts -> owners -> a turn of its slots (moves.c).
 *
 * A flush computes who should own each slot from the base and the verdicts. Changes that come while
 * the last ones are still settling leave the service dirty and are flushed together then.
 */
#include "agent/apply.h"
#include "agent/chronicle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "fairlead/flowhash.h"

#define PATIENCE_MS 250 /* what a first probe in the same network takes, and more */

struct service_key service__key(const struct config_service *c)
{
	struct service_key k = {
		.key.port = htons(c->port),
		.key.proto = c->proto,
		.key.prefix = c->vip.len,
		.port_last = c->port_last,
	};

	memcpy(k.key.addr, c->vip.addr.b, sizeof(k.key.addr));
	return k;
}

/* Where it is found by its key: thousands are looked up at once when a configuration is applied. */
static uint32_t bucket_of(const struct service_key *key)
{
	uint64_t a[2];

	memcpy(a, key->key.addr, sizeof(a));
	return fl_service_bucket(fl_service_hash(a[0], a[1], key->key.port, key->key.proto));
}

void service__enlist(struct service *s)
{
	struct agent *a = s->agent;

	TAILQ_INSERT_TAIL(&a->services, s, entry);
	LIST_INSERT_HEAD(&a->by_key[bucket_of(&s->key)], s, by_key);
}

void service__delist(struct service *s)
{
	TAILQ_REMOVE(&s->agent->services, s, entry);
	LIST_REMOVE(s, by_key);
}

struct service *service__find(const struct agent *a, const struct service_key *key)
{
	struct service *s;

	LIST_FOREACH (s, &a->by_key[bucket_of(key)], by_key) {
		if (memcmp(&s->key.key, &key->key, sizeof(key->key)) == 0 &&
		    s->key.port_last == key->port_last)
			return s;
	}
	return NULL;
}

void service__touch(struct service *s)
{
	s->dirty = true;
	s->agent->flush_due = true;
}

/* What is remembered while backends change is so for `hold` at least; what NAT remembers, as it says. */
uint32_t service__idle_s(const struct config_service *c)
{
	uint32_t ms = c->idle_ms;

	if (!config_service__translates(c) && ms < c->hold_ms)
		ms = c->hold_ms;
	return ms / 1000;
}

void service__tune(struct service *s, const struct config_service *c)
{
	const struct plane_tune t = {
		.affinity = c->affinity,
		.idle_s = service__idle_s(c),
		.udp_grace_s = (uint16_t)(c->udp_grace_ms / 1000),
		.quic = c->quic,
	};

	plane__service_tune(s->agent->plane, s->id, &t);
}

struct service *service__new(struct agent *a, const struct service_key *key, const char *name,
			     enum fl_slot_class slot_class)
{
	struct service *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->agent = a;
	s->key = *key;
	s->slot_class = slot_class;
	strncpy(s->name, name, sizeof(s->name) - 1);
	TAILQ_INIT(&s->retired);
	s->slots = malloc(plane__slots(slot_class) * sizeof(*s->slots));
	if (!s->slots) {
		free(s);
		return NULL;
	}
	for (uint32_t i = 0; i < plane__slots(slot_class); i++)
		s->slots[i] = FL_SLOT_NONE;
	s->unserved = plane__slots(slot_class);
	s->due_s = UINT32_MAX;
	return s;
}

void service__free(struct service *s)
{
	struct member *m;

	if (!s)
		return;
	for (size_t i = 0; i < s->n_members; i++)
		member__free(s->members[i]);
	while ((m = TAILQ_FIRST(&s->retired))) {
		TAILQ_REMOVE(&s->retired, m, retired_entry);
		member__free(m);
	}
	table_seats__free(s->seats);
	table_base__free(s->base);
	free(s->watch);
	free(s->members);
	free(s->slots);
	free(s->pins);
	free(s);
}

void service__retire(struct service *s, struct member *m)
{
	m->retired = true;
	m->retired_s = agent__coarse_s();
	m->parts = 0;
	TAILQ_INSERT_TAIL(&s->retired, m, retired_entry);
	service__touch(s);
}

/* Whether the service has its backend, by this very entry, still or again. */
static bool is_twin(const struct service *s, const struct member *m)
{
	const struct member *other;

	LIST_FOREACH (other, &m->target->members, target_entry) {
		if (other->service == s && !other->retired)
			return true;
	}
	return false;
}

/* What has left without a trace: it is back, or no slot has ever named it. */
static void drop_twins(struct service *s)
{
	struct member *m, *next;

	for (m = TAILQ_FIRST(&s->retired); m; m = next) {
		next = TAILQ_NEXT(m, retired_entry);
		if (m->target->used && !is_twin(s, m))
			continue;
		TAILQ_REMOVE(&s->retired, m, retired_entry);
		member__drop(m);
	}
}

void service__lay_out(struct service *s, struct layout *layout)
{
	table_seats__free(s->seats);
	table_base__free(s->base);
	s->seats = layout->seats;
	s->base = layout->base;
	*layout = (struct layout){0};
	service__touch(s);
}

int service__owners(const struct table_seats *seats, const struct table_base *base,
		    const struct service_taker *takers, uint16_t *out)
{
	uint8_t *parts = calloc(seats->n + 1, sizeof(*parts));

	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < seats->n; i++) {
		if (seats->member[i] != TABLE_NONE)
			parts[i] = takers[seats->member[i]].parts;
	}
	table__fill(base, parts, out);
	free(parts);
	/* From seats to indices: who has a slot sits somewhere. */
	for (uint32_t i = 0; i < table_base__slots(base); i++)
		out[i] = out[i] == TABLE_NONE ? FL_SLOT_NONE : takers[seats->member[out[i]]].index;
	return 0;
}

static int compute(const struct service *s, uint16_t *out)
{
	struct service_taker *takers = calloc(s->n_members + 1, sizeof(*takers));
	int rc;

	if (!takers)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_members; i++)
		takers[i] = (struct service_taker){
			.index = (uint16_t)s->members[i]->target->index,
			.parts = s->members[i]->parts,
		};
	rc = service__owners(s->seats, s->base, takers, out);
	free(takers);
	return rc;
}

/*
 * A service that nobody has served yet gives those backends whose first probe is under way a moment:
 * else the first one to answer would get all slots, and most of them would be moving at once. So it does
 * the peers that may know its seats.
 */
static bool is_early(struct service *s)
{
	bool unknown = false, up = false;

	if (s->generation || s->unserved < plane__slots(s->slot_class))
		return false;
	if (seating__is_awaited(s))
		return true;
	for (size_t i = 0; i < s->n_members; i++) {
		const struct member *m = s->members[i];

		unknown |= m->sub && m->health.state == FL_HEALTH_UNKNOWN && !m->health.streak;
		up |= m->parts != 0;
	}
	if (!unknown || !up)
		return false;
	if (!s->first_up_ns) {
		s->first_up_ns = uv_hrtime();
		agent__wake_in(s->agent, PATIENCE_MS);
	}
	return uv_hrtime() - s->first_up_ns < PATIENCE_MS * UINT64_C(1000000);
}

bool service__flush(struct service *s)
{
	uint64_t began_ns = uv_hrtime(), generation = s->generation;
	struct agent *a = s->agent;
	uint16_t *want;
	struct err err;
	int rc;

	if (s->stale)
		verdict__judge(s);
	if (!s->dirty || s->settling || s->making || !s->base || is_early(s))
		return s->dirty;
	want = malloc(plane__slots(s->slot_class) * sizeof(*want));
	rc = want ? compute(s, want) : -ENOMEM;
	if (rc)
		err__set(&err, rc, "out of memory");
	else
		rc = moves__turn(s, want, NULL, &err);
	free(want);
	if (rc == -EINPROGRESS)
		return true;
	if (rc) {
		log_error("%s; the table of service '%s' stays as it is; next try in 1 s", err.text,
			  s->name);
		return false;
	}
	s->dirty = false;
	s->agent->anycast.dirty = true;
	chronicle__service(s);
	if (s->generation != generation) {
		timing__add(&a->compute, a->moves.planned_ns - began_ns);
		timing__add(&a->commit, a->moves.swapped_ns - a->moves.planned_ns);
	}
	drop_twins(s);
	return false;
}

uint32_t service__usable(const struct service *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->n_members; i++)
		n += health__is_well(&s->members[i]->health) && s->members[i]->weight &&
		     member__is_reached(s->members[i]);
	return n;
}

static struct enough_rules enough_rules(const struct service *s)
{
	return (struct enough_rules){
		.min = s->config->min_up,
		.again = s->config->min_up_again,
		.hold_ms = s->config->min_up_hold_ms,
	};
}

bool service__has_enough(struct service *s)
{
	const struct enough_rules rules = enough_rules(s);

	return enough__follow(&s->enough, &rules, service__usable(s), uv_hrtime());
}

uint64_t service__enough_due_ns(const struct service *s)
{
	const struct enough_rules rules = enough_rules(s);

	return enough__due_ns(&s->enough, &rules);
}

void service__quiet(struct service *s)
{
	struct member *m;

	for (size_t i = 0; i < s->n_members; i++)
		member__quiet(s->members[i]);
	TAILQ_FOREACH (m, &s->retired, retired_entry)
		member__quiet(m);
}

void service__release(struct service *s)
{
	struct agent *a = s->agent;
	uint32_t id = s->id;

	a->moves.expected -= s->expected;
	a->by_id[id] = NULL;
	sources__release(a, id);
	plane__service_release(a->plane, id);
	service__free(s);
}

/* The last packets that found it are gone, and with them the members; its id may be in records. */
static void release_members(void *ctx, uint32_t id)
{
	struct agent *a = ctx;
	struct service *s = a->by_id[id];
	struct member *m;

	while ((m = TAILQ_FIRST(&s->retired))) {
		TAILQ_REMOVE(&s->retired, m, retired_entry);
		member__drop(m);
	}
	while (s->n_members)
		member__drop(s->members[--s->n_members]);
	if (!plane__moves(a->plane, id))
		service__release(s);
}

void service__dismiss(struct service *s)
{
	chronicle__dismissed(s);
	service__quiet(s);
	s->config = NULL;
	s->dirty = false;
	s->dismissed_s = agent__coarse_s();
	grace__after(s->agent->grace, release_members, s->agent, s->id);
}
