/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/anycast.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/names.h"
#include "agent/peer_accord.h"
#include "core/log.h"

static bool is_alive(void *ctx)
{
	return lease__alive(ctx);
}

int anycast__start(struct agent *a, struct err *err)
{
	return routes__start(is_alive, a->lease, &a->anycast.routes, err);
}

static int compare(const void *a, const void *b)
{
	const struct anycast_vip *x = a, *y = b;
	int order = memcmp(x->vip.addr.b, y->vip.addr.b, sizeof(x->vip.addr.b));

	return order ? order : (x->vip.len > y->vip.len) - (x->vip.len < y->vip.len);
}

static struct anycast_vip *find(struct anycast_vip *vips, size_t n, const struct addr_prefix *vip)
{
	struct anycast_vip key = {.vip = *vip};

	return n ? bsearch(&key, vips, n, sizeof(key), compare) : NULL;
}

/* The VIPs of a configuration, each once, sorted; NULL: out of memory. */
static struct anycast_vip *list_vips(const struct config *c, size_t *n)
{
	struct anycast_vip *vips = calloc(c->n_services + 1, sizeof(*vips));
	size_t all = 0;

	*n = 0;
	if (!vips)
		return NULL;
	for (size_t i = 0; i < c->n_services; i++)
		if (c->services[i].announce)
			vips[all++].vip = c->services[i].vip;
	qsort(vips, all, sizeof(*vips), compare);
	for (size_t i = 0; i < all; i++)
		if (!i || compare(&vips[i], &vips[i - 1]))
			vips[(*n)++] = vips[i];
	return vips;
}

void anycast__configured(struct agent *a)
{
	struct anycast *y = &a->anycast;
	struct anycast_vip *vips;
	size_t n;

	vips = list_vips(a->config, &n);
	if (!vips) {
		log_error("out of memory: the announced VIPs stay as they were");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct anycast_vip *old = find(y->vips, y->n, &vips[i].vip);

		if (old)
			vips[i] = *old;
		else
			vips[i].since_ns = agent__realtime_ns();
	}
	free(y->vips);
	y->vips = vips;
	y->n = n;
	y->table = a->config->anycast_table;
	y->begun = false;
	y->dirty = true;
}

/* --- what is announced -------------------------------------------------------------------------------- */

static void explain(const struct service *s, char *why, size_t len)
{
	const struct config_service *c = s->config;
	uint32_t usable = service__usable(s);

	if (usable < c->min_up_again)
		snprintf(why, len,
			 "service %s: %" PRIu32 " of %zu backends can take flows, %s is %" PRIu32,
			 s->name, usable, s->n_members,
			 usable < c->min_up ? "min_up" : "min_up_again",
			 usable < c->min_up ? c->min_up : c->min_up_again);
	else if (!s->enough.is)
		snprintf(why, len,
			 "service %s: %" PRIu32 " of %zu backends can take flows, and must for the "
			 "%.1f s of min_up_hold",
			 s->name, usable, s->n_members, c->min_up_hold_ms / 1e3);
	else
		snprintf(why, len, "service %s: %" PRIu32 " slots have no backend yet", s->name,
			 s->unserved);
}

/* Why each VIP is not to be announced; "": it is. */
static void judge(struct agent *a)
{
	const char *behind = peer_accord__gives_way(a)
				     ? "a peer has a later configuration of all peers in force"
				     : "";
	struct anycast *y = &a->anycast;
	struct service *s;

	for (size_t i = 0; i < y->n; i++)
		snprintf(y->vips[i].why, sizeof(y->vips[i].why), "%s", behind);
	y->due_ns = UINT64_MAX;
	TAILQ_FOREACH (s, &a->services, entry) {
		struct anycast_vip *v;
		bool enough;

		if (!s->config)
			continue;
		enough = service__has_enough(s);
		if (service__enough_due_ns(s) < y->due_ns)
			y->due_ns = service__enough_due_ns(s);
		if (!s->config->announce || (enough && !s->unserved))
			continue;
		v = find(y->vips, y->n, &s->config->vip);
		if (v && !v->why[0])
			explain(s, v->why, sizeof(v->why));
	}
}

static void log_vip(const struct agent *a, enum log_level level, const struct anycast_vip *v,
		    const char *what, const char *why)
{
	char vip[ADDR_PREFIX_STRLEN];
	const struct log_field fields[] = {
		{"VIP", addr_prefix__format(&v->vip, vip)},
		{NULL, NULL},
	};

	log__write(level, fields, "VIP %s %s%s", vip, what, why);
	chronicle__tell(a, JOURNAL_ANYCAST, vip, NULL, v->announced ? "announced" : "withdrawn",
			JOURNAL_NOBODY, "%s%s", what, why);
}

/* Whether anything has changed. */
static bool follow(struct agent *a)
{
	struct anycast *y = &a->anycast;
	bool changed = !y->begun;

	for (size_t i = 0; i < y->n; i++) {
		struct anycast_vip *v = &y->vips[i];
		bool announce = !v->why[0];

		if (announce == v->announced)
			continue;
		changed = true;
		v->announced = announce;
		v->since_ns = agent__realtime_ns();
		v->told = 0;
		log_vip(a, announce ? LOG_LV_INFO : LOG_LV_WARN, v,
			announce ? "is announced" : "is withdrawn: ", v->why);
	}
	return changed;
}

/* Has the loop turn when time alone makes enough backends of those that there are. */
static void wait_for_it(struct agent *a)
{
	uint64_t now_ns = uv_hrtime(), due_ns = a->anycast.due_ns;

	if (due_ns != UINT64_MAX)
		agent__wake_in(a, due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 0);
}

