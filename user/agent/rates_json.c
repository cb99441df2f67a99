/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rates_json.c - what changes from second to second, of all services and backends: GET /v1/rates.
 *
 * Whoever looks once a second (fairlead top) would pay for the whole status, which tells of each backend by some
 * forty names and values. Here a backend is a number in each of a few columns, in the order of lists that are
 * told only to who does not have them yet; and so are the columns that rarely change.
 */
#include "agent/rates_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/names.h"
#include "agent/told.h"
#include "core/fnv.h"
#include "core/jtext.h"

/* A service, and its backends in the order of its columns. */
struct rows {
	const struct service *service;
	const struct member **list;
	size_t n;
};

/* Words for `state`; a column has their places. */
static const char *const states[] = {
	"up", "starting", "suspect", "draining", "down", "disabled", "unknown", "leaving",
};
#define N_STATES (sizeof(states) / sizeof(*states))

/* --- hashes ---------------------------------------------------------------------------------------- */

static void mix(uint64_t *hash, const void *data, size_t len)
{
	*hash = fnv64(*hash, data, len);
}

static void mix_number(uint64_t *hash, uint64_t n)
{
	*hash = (*hash ^ n) * UINT64_C(0x100000001b3);
	*hash ^= *hash >> 32;
}

static void mix_text(uint64_t *hash, const char *text)
{
	mix(hash, text, strlen(text) + 1);
}

static void mix_service(uint64_t *hash, const struct rows *r)
{
	const struct service *s = r->service;
	const struct config_service *c = s->config;
	uint32_t slots = plane__slots(s->slot_class);

	mix_text(hash, s->name);
	mix(hash, c->vip.addr.b, sizeof(c->vip.addr.b));
	mix(hash, &c->vip.len, sizeof(c->vip.len));
	mix(hash, &c->port, sizeof(c->port));
	mix(hash, &c->port_last, sizeof(c->port_last));
	mix(hash, &c->proto, sizeof(c->proto));
	mix(hash, &c->forward, sizeof(c->forward));
	mix(hash, &slots, sizeof(slots));
	for (size_t i = 0; i < r->n; i++) {
		const struct fl_backend *b = &r->list[i]->target->entry;

		mix_text(hash, b->id);
		mix(hash, b->addr, sizeof(b->addr));
		mix(hash, &b->mode, sizeof(b->mode));
		mix(hash, &b->port, sizeof(b->port));
	}
	/* Where one service ends and the next begins. */
	mix(hash, &r->n, sizeof(r->n));
}

/* --- names ----------------------------------------------------------------------------------------- */

static void write_ids(struct jtext *out, const struct rows *r)
{
	char text[ADDR_STRLEN];

	jtext__open(out, "id", '[');
	for (size_t i = 0; i < r->n; i++)
		jtext__string(out, NULL, member__id(r->list[i]));
	jtext__mark(out, ']');
	jtext__open(out, "address", '[');
	for (size_t i = 0; i < r->n; i++) {
		struct addr address = member__address(r->list[i]);

		jtext__string(out, NULL, addr__format(&address, text));
	}
	jtext__mark(out, ']');
	jtext__open(out, "port", '[');
	for (size_t i = 0; i < r->n; i++)
		jtext__integer(out, NULL, status__port(r->list[i]));
	jtext__mark(out, ']');
}

static void write_service_names(struct jtext *out, const struct rows *r)
{
	char vip[ADDR_PREFIX_STRLEN], port[NAMES_LEN], protocol[NAMES_LEN];
	const struct config_service *c = r->service->config;

	jtext__open(out, NULL, '{');
	jtext__string(out, "name", r->service->name);
	jtext__string(out, "vip", addr_prefix__format(&c->vip, vip));
	jtext__string(out, "ports", names__ports(c, port));
	jtext__string(out, "protocol", names__protocol(c->proto, protocol));
	jtext__string(out, "forward", config_forward__name(c->forward));
	jtext__integer(out, "slots", plane__slots(r->service->slot_class));
	jtext__open(out, "backends", '{');
	write_ids(out, r);
	jtext__raw(out, "}}", 2);
}

