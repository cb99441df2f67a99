/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commit.c - from the running state to the next configuration, whole or not at all.
 *
 * Stage, where anything may fail and be undone: entries for new services and backends are written
 * where no packet finds them, then new services are published. Finish, where nothing may fail: kept
 * services get their new members and tables, what is no longer named is withdrawn and released after
 * a grace period.
 *
 * A service is kept when address, port, protocol, name, slot count and forwarding stay; otherwise a
 * new one takes its place in the index by one store. A backend is the same when id and address are:
 * it keeps its verdict and the operator's word, in a new service too.
 */
#include "agent/apply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "core/log.h"

struct stage {
	struct service *old; /* the one with the same key, NULL: none */
	struct service *service; /* old when it is kept, else a new one */
	struct member **members; /* in the configuration's order */
	size_t n; /* how many of them are staged */
	struct member **by_id; /* the old service's members, sorted */
	uint32_t *counts; /* what the service's `counts` becomes */
	bool published;
};

static int compare_ids(const void *a, const void *b)
{
	return strcmp((*(struct member *const *)a)->id, (*(struct member *const *)b)->id);
}

static int compare_id(const void *id, const void *m)
{
	return strcmp(id, (*(struct member *const *)m)->id);
}

static struct service *service_with_key(struct agent *a, const struct fl_service_key *key)
{
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (memcmp(&s->key, key, sizeof(*key)) == 0)
			return s;
	}
	return NULL;
}

static struct member *member_like(const struct stage *st, const struct config_backend *b)
{
	struct member **found;

	if (!st->by_id)
		return NULL;
	found = bsearch(b->id, st->by_id, st->old->n_members, sizeof(*found), compare_id);
	return found && addr__equal(&(*found)->address, &b->address) ? *found : NULL;
}

static bool keeps(const struct service *s, const struct config_service *c)
{
	return s && s->slot_class == c->slot_class && s->forward == c->forward &&
	       strcmp(s->name, c->name) == 0;
}

static bool is_new(const struct stage *st)
{
	return st->service != st->old;
}

static int stage_member(struct stage *st, const struct config_backend *b, const struct config *next,
			struct err *err)
{
	struct member *like = member_like(st, b), *m = like;
	int rc;

	if (!like || is_new(st)) {
		m = member__new(st->service, b->id, &b->address);
		if (!m)
			return err__set(err, -ENOMEM, "out of memory");
		m->weight = b->weight;
		if (like)
			m->health = like->health;
	} else {
		m->kept = true;
	}
	st->members[st->n++] = m;
	rc = member__watch(m, err);
	return rc ? rc : member__index(m, next, err);
}

/* The running members by id, to find those that stay. */
static int sort_old(struct stage *st)
{
	size_t size = st->old ? st->old->n_members * sizeof(struct member *) : 0;

	if (!size)
		return 0;
	st->by_id = malloc(size);
	if (!st->by_id)
		return -ENOMEM;
	memcpy(st->by_id, st->old->members, size);
	qsort(st->by_id, st->old->n_members, sizeof(struct member *), compare_ids);
	return 0;
}

static int stage_service(struct agent *a, struct stage *st, const struct config_service *c,
			 const struct config *next, struct err *err)
{
	struct fl_service_key key = service__key(c);
	int rc;

	st->old = service_with_key(a, &key);
	st->members = calloc(c->n_backends, sizeof(struct member *));
	st->counts = calloc(c->n_backends, sizeof(*st->counts));
	if (!st->members || !st->counts || sort_old(st))
		return err__set(err, -ENOMEM, "out of memory");
	if (keeps(st->old, c)) {
		st->service = st->old;
	} else {
		st->service = service__new(a, &key, c->name, c->slot_class);
		if (!st->service)
			return err__set(err, -ENOMEM, "out of memory");
		st->service->forward = c->forward;
		rc = plane__service_new(a->plane, &key, c->name, c->slot_class, &st->service->id,
					err);
		if (rc)
			return rc;
		a->by_id[st->service->id] = st->service;
	}
	for (size_t i = 0; i < c->n_backends; i++) {
		rc = stage_member(st, &c->backends[i], next, err);
		if (rc)
			return err__prefix(err, rc, "service '%s'", c->name);
	}
	return 0;
}

