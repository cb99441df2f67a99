/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage.c - what a configuration needs beside what runs: entries for new services and backends, made
 * where no packet finds them, and taken back if the configuration does not come to be.
 *
 * A service is kept when address, port, protocol, name, slot count and forwarding stay; otherwise a
 * new one takes its place. A backend is the same when id, address and port are: it keeps its verdict
 * and the operator's word, in a new service too, and where its entry has to be another one.
 */
#include "agent/apply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

static int compare_ids(const void *a, const void *b)
{
	return strcmp(member__id(*(struct member *const *)a),
		      member__id(*(struct member *const *)b));
}

static int compare_id(const void *id, const void *m)
{
	return strcmp(id, member__id(*(struct member *const *)m));
}

/* The port of a backend that is known by its entry; only NAT's are the backend's own. */
static bool same_port(const struct member *m, const struct config_backend *b)
{
	const struct fl_backend *e = &m->target->entry;

	if (e->mode != FL_FWD_NAT && e->mode != FL_FWD_FULLNAT)
		return true;
	return ntohs(e->port) == b->port;
}

struct member *stage__like(const struct stage *st, const struct config_backend *b)
{
	struct member **found;
	struct addr address;

	if (!st->by_id)
		return NULL;
	found = bsearch(b->id, st->by_id, st->n_by_id, sizeof(*found), compare_id);
	if (!found)
		return NULL;
	address = member__address(*found);
	return addr__equal(&address, &b->address) && same_port(*found, b) ? *found : NULL;
}

bool stage__keeps(const struct service *s, const struct config_service *c)
{
	return s && s->slot_class == c->slot_class && s->forward == c->forward &&
	       strcmp(s->name, c->name) == 0;
}

bool stage__is_new(const struct stage *st)
{
	return st->service != st->old;
}

static int stage_member(struct agent *a, struct stage *st, const struct config_service *c,
			const struct config_backend *b, const struct config *next, struct err *err)
{
	struct member *like = stage__like(st, b), *m;
	struct health_time now = agent__now();
	struct target *t;
	int rc;

	rc = target__get(a, next, c, b, like ? like->target : NULL, &t, err);
	if (rc)
		return rc;
	if (like && !like->retired && !stage__is_new(st) && like->target == t) {
		like->kept = true;
		/* Its twin that had left may have been the last to say what a restart finds. */
		like->dropped = false;
		st->members[st->n++] = like;
		return 0;
	}
	m = member__new(st->service, t);
	if (!m) {
		target__put(a, t);
		return err__set(err, -ENOMEM, "out of memory");
	}
	st->members[st->n++] = m;
	m->weight = b->weight;
	if (like)
		member__inherit(m, like);
	else
		health__begin(&m->health, c->health.start, &now);
	member__remember(m);
	return 0;
}

/* Of those that left earlier, the last one with an id that no running member has. */
static void add_retired(struct stage *st, size_t running)
{
	struct member *m;

	TAILQ_FOREACH_REVERSE(m, &st->old->retired, member_list, retired_entry)
	{
		const char *id = member__id(m);
		bool known = bsearch(id, st->by_id, running, sizeof(m), compare_id);

		for (size_t i = running; i < st->n_by_id && !known; i++)
			known = strcmp(member__id(st->by_id[i]), id) == 0;
		if (!known)
			st->by_id[st->n_by_id++] = m;
	}
}

/* The members that there are by id, to find those that stay, or come back. */
static int sort_old(struct stage *st)
{
	const struct member *m;
	size_t n;

	if (!st->old)
		return 0;
	n = st->old->n_members;
	TAILQ_FOREACH (m, &st->old->retired, retired_entry)
		n++;
	st->by_id = calloc(n + 1, sizeof(struct member *));
	if (!st->by_id)
		return -ENOMEM;
	st->n_by_id = st->old->n_members;
	if (st->n_by_id)
		memcpy(st->by_id, st->old->members, st->n_by_id * sizeof(struct member *));
	qsort(st->by_id, st->n_by_id, sizeof(struct member *), compare_ids);
	add_retired(st, st->n_by_id);
	qsort(st->by_id, st->n_by_id, sizeof(struct member *), compare_ids);
	return 0;
}

int stage__find(struct agent *a, struct stage *st, const struct config_service *c)
{
	struct service_key key = service__key(c);

	st->old = service__find(a, &key);
	return sort_old(st);
}

