/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service.c - a service's table: who accepts -> slots -> the idle map -> one store.
 *
 * A flush computes the table from the base and the verdicts. If it differs from the live one, it is
 * written to the idle map and made live. The map just left may still be read by packets in flight,
 * so the service is `settling` until a grace period has passed; changes that come meanwhile leave it
 * dirty and are flushed together then.
 */
#include "agent/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

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
	table_base__free(s->base);
	free(s->members);
	free(s->counts);
	free(s->slots);
	free(s);
}

static void settled(void *ctx, uint32_t id)
{
	struct agent *a = ctx;

	if (a->by_id[id])
		a->by_id[id]->settling = false;
}

void service__retire(struct service *s, struct member *m)
{
	member__quiet(m);
	m->retired = true;
	TAILQ_INSERT_TAIL(&s->retired, m, retired_entry);
	s->dirty = true;
}

/* The live table names none of the retired. */
static void release_retired(struct service *s)
{
	struct member *m;

	while ((m = TAILQ_FIRST(&s->retired))) {
		TAILQ_REMOVE(&s->retired, m, retired_entry);
		member__drop(m);
	}
}

/* Slots in terms of indices; scratch memory is the caller's. */
static int compute(struct service *s, uint16_t *out)
{
	bool *accepts = calloc(s->n_members + 1, sizeof(*accepts));
	uint32_t slots = plane__slots(s->slot_class);

	if (!accepts)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_members; i++)
		accepts[i] = health__accepts(&s->members[i]->health);
	table__fill(s->base, accepts, out);
	free(accepts);
	s->unserved = table__count(s->base, out, s->counts);
	for (uint32_t i = 0; i < slots; i++)
		out[i] = out[i] == TABLE_NONE ? FL_SLOT_NONE
					      : (uint16_t)s->members[out[i]]->target->index;
	return 0;
}

void service__flush(struct service *s)
{
	size_t size = plane__slots(s->slot_class) * sizeof(*s->slots);
	uint16_t *slots;
	struct err err;

	if (!s->dirty || s->settling || !s->base)
		return;
	slots = malloc(size);
	if (!slots || compute(s, slots)) {
		log_error(
			"out of memory: the table of service '%s' stays as it is; next try in 1 s",
			s->name);
		free(slots);
		return;
	}
	if (memcmp(slots, s->slots, size) != 0) {
		if (plane__slots_write(s->agent->plane, s->id, slots, &err)) {
			log_error("%s; the old table stays live; next try in 1 s", err.text);
			free(slots);
			return;
		}
		plane__slots_swap(s->agent->plane, s->id);
		s->generation++;
		s->settling = true;
		grace__after(s->agent->grace, settled, s->agent, s->id);
		memcpy(s->slots, slots, size);
	}
	free(slots);
	s->dirty = false;
	release_retired(s);
}

static void release_service(void *ctx, uint32_t id)
{
	struct agent *a = ctx;
	struct service *s = a->by_id[id];

	release_retired(s);
	while (s->n_members)
		member__drop(s->members[--s->n_members]);
	a->by_id[id] = NULL;
	sources__release(a, id);
	plane__service_release(a->plane, id);
	service__free(s);
}

void service__dismiss(struct service *s)
{
	for (size_t i = 0; i < s->n_members; i++)
		member__quiet(s->members[i]);
	s->config = NULL;
	s->dirty = false;
	grace__after(s->agent->grace, release_service, s->agent, s->id);
}