static void drop_member(struct agent *a, struct member *m)
{
	if (m->indexed) {
		plane__member_delete(a->plane, m->service->id, m->index);
		plane__backend_release(a->plane, m->index);
		a->by_index[m->index] = NULL;
	}
	member__free(m);
}

static void unstage(struct agent *a, struct stage *st)
{
	struct service *s = st->service;

	for (size_t i = 0; i < st->n; i++) {
		if (!st->members[i]->kept)
			drop_member(a, st->members[i]);
		else
			st->members[i]->kept = false;
	}
	/* NULL: there never was one, or it was published and is dismissed already. */
	if (s && is_new(st)) {
		/* Equipped, but no packet could find it. */
		while (s->n_members)
			drop_member(a, s->members[--s->n_members]);
		if (s->id) {
			a->by_id[s->id] = NULL;
			plane__service_release(a->plane, s->id);
		}
		service__free(s);
	}
}

static void free_stages(struct stage *stages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(stages[i].members);
		free(stages[i].by_id);
		free(stages[i].counts);
	}
	free(stages);
}

/* Hands members and base over to the service. */
static void equip(struct stage *st, const struct config_service *c, struct table_base **base)
{
	struct service *s = st->service;

	for (size_t i = 0; i < st->n; i++) {
		st->members[i]->kept = false;
		st->members[i]->weight = c->backends[i].weight;
		health__set_thresholds(&st->members[i]->health, c->probe.rise, c->probe.fall);
	}
	free(s->members);
	s->members = st->members;
	s->n_members = st->n;
	st->members = NULL;
	st->n = 0;
	free(s->counts);
	s->counts = st->counts;
	st->counts = NULL;
	table_base__free(s->base);
	s->base = *base;
	*base = NULL;
	s->dirty = true;
}

/* Once a packet may have found a staged service, its entries need a grace period like any others. */
static void unpublish(struct agent *a, struct stage *stages, size_t n)
{
	struct err ignored;

	for (size_t i = 0; i < n; i++) {
		struct stage *st = &stages[i];

		if (!st->published)
			continue;
		if (st->old)
			plane__service_publish(a->plane, st->old->id, &ignored);
		else
			plane__service_withdraw(a->plane, st->service->id);
		service__dismiss(st->service);
		st->service = NULL;
	}
}

/* New services are complete before the first packet finds them. */
static int publish(struct agent *a, struct apply *ap, struct stage *stages, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < ap->next->n_services && !rc; i++) {
		struct stage *st = &stages[i];

		if (!is_new(st))
			continue;
		equip(st, &ap->next->services[i], &ap->bases[i]);
		service__flush(st->service);
		rc = plane__service_publish(a->plane, st->service->id, err);
		if (!rc)
			st->published = true;
	}
	return rc;
}

static void retire_missing(struct service *s)
{
	for (size_t i = 0; i < s->n_members; i++) {
		if (!s->members[i]->kept)
			service__retire(s, s->members[i]);
	}
}

static bool same_probe(const struct config_service *a, const struct config_service *b)
{
	return a && config_probe__equal(&a->probe, &b->probe) &&
	       (a->probe.port ? a->probe.port : a->port) ==
		       (b->probe.port ? b->probe.port : b->port);
}

/* Probes and hops under the new configuration; a->config is already the new one. */
static void start_members(struct service *s, const struct config_service *c)
{
	bool same = same_probe(s->config, c);
	struct err err;

	s->config = c;
	for (size_t i = 0; i < s->n_members; i++) {
		struct member *m = s->members[i];

		if ((!same || !m->sub) && member__probe(m, &err))
			log_error(
				"service '%s': backend '%s' is not probed and keeps its state: %s",
				s->name, m->id, err.text);
		member__remember(m);
		member__hop_changed(m);
	}
}

static void finish_service(struct apply *ap, struct stage *st, size_t i)
{
	struct agent *a = ap->agent;
	struct service *s = st->service;

	if (st->old && s == st->old) {
		retire_missing(s);
		equip(st, &ap->next->services[i], &ap->bases[i]);
		TAILQ_REMOVE(&a->services, s, entry);
	} else if (st->old) {
		TAILQ_REMOVE(&a->services, st->old, entry);
		service__dismiss(st->old);
	}
	s->named = true;
	/* The list follows the file's order, as status prints it. */
	TAILQ_INSERT_TAIL(&a->services, s, entry);
}

