/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain_rules.c - by which entries of source lists, and which limits, a packet was let in, dropped or noted.
 *
 * The program tells that a list or a limit has decided, not which entry of it. The agent has all that is in the map,
 * and looks it up as the program does; where the two do not agree it names none.
 */
#include <string.h>

#include "agent/agent.h"
#include "agent/names.h"

#define NS_PER_MIN 60000000000ull

static json_t *time_or_null(uint64_t realtime_ns)
{
	return realtime_ns ? names__time(realtime_ns) : json_null();
}

/* --- source lists ----------------------------------------------------------------------------------- */

static bool denies(const struct plane_source *e)
{
	return e && e->flags & FL_SRC_DENY && !(e->flags & FL_SRC_MONITOR);
}

static bool notes(const struct plane_source *e)
{
	return e && e->flags & FL_SRC_DENY && e->flags & FL_SRC_MONITOR;
}

/* The lists that the program has asked: the instance's (0), the service's (1); NULL: nothing there is the source's. */
static void match(const struct agent *a, const struct explain_facts *f, const struct service *s,
		  const struct plane_source *found[2])
{
	bool error = f->flow.proto == IPPROTO_ICMP || f->flow.proto == IPPROTO_ICMPV6;

	found[0] = sources__match(a, 0, &f->flow.source);
	/* What is about a service's flow, or is for no service, is asked of the instance's list alone. */
	found[1] =
		s && !error && !denies(found[0]) ? sources__match(a, s->id, &f->flow.source) : NULL;
}

/* Whether a packet gets as far as the lists before there is that verdict. */
static bool reaches_lists(const struct fl_explained *told, const struct service *s)
{
	switch (told->verdict) {
	case FL_V_PASS_AGENT_LOST:
	case FL_V_DROP_AGENT_LOST:
	case FL_V_DROP_STALE:
	case FL_V_DROP_BUG:
		return false;
	case FL_V_DROP_DENIED:
	case FL_V_SEND_ECHO:
		return true;
	default:
		return s && !told->reply;
	}
}

static void add_sources(json_t *list, const struct agent *a, const struct explain_facts *f,
			const struct service *s)
{
	const struct fl_explained *told = &f->result->told;
	const struct plane_source *found[2];
	bool denied = told->verdict == FL_V_DROP_DENIED, noted = told->notes & 1u << FL_N_DENIED;

	if (!f->has_flow || !reaches_lists(told, s))
		return;
	match(a, f, s, found);
	if ((denies(found[0]) || denies(found[1])) != denied ||
	    (notes(found[0]) || notes(found[1])) != noted)
		return;
	for (size_t i = 0; i < 2; i++) {
		const struct plane_source *e = found[i];
		uint64_t since_ns;
		json_t *o;

		if (!e)
			continue;
		since_ns = e->flags & FL_SRC_RUNTIME ? (e->flags >> FL_SRC_SINCE_SHIFT) * NS_PER_MIN
						     : a->loaded_at_ns;
		o = sources__entry_json(a, e);
		json_object_set_new(o, "kind", json_string("source"));
		json_object_set_new(o, "since", time_or_null(since_ns));
		json_array_append_new(list, o);
	}
}

/* --- limits ------------------------------------------------------------------------------------------- */

/* What one source of the limit is: IPv6 counts by /64. */
static json_t *counted_source(const struct addr *source)
{
	struct addr_prefix p = {.addr = *source, .len = addr__is4(source) ? 128 : 64};
	char text[ADDR_PREFIX_STRLEN];

	if (p.len == 64)
		memset(p.addr.b + 8, 0, 8);
	return json_string(addr_prefix__format(&p, text));
}

static void add_limit(json_t *list, const struct agent *a, const struct explain_facts *f,
		      const struct service *s)
{
	const struct fl_explained *told = &f->result->told;
	const struct config_limits *c = &s->config->limits;
	const struct {
		uint32_t verdict, note, rate;
		const char *name;
		bool of_source;
	} rows[] = {
		{FL_V_DROP_SRC_PACKETS, FL_N_SRC_PACKETS, c->source_packets, "source_packets",
		 true},
		{FL_V_DROP_SRC_NEW, FL_N_SRC_NEW, c->source_connections, "source_connections",
		 true},
		{FL_V_DROP_SVC_PACKETS, FL_N_SVC_PACKETS, c->packets, "packets", false},
		{FL_V_DROP_SVC_NEW, FL_N_SVC_NEW, c->connections, "connections", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (told->verdict != rows[i].verdict && !(told->notes & 1u << rows[i].note))
			continue;
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:s, s:I, s:I, s:b, s:s, s:o}", "kind", "limit",
				  "service", s->name, "prefix",
				  rows[i].of_source ? counted_source(&f->flow.source) : json_null(),
				  "limit", rows[i].name, "rate", (json_int_t)rows[i].rate,
				  "burst_ms", (json_int_t)c->burst_ms, "monitor",
				  told->verdict != rows[i].verdict, "origin", "file", "since",
				  time_or_null(a->loaded_at_ns)));
	}
}

json_t *explain_rules__json(const struct agent *a, const struct explain_facts *f,
			    const struct service *s)
{
	json_t *list = json_array();

	add_sources(list, a, f, s);
	if (s && s->config)
		add_limit(list, a, f, s);
	return list;
}
