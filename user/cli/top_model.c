/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/view_json.h"

/* Columns of a service's backends, as they are in each answer. */
enum column { PACKETS, BYTES, CONNECTIONS, PROBE, N_COLUMNS };

static const char *const columns[] = {
	[PACKETS] = "packets_per_s",
	[BYTES] = "bytes_per_s",
	[CONNECTIONS] = "connections_per_s",
	[PROBE] = "probe_us",
};

static void forget(struct top_trail *t)
{
	for (size_t i = 0; i < TOP_SECONDS; i++)
		t->at[i] = NAN;
}

void top_model__init(struct top_model *m)
{
	*m = (struct top_model){.instance = "", .version = ""};
	forget(&m->sent_trail);
	forget(&m->dropped_trail);
}

static void free_lists(struct top_service *services, size_t n, struct top_count *counts)
{
	for (size_t i = 0; services && i < n; i++)
		free(services[i].backends);
	free(services);
	free(counts);
}

void top_model__free(struct top_model *m)
{
	free_lists(m->services, m->n_services, m->counts);
	json_decref(m->names);
}

void top_model__trail(const struct top_model *m, const struct top_trail *t, float *out)
{
	for (unsigned int i = 0; i < TOP_SECONDS; i++)
		out[i] = t->at[(m->now + 1 + i) % TOP_SECONDS];
}

const struct top_service *top_model__service(const struct top_model *m, const char *name)
{
	for (size_t i = 0; i < m->n_services; i++) {
		if (!strcmp(m->services[i].name, name))
			return &m->services[i];
	}
	return NULL;
}

const struct top_backend *top_service__backend(const struct top_service *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->backends[i].id, id))
			return &s->backends[i];
	}
	return NULL;
}

/* --- names ----------------------------------------------------------------------------------------- */

/* All services of a model by name, and of each one its backends by id: where trails are looked for. */
struct index {
	const struct top_service **services;
	const struct top_backend **backends; /* of the one service that is being filled */
};

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct top_service *const *)a)->name,
		      (*(const struct top_service *const *)b)->name);
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const struct top_backend *const *)a)->id,
		      (*(const struct top_backend *const *)b)->id);
}

static int index_services(struct index *x, const struct top_model *m)
{
	size_t most = 0;

	for (size_t i = 0; i < m->n_services; i++)
		most = m->services[i].n > most ? m->services[i].n : most;
	x->services = calloc(m->n_services + 1, sizeof(struct top_service *));
	x->backends = calloc(most + 1, sizeof(struct top_backend *));
	if (!x->services || !x->backends)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_services; i++)
		x->services[i] = &m->services[i];
	qsort(x->services, m->n_services, sizeof(struct top_service *), by_name);
	return 0;
}

static const struct top_service *former(const struct index *x, size_t n,
					const struct top_service *s)
{
	void *found = bsearch(&s, x->services, n, sizeof(struct top_service *), by_name);

	return found ? *(const struct top_service **)found : NULL;
}

/* What is known of a backend from before; `old` (may be NULL) is its service. */
static void inherit(const struct index *x, const struct top_service *old, struct top_backend *b)
{
	void *found =
		old ? bsearch(&b, x->backends, old->n, sizeof(struct top_backend *), by_id) : NULL;
	const struct top_backend *before = found ? *(const struct top_backend **)found : NULL;

	if (before) {
		b->failed = before->failed;
		b->packets_trail = before->packets_trail;
		b->bytes_trail = before->bytes_trail;
		b->probe_trail = before->probe_trail;
		return;
	}
	b->failed = UINT64_MAX; /* not known: the first count tells of no failure */
	forget(&b->packets_trail);
	forget(&b->bytes_trail);
	forget(&b->probe_trail);
}

static int name_backends(const struct index *x, const struct top_service *old,
			 struct top_service *s, const json_t *names)
{
	const json_t *ids = json_object_get(names, "id");
	const json_t *addresses = json_object_get(names, "address");
	const json_t *ports = json_object_get(names, "port");

	s->n = json_array_size(ids);
	s->backends = calloc(s->n + 1, sizeof(*s->backends));
	if (!s->backends)
		return -ENOMEM;
	for (size_t i = 0; old && i < old->n; i++)
		x->backends[i] = &old->backends[i];
	if (old)
		qsort(x->backends, old->n, sizeof(struct top_backend *), by_id);
	for (size_t i = 0; i < s->n; i++) {
		struct top_backend *b = &s->backends[i];

		b->id = json_string_value(json_array_get(ids, i));
		b->address = json_string_value(json_array_get(addresses, i));
		b->port = (int)json_integer_value(json_array_get(ports, i));
		b->state = "unknown";
		if (!b->id || !b->address)
			return -EBADMSG;
		inherit(x, old, b);
	}
	return 0;
}