static void write_verdict_names(struct jtext *out)
{
	char name[NAMES_LEN], action[NAMES_LEN];

	jtext__open(out, "verdicts", '[');
	for (uint32_t v = 0; v < FL_VERDICTS; v++) {
		jtext__open(out, NULL, '{');
		jtext__string(out, "name", names__verdict(v, name));
		jtext__string(out, "action", names__action(v, action));
		jtext__string(out, "text", names__verdict_text(v));
		jtext__mark(out, '}');
	}
	jtext__mark(out, ']');
}

static void write_note_names(struct jtext *out)
{
	char name[NAMES_LEN];

	jtext__open(out, "notes", '[');
	for (uint32_t i = 0; i < FL_NOTES; i++) {
		jtext__open(out, NULL, '{');
		jtext__string(out, "name", names__note(i, name));
		jtext__string(out, "text", names__note_text(i));
		jtext__mark(out, '}');
	}
	jtext__mark(out, ']');
}

/* --- columns --------------------------------------------------------------------------------------- */

static int64_t state_of(const struct member *m)
{
	const char *name = m->retired ? "leaving" : health__name(&m->health);
	int64_t i = 0;

	while (i + 1 < (int64_t)N_STATES && strcmp(states[i], name) != 0)
		i++;
	return i;
}

static int64_t since_of(const struct member *m)
{
	return (int64_t)(m->health.since_ns / 1000000000);
}

static int64_t packets_of(const struct member *m)
{
	return llround(m->target->rate.packets_per_s);
}

static int64_t bytes_of(const struct member *m)
{
	return llround(m->target->rate.bytes_per_s);
}

static int64_t connections_of(const struct member *m)
{
	return llround(passive__opened_per_s(m->target));
}

static int64_t slots_of(const struct member *m)
{
	return m->slots;
}

static int64_t latency_of(const struct member *m)
{
	return m->probe_at_ns ? (int64_t)(m->probe_latency_ns / 1000) : -1;
}

static int64_t failed_of(const struct member *m)
{
	return (int64_t)m->probes_failed;
}

/* The columns that rarely change. */
static const struct {
	const char *name;
	int64_t (*of)(const struct member *m);
} slow[] = {
	{"state", state_of},
	{"since_s", since_of},
	{"slots", slots_of},
	{"probes_failed", failed_of},
};
#define N_SLOW (sizeof(slow) / sizeof(*slow))

static void write_column(struct jtext *out, const char *key, const struct rows *r,
			 int64_t (*of)(const struct member *m))
{
	jtext__open(out, key, '[');
	for (size_t i = 0; i < r->n; i++)
		jtext__signed(out, NULL, of(r->list[i]));
	jtext__mark(out, ']');
}

static void mix_states(uint64_t *hash, const struct rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t c = 0; c < N_SLOW; c++)
			mix_number(hash, (uint64_t)slow[c].of(r->list[i]));
	}
}

static void write_service_states(struct jtext *out, const struct rows *r)
{
	jtext__open(out, NULL, '{');
	for (size_t c = 0; c < N_SLOW; c++)
		write_column(out, slow[c].name, r, slow[c].of);
	jtext__mark(out, '}');
}

static void write_service_rates(struct jtext *out, const struct rows *r)
{
	const struct service *s = r->service;

	jtext__open(out, NULL, '{');
	jtext__signed(out, "packets_per_s", llround(s->rate.packets_per_s));
	jtext__signed(out, "bytes_per_s", llround(s->rate.bytes_per_s));
	jtext__integer(out, "usable", service__usable(s));
	jtext__integer(out, "slots_unserved", s->unserved);
	jtext__integer(out, "moving", s->sums.moving);
	jtext__integer(out, "pinned", s->sums.pinned);
	jtext__boolean(out, "panic", s->pool.panic);
	jtext__open(out, "backends", '{');
	write_column(out, "packets_per_s", r, packets_of);
	write_column(out, "bytes_per_s", r, bytes_of);
	if (s->watch)
		write_column(out, "connections_per_s", r, connections_of);
	else
		jtext__null(out, "connections_per_s");
	write_column(out, "probe_us", r, latency_of);
	jtext__raw(out, "}}", 2);
}

