/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rates_json.c - what changes from second to second, of all services and backends: GET /v1/rates.
 *
 * Whoever looks once a second (fairlead top) would pay for the whole status, which tells of each backend by some
 * forty names and values. Here a backend is a number in each of a few columns, in the order of lists that are
 * told only to who does not have them yet; and so are the columns that rarely change.
 */
#include "agent/rates_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/names.h"
#include "agent/told.h"
#include "core/fnv.h"

/* The backends of a service in the order of its columns. */
struct rows {
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

static void mix_service(uint64_t *hash, const struct service *s, const struct rows *r)
{
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

static json_t *strings(const char *const *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *service_names(const struct service *s, const struct rows *r)
{
	json_t *ids = json_array(), *addresses = json_array(), *ports = json_array();
	char vip[ADDR_PREFIX_STRLEN], port[NAMES_LEN], protocol[NAMES_LEN], text[ADDR_STRLEN];
	const struct config_service *c = s->config;

	for (size_t i = 0; i < r->n; i++) {
		const struct member *m = r->list[i];
		struct addr address = member__address(m);

		json_array_append_new(ids, json_string(member__id(m)));
		json_array_append_new(addresses, json_string(addr__format(&address, text)));
		json_array_append_new(ports, json_integer(status__port(m)));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:{s:o, s:o, s:o}}", "name", s->name,
			 "vip", addr_prefix__format(&c->vip, vip), "ports", names__ports(c, port),
			 "protocol", names__protocol(c->proto, protocol), "forward",
			 config_forward__name(c->forward), "slots",
			 (json_int_t)plane__slots(s->slot_class), "backends", "id", ids, "address",
			 addresses, "port", ports);
}

static json_t *verdict_names(void)
{
	char name[NAMES_LEN], action[NAMES_LEN];
	json_t *list = json_array();

	for (uint32_t v = 0; v < FL_VERDICTS; v++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "name", names__verdict(v, name),
						"action", names__action(v, action), "text",
						names__verdict_text(v)));
	return list;
}

static json_t *note_names(void)
{
	char name[NAMES_LEN];
	json_t *list = json_array();

	for (uint32_t i = 0; i < FL_NOTES; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", names__note(i, name),
						      "text", names__note_text(i)));
	return list;
}

/* --- columns --------------------------------------------------------------------------------------- */

static json_int_t state_of(const struct member *m)
{
	const char *name = m->retired ? "leaving" : health__name(&m->health);
	json_int_t i = 0;

	while (i + 1 < (json_int_t)N_STATES && strcmp(states[i], name) != 0)
		i++;
	return i;
}

static json_int_t since_of(const struct member *m)
{
	return (json_int_t)(m->health.since_ns / 1000000000);
}

static json_int_t packets_of(const struct member *m)
{
	return llround(m->target->rate.packets_per_s);
}

static json_int_t bytes_of(const struct member *m)
{
	return llround(m->target->rate.bytes_per_s);
}

static json_int_t connections_of(const struct member *m)
{
	return llround(passive__opened_per_s(m->target));
}

static json_int_t slots_of(const struct member *m)
{
	return m->slots;
}

static json_int_t latency_of(const struct member *m)
{
	return m->probe_at_ns ? (json_int_t)(m->probe_latency_ns / 1000) : -1;
}

static json_int_t failed_of(const struct member *m)
{
	return (json_int_t)m->probes_failed;
}

/* The columns that rarely change. */
static const struct {
	const char *name;
	json_int_t (*of)(const struct member *m);
} slow[] = {
	{"state", state_of},
	{"since_s", since_of},
	{"slots", slots_of},
	{"probes_failed", failed_of},
};
#define N_SLOW (sizeof(slow) / sizeof(*slow))

static json_t *column(const struct rows *r, json_int_t (*of)(const struct member *m))
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(list, json_integer(of(r->list[i])));
	return list;
}

static void mix_states(uint64_t *hash, const struct rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t c = 0; c < N_SLOW; c++)
			mix_number(hash, (uint64_t)slow[c].of(r->list[i]));
	}
}

static json_t *service_states(const struct rows *r)
{
	json_t *o = json_object();

	for (size_t c = 0; c < N_SLOW; c++)
		json_object_set_new(o, slow[c].name, column(r, slow[c].of));
	return o;
}

