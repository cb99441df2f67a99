/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * overview.c - the running state in short, as docs/api.md says it. It is for pages that ask every few seconds:
 * backends are told of in full only where they are few, or where one service was asked for, and counters are
 * those of the last tick.
 */
#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/metrics.h"
#include "agent/names.h"
#include "agent/told.h"
#include "core/jtext.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STATES 8 /* that there are, and one */
#define MOST_BACKENDS 256 /* of all services, that are told of unasked */

static const char *state_of(const struct member *m)
{
	return m->retired ? "leaving" : health__name(&m->health);
}

static uint64_t whole(double value)
{
	return value > 0 ? (uint64_t)llround(value) : 0;
}

static uint64_t since_s(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? (now_ns - then_ns) / 1000000000 : 0;
}

static void write_member(struct jtext *out, const struct member *m, uint64_t now_ns)
{
	const char *found = m->probe_warning && m->probe_ok ? m->probe_warning : m->probe_detail;
	struct addr address = member__address(m);
	char text[ADDR_STRLEN];

	jtext__open(out, NULL, '{');
	jtext__string(out, "id", member__id(m));
	jtext__string(out, "address", addr__format(&address, text));
	jtext__string(out, "state", state_of(m));
	jtext__integer(out, "state_s", since_s(now_ns, m->health.since_ns));
	jtext__integer(out, "weight", m->weight);
	jtext__integer(out, "parts_percent", m->parts * UINT64_C(100) / TABLE_PARTS);
	jtext__integer(out, "slots", m->slots);
	jtext__integer(out, "slots_leaving", m->leaving);
	jtext__integer(out, "records", flow_sweep__records(m->service->agent, m));
	jtext__integer(out, "packets_per_s", whole(m->target->rate.packets_per_s));
	jtext__integer(out, "bytes_per_s", whole(m->target->rate.bytes_per_s));
	jtext__integer(out, "latency_us", m->probe_latency_ns / 1000);
	jtext__string(out, "detail", found ? found : "");
	jtext__boolean(out, "backup", m->backup);
	jtext__boolean(out, "disputed", m->disputed);
	jtext__mark(out, '}');
}

static void write_members(struct jtext *out, const struct service *s)
{
	uint64_t now_ns = agent__realtime_ns();
	size_t n = 0;
	const struct member **list = told__members(s, &n);

	out->failed |= !list;
	jtext__open(out, "backends", '[');
	for (size_t i = 0; list && i < n; i++)
		write_member(out, list[i], now_ns);
	jtext__mark(out, ']');
	free(list);
}

/* How many are in each state. */
static json_t *states_json(const struct service *s)
{
	struct {
		const char *name;
		json_int_t n;
	} counts[STATES] = {0};
	json_t *o = json_object();

	for (size_t i = 0; i < s->n_members; i++) {
		const char *name = state_of(s->members[i]);
		size_t k = 0;

		while (k < STATES - 1 && counts[k].name && strcmp(counts[k].name, name) != 0)
			k++;
		counts[k].name = name;
		counts[k].n++;
	}
	for (size_t k = 0; k < STATES && counts[k].name; k++)
		json_object_set_new(o, counts[k].name, json_integer(counts[k].n));
	return o;
}

static void write_service(struct jtext *out, const struct service *s, bool with_members)
{
	json_t *o = status__service(s);

	json_object_set_new(o, "usable", json_integer((json_int_t)service__usable(s)));
	json_object_set_new(o, "configured", json_integer((json_int_t)s->n_members));
	json_object_set_new(o, "states", states_json(s));
	json_object_set_new(o, "enough", json_boolean(s->enough.is));
	json_object_set_new(o, "packets_per_s",
			    json_integer((json_int_t)whole(s->rate.packets_per_s)));
	json_object_set_new(o, "bytes_per_s", json_integer((json_int_t)whole(s->rate.bytes_per_s)));
	json_object_set_new(o, "transition", transition__json(s));
	json_object_set_new(o, "health", verdict__json(s));
	jtext__key(out, NULL);
	told__open(out, o);
	if (with_members)
		write_members(out, s);
	else
		jtext__null(out, "backends");
	jtext__mark(out, '}');
}

/* What has dropped packets, ever. */
static json_t *drops_json(const struct agent *a)
{
	json_t *list = json_array();
	char name[NAMES_LEN], action[NAMES_LEN];

	for (uint32_t v = 0; v < FL_VERDICTS; v++) {
		struct fl_count c = metrics__count(a, &a->verdicts[v], PLANE_VERDICT, v);

		if (strcmp(names__action(v, action), "drop") != 0 || !c.packets)
			continue;
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "name",
						      names__verdict(v, name), "text",
						      names__verdict_text(v), "packets",
						      (json_int_t)c.packets, "packets_per_s",
						      whole(a->verdicts[v].packets_per_s)));
	}
	return list;
}

static const struct service *find(const struct agent *a, const char *name)
{
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static void write_services(struct jtext *out, const struct agent *a)
{
	const struct service *s;
	size_t n_members = 0;

	TAILQ_FOREACH (s, &a->services, entry)
		n_members += s->n_members;
	TAILQ_FOREACH (s, &a->services, entry)
		write_service(out, s, n_members <= MOST_BACKENDS);
}

int overview__text(struct agent *a, const char *service, char **text, size_t *len, struct err *err)
{
	const struct service *only = service ? find(a, service) : NULL;
	struct jtext out = {.room = 0};
	json_t *o;

	if (service && !only)
		return err__set(err, -ENOENT, "there is no service '%s'", service);
	o = status__frame(a);
	json_object_set_new(o, "time", names__time(agent__realtime_ns()));
	json_object_set_new(o, "problems", metrics__problems(a));
	json_object_set_new(o, "drops", drops_json(a));
	told__open(&out, o);
	jtext__open(&out, "services", '[');
	if (only)
		write_service(&out, only, true);
	else
		write_services(&out, a);
	jtext__raw(&out, "]}", 2);
	if (out.failed) {
		free(out.text);
		return err__set(err, -ENOMEM, "out of memory");
	}
	*text = out.text;
	*len = out.len;
	return 0;
}