/* Of verdicts or notes: counters as of the last tick, and their rates. */
static void write_counts(struct jtext *out, const char *key, const struct rate *list, size_t n)
{
	jtext__open(out, key, '{');
	jtext__open(out, "packets", '[');
	for (size_t i = 0; i < n; i++)
		jtext__integer(out, NULL, list[i].last.packets);
	jtext__mark(out, ']');
	jtext__open(out, "packets_per_s", '[');
	for (size_t i = 0; i < n; i++)
		jtext__signed(out, NULL, llround(list[i].packets_per_s));
	jtext__mark(out, ']');
	jtext__open(out, "bytes_per_s", '[');
	for (size_t i = 0; i < n; i++)
		jtext__signed(out, NULL, llround(list[i].bytes_per_s));
	jtext__raw(out, "]}", 2);
}

/* --- all of it ------------------------------------------------------------------------------------- */

/* All services. */
struct all {
	struct rows *list;
	size_t n;
	char layout[RATES_KEY_LEN],
		known[RATES_KEY_LEN]; /* what names, and what states they have */
};

static void free_all(struct all *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->list[i].list);
	free(all->list);
}

static int list_all(const struct agent *a, struct all *all)
{
	const struct service *s;
	size_t room = 1;

	TAILQ_FOREACH (s, &a->services, entry)
		room++;
	all->list = calloc(room, sizeof(*all->list));
	if (!all->list)
		return -ENOMEM;
	TAILQ_FOREACH (s, &a->services, entry) {
		struct rows *r = &all->list[all->n];

		if (!s->config)
			continue;
		r->service = s;
		r->list = told__members(s, &r->n);
		if (!r->list)
			return -ENOMEM;
		all->n++;
	}
	return 0;
}

static void name_all(const struct agent *a, struct all *all)
{
	uint64_t layout = FNV64, known;

	mix_text(&layout, a->config->instance);
	mix_text(&layout, FAIRLEAD_VERSION);
	known = layout;
	for (size_t i = 0; i < all->n; i++) {
		mix_service(&layout, &all->list[i]);
		mix_states(&known, &all->list[i]);
	}
	snprintf(all->layout, sizeof(all->layout), "%016" PRIx64, layout);
	snprintf(all->known, sizeof(all->known), "%016" PRIx64, known);
}

static void write_each(struct jtext *out, const char *key, const struct all *all,
		       void (*write)(struct jtext *out, const struct rows *r))
{
	jtext__open(out, key, '[');
	for (size_t i = 0; i < all->n; i++)
		write(out, &all->list[i]);
	jtext__mark(out, ']');
}

static void write_names(const struct agent *a, struct jtext *out, const struct all *all)
{
	jtext__open(out, "names", '{');
	jtext__string(out, "instance", a->config->instance);
	jtext__string(out, "version", FAIRLEAD_VERSION);
	jtext__open(out, "states", '[');
	for (size_t i = 0; i < N_STATES; i++)
		jtext__string(out, NULL, states[i]);
	jtext__mark(out, ']');
	write_each(out, "services", all, write_service_names);
	write_verdict_names(out);
	write_note_names(out);
	jtext__mark(out, '}');
}

static void write_all(const struct agent *a, struct jtext *out, const struct all *all,
		      const char *layout, const char *known)
{
	bool named = strcmp(layout, all->layout) == 0;

	jtext__open(out, NULL, '{');
	jtext__string(out, "layout", all->layout);
	if (named)
		jtext__null(out, "names");
	else
		write_names(a, out, all);
	jtext__string(out, "known", all->known);
	/* Who has other names has no use for states of before. */
	if (named && strcmp(known, all->known) == 0)
		jtext__null(out, "states");
	else
		write_each(out, "states", all, write_service_states);
	jtext__integer(out, "now_s", agent__realtime_ns() / 1000000000);
	jtext__real(out, "uptime_s", (double)(uv_hrtime() - a->started_ns) / 1e9);
	write_each(out, "services", all, write_service_rates);
	write_counts(out, "verdicts", a->verdicts, FL_VERDICTS);
	write_counts(out, "notes", a->notes, FL_NOTES);
	jtext__mark(out, '}');
}

void rates__write(const struct agent *a, const char *layout, const char *known, struct jtext *out)
{
	struct all all = {.n = 0};

	if (list_all(a, &all)) {
		out->failed = true;
	} else {
		name_all(a, &all);
		write_all(a, out, &all, layout, known);
	}
	free_all(&all);
}