static json_t *service_rates(const struct service *s, const struct rows *r)
{
	json_t *backends = json_pack("{s:o, s:o, s:o, s:o}", "packets_per_s", column(r, packets_of),
				     "bytes_per_s", column(r, bytes_of), "connections_per_s",
				     s->watch ? column(r, connections_of) : json_null(), "probe_us",
				     column(r, latency_of));

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o}", "packets_per_s",
			 (json_int_t)llround(s->rate.packets_per_s), "bytes_per_s",
			 (json_int_t)llround(s->rate.bytes_per_s), "usable",
			 (json_int_t)service__usable(s), "slots_unserved", (json_int_t)s->unserved,
			 "moving", (json_int_t)s->sums.moving, "pinned", (json_int_t)s->sums.pinned,
			 "panic", s->pool.panic, "backends", backends);
}

/* Of verdicts or notes: counters as of the last tick, and their rates. */
static json_t *counts(const struct rate *list, size_t n)
{
	json_t *packets = json_array(), *rates = json_array(), *bytes = json_array();

	for (size_t i = 0; i < n; i++) {
		json_array_append_new(packets, json_integer((json_int_t)list[i].last.packets));
		json_array_append_new(rates, json_integer(llround(list[i].packets_per_s)));
		json_array_append_new(bytes, json_integer(llround(list[i].bytes_per_s)));
	}
	return json_pack("{s:o, s:o, s:o}", "packets", packets, "packets_per_s", rates,
			 "bytes_per_s", bytes);
}

/* --- all of it ------------------------------------------------------------------------------------- */

/* What is made of each service in one go; NULL: it is not wanted. */
struct harvest {
	uint64_t layout, states; /* hashes */
	json_t *rates, *names, *slow;
};

static bool each_service(const struct agent *a, struct harvest *h)
{
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		struct rows r;

		if (!s->config)
			continue;
		r.list = told__members(s, &r.n);
		if (!r.list)
			return false;
		mix_service(&h->layout, s, &r);
		mix_states(&h->states, &r);
		if (h->rates)
			json_array_append_new(h->rates, service_rates(s, &r));
		if (h->names)
			json_array_append_new(h->names, service_names(s, &r));
		if (h->slow)
			json_array_append_new(h->slow, service_states(&r));
		free(r.list);
	}
	return true;
}

static struct harvest empty(const struct agent *a)
{
	struct harvest h = {.layout = FNV64};

	mix_text(&h.layout, a->config->instance);
	mix_text(&h.layout, FAIRLEAD_VERSION);
	h.states = h.layout;
	return h;
}

static bool is(const char *known, uint64_t hash)
{
	char now[RATES_KEY_LEN];

	snprintf(now, sizeof(now), "%016" PRIx64, hash);
	return strcmp(known, now) == 0;
}

static json_t *names_json(const struct agent *a, json_t *services)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "instance", a->config->instance,
			 "version", FAIRLEAD_VERSION, "states", strings(states, N_STATES),
			 "services", services, "verdicts", verdict_names(), "notes", note_names());
}

json_t *rates__json(const struct agent *a, const char *layout, const char *known)
{
	struct harvest h = empty(a), more = empty(a);
	bool ok;

	h.rates = json_array();
	ok = each_service(a, &h);
	more.names = is(layout, h.layout) ? NULL : json_array();
	/* Who has other names has no use for states of before. */
	more.slow = is(known, h.states) && !more.names ? NULL : json_array();
	if (more.names || more.slow)
		ok &= each_service(a, &more);
	if (!ok) {
		json_decref(h.rates);
		json_decref(more.names);
		json_decref(more.slow);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:f, s:o, s:o, s:o}", "layout",
			 json_sprintf("%016" PRIx64, h.layout), "names",
			 more.names ? names_json(a, more.names) : json_null(), "known",
			 json_sprintf("%016" PRIx64, h.states), "states",
			 more.slow ? more.slow : json_null(), "now_s",
			 (json_int_t)(agent__realtime_ns() / 1000000000), "uptime_s",
			 (double)(uv_hrtime() - a->started_ns) / 1e9, "services", h.rates,
			 "verdicts", counts(a->verdicts, FL_VERDICTS), "notes",
			 counts(a->notes, FL_NOTES));
}