static void finish(struct apply *ap, struct stage *stages, size_t n)
{
	struct agent *a = ap->agent;
	struct config *old_config = a->config;
	struct service *s, *next;

	for (size_t i = 0; i < n; i++)
		finish_service(ap, &stages[i], i);
	a->config = ap->next;
	ap->next = NULL;
	for (size_t i = 0; i < n; i++)
		start_members(stages[i].service, &a->config->services[i]);
	for (s = TAILQ_FIRST(&a->services); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (!s->named) {
			TAILQ_REMOVE(&a->services, s, entry);
			plane__service_withdraw(a->plane, s->id);
			service__dismiss(s);
		}
		s->named = false;
	}
	links__prune(a, a->config);
	config__free(old_config);
	a->loaded_at_ns = agent__realtime_ns();
}

struct plane_options commit__options(const struct config *c)
{
	struct plane_options o = {
		.instance = c->instance,
		.has_flow_key = c->has_flow_key,
		.gates.lease = c->on_agent_loss != FL_LOSS_KEEP,
		.on_agent_loss = c->on_agent_loss,
		.lease_ms = c->lease_ms,
		.flow_event_every = c->flow_event_every,
		.drop_event_every = c->drop_event_every,
	};

	memcpy(o.flow_key, c->flow_key, sizeof(o.flow_key));
	return o;
}

/* What cannot change while the agent runs. */
static int check_fixed(const struct config *have, const struct config *next, struct err *err)
{
	const char *what = strcmp(have->instance, next->instance)	? "instance"
			   : strcmp(have->api_socket, next->api_socket) ? "api.socket"
			   : strcmp(have->api_group, next->api_group)	? "api.group"
									: NULL;

	if (!what)
		return 0;
	return err__set(err, -EINVAL, "%s cannot change while fairleadd runs: restart it instead",
			what);
}

static int stage_admission(struct agent *a, const struct config *next, const struct stage *stages,
			   struct admission **out, struct err *err)
{
	struct admitted *list = calloc(next->n_services + 1, sizeof(*list));
	int rc;

	if (!list)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < next->n_services; i++)
		list[i] = (struct admitted){
			.config = &next->services[i],
			.id = stages[i].service->id,
			.old_id = stages[i].old ? stages[i].old->id : 0,
		};
	rc = admission__stage(a, next, list, next->n_services, out, err);
	free(list);
	return rc;
}

int commit__run(struct apply *ap, struct err *err)
{
	struct agent *a = ap->agent;
	struct plane_options before = {0}, o = admission__options(a, ap->next);
	struct admission *admission = NULL;
	struct stage *stages;
	size_t n = ap->next->n_services, staged = 0;
	struct err ignored;
	int rc = 0;

	if (a->config) {
		before = admission__options(a, a->config);
		rc = check_fixed(a->config, ap->next, err);
	}
	if (rc)
		return rc;
	stages = calloc(n + 1, sizeof(*stages));
	if (!stages)
		return err__set(err, -ENOMEM, "out of memory");
	rc = plane__configure(a->plane, &o, err);
	if (!rc)
		rc = links__attach(a, ap->next, err);
	while (!rc && staged < n) {
		rc = stage_service(a, &stages[staged], &ap->next->services[staged], ap->next, err);
		staged++;
	}
	if (!rc)
		rc = stage_admission(a, ap->next, stages, &admission, err);
	if (!rc)
		rc = publish(a, ap, stages, err);
	if (!rc) {
		finish(ap, stages, n);
		admission__commit(a, admission);
	} else {
		unpublish(a, stages, staged);
		admission__undo(a, admission);
		for (size_t i = 0; i < staged; i++)
			unstage(a, &stages[i]);
		if (a->config) {
			plane__configure(a->plane, &before, &ignored);
			links__attach(a, a->config, &ignored);
			links__prune(a, a->config);
		}
	}
	free_stages(stages, n);
	return rc;
}