static int name_service(const struct index *x, const struct top_model *m, struct top_service *s,
			const json_t *names)
{
	const struct top_service *old;

	s->name = string_of(names, "name");
	s->vip = string_of(names, "vip");
	s->ports = string_of(names, "ports");
	s->protocol = string_of(names, "protocol");
	s->forward = string_of(names, "forward");
	s->slots = (uint32_t)integer_of(names, "slots");
	old = former(x, m->n_services, s);
	if (old) {
		s->packets_trail = old->packets_trail;
		s->bytes_trail = old->bytes_trail;
	} else {
		forget(&s->packets_trail);
		forget(&s->bytes_trail);
	}
	return name_backends(x, old, s, json_object_get(names, "backends"));
}

static void name_counts(const struct top_model *m, struct top_count *list, const json_t *names,
			bool notes)
{
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		struct top_count *c = &list[i];

		c->name = string_of(name, "name");
		c->text = string_of(name, "text");
		c->note = notes;
		c->drop = !notes && !strcmp(string_of(name, "action"), "drop");
		forget(&c->trail);
		for (size_t k = 0; k < m->n_counts; k++) {
			if (m->counts[k].note == notes && !strcmp(m->counts[k].name, c->name))
				c->trail = m->counts[k].trail;
		}
	}
}

/* The lists anew, from an answer that has names. */
static int name_all(struct top_model *m, json_t *names)
{
	const json_t *services = json_object_get(names, "services");
	const json_t *verdicts = json_object_get(names, "verdicts");
	const json_t *notes = json_object_get(names, "notes");
	size_t n = json_array_size(services), i;
	size_t n_verdicts = json_array_size(verdicts), n_notes = json_array_size(notes);
	struct top_service *list = calloc(n + 1, sizeof(*list));
	struct top_count *counts = calloc(n_verdicts + n_notes + 1, sizeof(*counts));
	struct index x = {0};
	const json_t *service;
	int rc = list && counts ? index_services(&x, m) : -ENOMEM;

	json_array_foreach (services, i, service) {
		rc = rc ? rc : name_service(&x, m, &list[i], service);
	}
	free(x.services);
	free(x.backends);
	if (rc) {
		free_lists(list, n, counts);
		return rc;
	}
	name_counts(m, counts, verdicts, false);
	name_counts(m, counts + n_verdicts, notes, true);
	free_lists(m->services, m->n_services, m->counts);
	json_decref(m->names);
	m->names = json_incref(names);
	m->services = list;
	m->n_services = n;
	m->counts = counts;
	m->n_counts = n_verdicts + n_notes;
	m->instance = string_of(names, "instance");
	m->version = string_of(names, "version");
	return 0;
}

/* --- figures --------------------------------------------------------------------------------------- */

static void take_backend(const struct top_model *m, struct top_backend *b,
			 const json_t *const *column, size_t i)
{
	json_int_t value[N_COLUMNS];

	for (size_t c = 0; c < N_COLUMNS; c++)
		value[c] = json_integer_value(json_array_get(column[c], i));
	b->packets = (double)value[PACKETS];
	b->bytes = (double)value[BYTES];
	b->connections = json_is_array(column[CONNECTIONS]) ? (double)value[CONNECTIONS] : NAN;
	b->probe_us = value[PROBE];
	b->age_s = m->now_s > b->since ? (uint32_t)(m->now_s - b->since) : 0;
	b->packets_trail.at[m->now] = (float)b->packets;
	b->bytes_trail.at[m->now] = (float)b->bytes;
	b->probe_trail.at[m->now] = b->failing ? -1 : b->probe_us < 0 ? NAN : (float)b->probe_us;
}

static bool is_up(const struct top_backend *b)
{
	return !strcmp(b->state, "up") || !strcmp(b->state, "starting");
}

static void take_service(struct top_model *m, struct top_service *s, const json_t *told)
{
	const json_t *backends = json_object_get(told, "backends"), *column[N_COLUMNS];

	for (size_t c = 0; c < N_COLUMNS; c++)
		column[c] = json_object_get(backends, columns[c]);
	s->packets = number_of(told, "packets_per_s");
	s->bytes = number_of(told, "bytes_per_s");
	s->usable = (uint32_t)integer_of(told, "usable");
	s->unserved = (uint32_t)integer_of(told, "slots_unserved");
	s->moving = (uint32_t)integer_of(told, "moving");
	s->pinned = (uint32_t)integer_of(told, "pinned");
	s->panic = json_is_true(json_object_get(told, "panic"));
	s->connections = json_is_array(column[CONNECTIONS]) ? 0 : NAN;
	s->up = s->of = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct top_backend *b = &s->backends[i];

		take_backend(m, b, column, i);
		s->connections += b->connections;
		s->up += is_up(b);
		s->of += strcmp(b->state, "leaving") != 0;
	}
	s->packets_trail.at[m->now] = (float)s->packets;
	s->bytes_trail.at[m->now] = (float)s->bytes;
	m->n_backends += s->of;
	m->n_up += s->up;
}

static void take_counts(struct top_model *m, size_t from, const json_t *told)
{
	const json_t *totals = json_object_get(told, "packets");
	const json_t *packets = json_object_get(told, "packets_per_s");
	const json_t *bytes = json_object_get(told, "bytes_per_s");

	for (size_t i = 0; i < json_array_size(totals) && from + i < m->n_counts; i++) {
		struct top_count *c = &m->counts[from + i];

		c->total = (uint64_t)json_integer_value(json_array_get(totals, i));
		c->packets = json_number_value(json_array_get(packets, i));
		c->bytes = json_number_value(json_array_get(bytes, i));
		c->trail.at[m->now] = (float)c->packets;
		if (c->note)
			continue;
		if (c->drop)
			m->dropped += c->packets;
	}
}

