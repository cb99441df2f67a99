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

#include <errno.h>
#include <math.h>
#include <string.h>

#define STATES 8 /* that there are, and one */
#define MOST_BACKENDS 256 /* of all services, that are told of unasked */

static const char *state_of(const struct member *m)
{
	return m->retired ? "leaving" : health__name(&m->health);
}

static json_t *whole(double value)
{
	return json_integer((json_int_t)llround(value));
}

/* A server's words may be in it: json_string() refuses what is not UTF-8. */
static json_t *found(const struct member *m)
{
	const char *text = m->probe_warning && m->probe_ok ? m->probe_warning : m->probe_detail;
	json_t *detail = json_string(text ? text : "");

	return detail ? detail : json_string("(not UTF-8)");
}

static json_t *member_json(const struct agent *a, const struct member *m)
{
	struct addr address = member__address(m);
	char text[ADDR_STRLEN];

	return json_pack(
		"{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:b, s:I, s:o, s:b, s:b}",
		"id", member__id(m), "address", addr__format(&address, text), "state", state_of(m),
		"since", names__time(m->health.since_ns), "weight", (json_int_t)m->weight,
		"parts_percent", (json_int_t)m->parts * 100 / TABLE_PARTS, "slots",
		(json_int_t)m->slots, "slots_leaving", (json_int_t)m->leaving, "records",
		(json_int_t)flow_sweep__records(a, m), "packets_per_s",
		whole(m->target->rate.packets_per_s), "bytes_per_s",
		whole(m->target->rate.bytes_per_s), "probe_ok", m->probe_ok, "latency_us",
		(json_int_t)(m->probe_latency_ns / 1000), "detail", found(m), "backup", m->backup,
		"disputed", m->disputed);
}

static json_t *members_json(const struct service *s)
{
	json_t *list = json_array();
	const struct member *m;

	for (size_t i = 0; i < s->n_members; i++)
		json_array_append_new(list, member_json(s->agent, s->members[i]));
	TAILQ_FOREACH (m, &s->retired, retired_entry) {
		if (!status__goes_on(s, m))
			json_array_append_new(list, member_json(s->agent, m));
	}
	return list;
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

static json_t *service_json(const struct service *s, bool with_members)
{
	json_t *o = status__service(s);

	json_object_set_new(o, "usable", json_integer((json_int_t)service__usable(s)));
	json_object_set_new(o, "configured", json_integer((json_int_t)s->n_members));
	json_object_set_new(o, "states", states_json(s));
	json_object_set_new(o, "enough", json_boolean(s->enough.is));
	json_object_set_new(o, "packets_per_s", whole(s->rate.packets_per_s));
	json_object_set_new(o, "bytes_per_s", whole(s->rate.bytes_per_s));
	json_object_set_new(o, "transition", transition__json(s));
	json_object_set_new(o, "health", verdict__json(s));
	json_object_set_new(o, "backends", with_members ? members_json(s) : json_null());
	return o;
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
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "name",
						      names__verdict(v, name), "text",
						      names__verdict_text(v), "packets",
						      (json_int_t)c.packets, "packets_per_s",
						      whole(a->verdicts[v].packets_per_s)));
	}
	return list;
}

int overview__json(struct agent *a, const char *service, json_t **out, struct err *err)
{
	json_t *services = json_array(), *o;
	size_t n_members = 0, n = 0;
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry)
		n_members += s->n_members;
	TAILQ_FOREACH (s, &a->services, entry) {
		if (service && strcmp(s->name, service) != 0)
			continue;
		n++;
		json_array_append_new(services,
				      service_json(s, service || n_members <= MOST_BACKENDS));
	}
	if (service && !n) {
		json_decref(services);
		return err__set(err, -ENOENT, "there is no service '%s'", service);
	}
	o = status__frame(a);
	json_object_set_new(o, "time", names__time(agent__realtime_ns()));
	json_object_set_new(o, "problems", metrics__problems(a));
	json_object_set_new(o, "services", services);
	json_object_set_new(o, "drops", drops_json(a));
	*out = o;
	return 0;
}