static int new_service(struct agent *a, struct stage *st, const struct service_key *key,
		       const struct config_service *c, struct err *err)
{
	struct plane_service want = {
		.key = key->key,
		.port_last = key->port_last,
		.name = c->name,
		.slot_class = c->slot_class,
		.flags = (config_service__translates(c) ? FL_SVC_NAT : 0) |
			 (c->forward == CONFIG_FWD_FULLNAT ? FL_SVC_FULLNAT : 0),
	};
	int rc;

	st->service = service__new(a, key, c->name, c->slot_class);
	if (!st->service)
		return err__set(err, -ENOMEM, "out of memory");
	st->service->forward = c->forward;
	rc = plane__service_new(a->plane, &want, &st->service->id, err);
	if (rc)
		return rc;
	a->by_id[st->service->id] = st->service;
	service__tune(st->service, c);
	return 0;
}

int stage__service(struct agent *a, struct stage *st, const struct config_service *c,
		   const struct config *next, struct err *err)
{
	struct service_key key = service__key(c);
	int rc;

	st->members = calloc(c->n_backends, sizeof(struct member *));
	if (!st->members || stage__find(a, st, c))
		return err__set(err, -ENOMEM, "out of memory");
	if (stage__keeps(st->old, c)) {
		st->service = st->old;
	} else {
		rc = new_service(a, st, &key, c, err);
		if (rc)
			return rc;
	}
	for (size_t i = 0; i < c->n_backends; i++) {
		rc = stage_member(a, st, c, &c->backends[i], next, err);
		if (rc)
			return err__prefix(err, rc, "service '%s'", c->name);
	}
	return 0;
}

int stage__seats(struct agent *a, struct stage *st, const struct table_seats *seats,
		 struct err *err)
{
	const struct service *s = st->service;
	int rc;

	if (s->seats && s->seats->epoch == seats->epoch &&
	    table_seats__digest(s->seats) == table_seats__digest(seats))
		return 0;
	rc = plane__seats_stage(a->plane, s->id, seats->rows, seats->n, seats->epoch, err);
	if (rc)
		return err__prefix(err, rc, "service '%s'", s->name);
	st->seated = true;
	return 0;
}

void stage__undo(struct agent *a, struct stage *st)
{
	struct service *s = st->service;

	if (s && st->seated)
		plane__seats_drop(a->plane, s->id);
	for (size_t i = 0; i < st->n; i++) {
		if (!st->members[i]->kept)
			member__drop(st->members[i]);
		else
			st->members[i]->kept = false;
	}
	/* NULL: there never was one, or it was published and is dismissed already. */
	if (s && stage__is_new(st)) {
		/* Equipped, but no packet could find it. */
		while (s->n_members)
			member__drop(s->members[--s->n_members]);
		if (s->id) {
			a->by_id[s->id] = NULL;
			plane__service_release(a->plane, s->id);
		}
		service__free(s);
	}
}

void stage__free(struct stage *stages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(stages[i].members);
		free(stages[i].by_id);
	}
	free(stages);
}

/* Before the slots follow: an agent that goes on from either goes on to the same. */
static void commit_seats(struct stage *st)
{
	struct err err;

	if (st->seated && plane__seats_commit(st->service->agent->plane, st->service->id, &err))
		log_error("%s; after a restart, slots of service '%s' may move for nothing",
			  err.text, st->service->name);
	st->seated = false;
}

void stage__adapt(struct member *m, const struct config_service *c, const struct config_backend *b)
{
	m->weight = b->weight;
	m->backup = b->backup;
	if (!c->probe.weight)
		m->asked = 100;
	if (!c->health.max_new)
		m->cap = TABLE_PARTS;
	m->full &= c->health.max_flows != 0;
}

void stage__equip(struct stage *st, const struct config_service *c, struct layout *layout)
{
	struct service *s = st->service;

	for (size_t i = 0; i < st->n; i++) {
		struct member *m = st->members[i];
		uint32_t weight = m->weight;

		m->kept = false;
		stage__adapt(m, c, &c->backends[i]);
		if (m->weight != weight)
			member__remember(m);
	}
	free(s->members);
	s->members = st->members;
	s->n_members = st->n;
	st->members = NULL;
	st->n = 0;
	commit_seats(st);
	service__lay_out(s, layout);
	s->health = c->health;
	s->rules = (struct health_rules){
		.rise = c->probe.rise,
		.fall = c->probe.fall,
		.flap_hold_ms = c->health.flap_hold_ms,
		.flap_hold_max_ms = c->health.flap_hold_max_ms,
		.flap_forget_ms = c->health.flap_forget_ms,
	};
	verdict__touch(s);
}