/* What goes to backends is what `send` verdicts count. */
static void sum_sent(struct top_model *m)
{
	const json_t *verdicts = json_object_get(m->names, "verdicts");

	for (size_t i = 0; i < json_array_size(verdicts); i++) {
		if (strcmp(string_of(json_array_get(verdicts, i), "action"), "send") != 0)
			continue;
		m->sent += m->counts[i].packets;
		m->sent_bytes += m->counts[i].bytes;
	}
}

/* Whether it has as many rows as the names say. */
static bool fits(const struct top_model *m, const json_t *answer)
{
	const json_t *services = json_object_get(answer, "services"), *service, *list;
	const json_t *states = json_object_get(answer, "states");
	size_t i;

	if (!json_is_array(services) || json_array_size(services) != m->n_services ||
	    (json_is_array(states) && json_array_size(states) != m->n_services))
		return false;
	json_array_foreach (services, i, service) {
		list = json_object_get(json_object_get(service, "backends"), columns[PACKETS]);
		if (json_array_size(list) != m->services[i].n)
			return false;
	}
	return true;
}

static void take_states(struct top_model *m, const json_t *states)
{
	const json_t *words = json_object_get(m->names, "states"), *told;
	size_t i;

	json_array_foreach (states, i, told) {
		const json_t *state = json_object_get(told, "state");
		const json_t *since = json_object_get(told, "since_s");
		const json_t *slots = json_object_get(told, "slots");
		const json_t *failed = json_object_get(told, "probes_failed");
		struct top_service *s = &m->services[i];

		for (size_t k = 0; k < s->n; k++) {
			struct top_backend *b = &s->backends[k];
			json_int_t word = json_integer_value(json_array_get(state, k));
			uint64_t n = (uint64_t)json_integer_value(json_array_get(failed, k));

			b->state = json_string_value(json_array_get(words, (size_t)word));
			b->state = b->state ? b->state : "unknown";
			b->since = json_integer_value(json_array_get(since, k));
			b->slots = (uint32_t)json_integer_value(json_array_get(slots, k));
			b->failing = b->failed < n;
			b->failed = n;
		}
	}
}

static void take_all(struct top_model *m, const json_t *answer)
{
	const json_t *service;
	size_t i;

	m->now = (m->now + 1) % TOP_SECONDS;
	m->now_s = integer_of(answer, "now_s");
	m->uptime_s = number_of(answer, "uptime_s");
	m->n_backends = m->n_up = 0;
	m->sent = m->sent_bytes = m->dropped = 0;
	for (i = 0; i < m->n_services; i++) {
		for (size_t k = 0; k < m->services[i].n; k++)
			m->services[i].backends[k].failing = false;
	}
	take_states(m, json_object_get(answer, "states"));
	json_array_foreach (json_object_get(answer, "services"), i, service) {
		take_service(m, &m->services[i], service);
	}
	take_counts(m, 0, json_object_get(answer, "verdicts"));
	take_counts(m, json_array_size(json_object_get(m->names, "verdicts")),
		    json_object_get(answer, "notes"));
	sum_sent(m);
	m->sent_trail.at[m->now] = (float)m->sent;
	m->dropped_trail.at[m->now] = (float)m->dropped;
}

int top_model__take(struct top_model *m, json_t *answer, struct err *err)
{
	json_t *names = json_object_get(answer, "names");
	int rc = 0;

	if (json_is_object(names))
		rc = name_all(m, names);
	if (rc == -ENOMEM)
		return err__set(err, rc, "out of memory");
	if (rc || !fits(m, answer)) {
		/* What is there does not fit: all of it anew. */
		m->layout[0] = m->known[0] = '\0';
		return err__set(err, -EBADMSG,
				"the agent's rates are not what this version knows: see fairlead "
				"version");
	}
	snprintf(m->layout, sizeof(m->layout), "%s", string_of(answer, "layout"));
	snprintf(m->known, sizeof(m->known), "%s", string_of(answer, "known"));
	take_all(m, answer);
	return 0;
}

void top_model__miss(struct top_model *m)
{
	m->now = (m->now + 1) % TOP_SECONDS;
	m->sent_trail.at[m->now] = m->dropped_trail.at[m->now] = NAN;
	for (size_t i = 0; i < m->n_counts; i++)
		m->counts[i].trail.at[m->now] = NAN;
	for (size_t i = 0; i < m->n_services; i++) {
		struct top_service *s = &m->services[i];

		s->packets_trail.at[m->now] = s->bytes_trail.at[m->now] = NAN;
		for (size_t k = 0; k < s->n; k++) {
			struct top_backend *b = &s->backends[k];

			b->packets_trail.at[m->now] = b->bytes_trail.at[m->now] = NAN;
			b->probe_trail.at[m->now] = NAN;
		}
	}
}