void anycast__flush(struct agent *a)
{
	struct anycast *y = &a->anycast;
	struct addr_prefix *list;
	size_t n = 0;
	bool due;

	/* Before the first configuration nobody knows what an earlier agent's routes are worth. */
	if (!a->config || !y->table)
		return;
	due = y->dirty || y->due_ns <= uv_hrtime();
	if (due)
		judge(a);
	wait_for_it(a);
	if (!due)
		return;
	y->dirty = false;
	if (!follow(a))
		return;
	list = calloc(y->n + 1, sizeof(*list));
	if (list) {
		for (size_t i = 0; i < y->n; i++)
			if (y->vips[i].announced)
				list[n++] = y->vips[i].vip;
	}
	y->begun = list && routes__want(y->routes, y->table, list, n) == 0;
	/* Tried again with the next tick. */
	if (!y->begun)
		log_error("out of memory: the routes of VIPs stay as they were");
	free(list);
}

/* Routes that should be gone, and are not; NULL: out of memory. */
static struct routes_stuck *list_stuck(const struct anycast *y, size_t *n)
{
	size_t max = routes__stuck(y->routes, NULL, 0);
	struct routes_stuck *list = calloc(max + 1, sizeof(*list));

	*n = list ? routes__stuck(y->routes, list, max) : 0;
	if (*n > max)
		*n = max;
	return list;
}

/* Each time that there are more of them, all; and the end of it. */
static void tell_stuck(struct agent *a)
{
	struct anycast *y = &a->anycast;
	size_t n, before = y->n_stuck;
	struct routes_stuck *list = list_stuck(y, &n);

	y->n_stuck = list ? n : before;
	for (size_t i = 0; i < n && n > before; i++) {
		const struct anycast_vip v = {.vip = list[i].to};
		char what[160];

		snprintf(what, sizeof(what),
			 "is withdrawn, but the kernel does not remove its route from table "
			 "%" PRIu32
			 ", so that it is still announced; it is tried again every second: ",
			 list[i].table);
		log_vip(a, LOG_LV_ERROR, &v, what, strerror(-list[i].rc));
	}
	if (before && !y->n_stuck)
		log_info("the routes of all withdrawn VIPs are gone now");
	free(list);
}

void anycast__tick(struct agent *a)
{
	struct anycast *y = &a->anycast;

	tell_stuck(a);
	y->dirty |= !y->begun;
	for (size_t i = 0; i < y->n; i++) {
		struct anycast_vip *v = &y->vips[i];
		int state = v->announced ? routes__state(y->routes, &v->vip) : 0;

		if (state == v->told || state == -EINPROGRESS)
			continue;
		v->told = state;
		if (state == -EEXIST)
			log_vip(a, LOG_LV_ERROR, v,
				"can't be announced: another program has a route for it in the table "
				"of `anycast`",
				"");
		else if (state == -EADDRINUSE)
			log_vip(a, LOG_LV_ERROR, v,
				"can't be announced: another agent of this machine has its routes "
				"in the table of `anycast`; agents need a table each",
				"");
		else if (state)
			log_vip(a, LOG_LV_ERROR, v,
				"can't be announced: the kernel refuses its route: ",
				strerror(-state));
		else
			log_vip(a, LOG_LV_INFO, v, "has its route now", "");
	}
}

/* --- status ------------------------------------------------------------------------------------------- */

/* Its route is in the agent's table though it should not be: why; 0: it is not. */
static int why_stuck(const struct anycast *y, const struct anycast_vip *v,
		     const struct routes_stuck *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].table == y->table && addr__equal(&list[i].to.addr, &v->vip.addr) &&
		    list[i].to.len == v->vip.len)
			return list[i].rc;
	return 0;
}

static json_t *vip_json(const struct anycast *y, const struct anycast_vip *v, int stuck)
{
	int state = v->announced ? routes__state(y->routes, &v->vip) : -EINPROGRESS;
	char vip[ADDR_PREFIX_STRLEN], both[sizeof(v->why) + 120];
	const char *why = v->why;

	if (!v->announced && stuck) {
		snprintf(both, sizeof(both), "%s; but the kernel does not remove its route: %s",
			 v->why, strerror(-stuck));
		why = both;
	} else if (v->announced && state) {
		why = state == -EINPROGRESS ? "the route is being made"
		      : state == -EEXIST    ? "another program has a route for it in the table"
		      : state == -EADDRINUSE
			      ? "another agent of this machine has its routes in the table"
			      : strerror(-state);
	}
	return json_pack("{s:s, s:b, s:s, s:o}", "vip", addr_prefix__format(&v->vip, vip),
			 "announced", state == 0 || stuck != 0, "why", why, "since",
			 names__time(v->since_ns));
}

json_t *anycast__json(const struct agent *a)
{
	const struct anycast *y = &a->anycast;
	json_t *vips = json_array(), *stuck = json_array();
	char vip[ADDR_PREFIX_STRLEN];
	size_t n;
	struct routes_stuck *list = list_stuck(y, &n);

	for (size_t i = 0; i < y->n; i++) {
		const struct anycast_vip *v = &y->vips[i];

		json_array_append_new(vips, vip_json(y, v, why_stuck(y, v, list, n)));
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(stuck, json_pack("{s:s, s:I, s:s}", "vip",
						       addr_prefix__format(&list[i].to, vip),
						       "table", (json_int_t)list[i].table, "error",
						       strerror(-list[i].rc)));
	free(list);
	return json_pack("{s:I, s:o, s:o}", "table", (json_int_t)y->table, "vips", vips, "stuck",
			 stuck);
}

void anycast__stop(struct agent *a)
{
	routes__stop(a->anycast.routes);
	a->anycast.routes = NULL;
	free(a->anycast.vips);
	a->anycast.vips = NULL;
	a->anycast.n = 0;
}
