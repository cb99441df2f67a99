/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/track.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peer_accord.h"
#include "core/log.h"

/* A command of a group. */
struct tracked {
	struct agent *agent;
	const struct config_vrrp *group;
	const struct config_track_command *config;
	struct probe_sub *sub; /* NULL: it could not be subscribed to */
	struct health health;
	char detail[PROBE_DETAIL_LEN]; /* of the last run */
};

/* --- commands ---------------------------------------------------------------------------------------- */

static void log_change(const struct tracked *t, bool well)
{
	const struct log_field fields[] = {
		{"VRRP", t->group->name}, {"COMMAND", t->config->name}, {NULL, NULL}};

	if (well)
		log__write(LOG_LV_INFO, fields, "VRRP group '%s': command '%s' succeeds",
			   t->group->name, t->config->name);
	else
		log__write(
			LOG_LV_WARN, fields,
			"VRRP group '%s': command '%s' fails, which costs %u of its priority: %s",
			t->group->name, t->config->name, t->config->cost, t->detail);
}

static bool on_result(void *ctx, const struct probe_result *r)
{
	struct tracked *t = ctx;
	const struct config_probe *p = &t->config->probe;
	const struct health_rules rules = {.rise = p->rise, .fall = p->fall};
	struct health_time now = agent__now();
	bool first = t->health.state == FL_HEALTH_UNKNOWN && !t->health.streak;
	enum health_change change;

	snprintf(t->detail, sizeof(t->detail), "%s", r->detail);
	change = health__result(&t->health, &rules,
				r->outcome == PROBE_OK ? HEALTH_OK : HEALTH_FAILED, &now);
	if (change != HEALTH_SAME)
		log_change(t, change == HEALTH_WENT_UP);
	if (change != HEALTH_SAME || first)
		failover__refresh(t->agent);
	return health__settled(&t->health);
}

static bool is_same(const struct tracked *t, const struct config_vrrp *group,
		    const struct config_track_command *c)
{
	return strcmp(t->group->name, group->name) == 0 && strcmp(t->config->name, c->name) == 0 &&
	       config_probe__compare(&t->config->probe, &c->probe) == 0;
}

/* What is known of a command is known of it after a reload. */
static void take_over(const struct track *old, struct tracked *t)
{
	for (size_t i = 0; i < old->n; i++) {
		if (!is_same(&old->list[i], t->group, t->config))
			continue;
		t->health = old->list[i].health;
		memcpy(t->detail, old->list[i].detail, sizeof(t->detail));
	}
}

static void subscribe(struct tracked *t)
{
	struct err err;

	/* FAIRLEAD_ADDRESS and FAIRLEAD_PORT of its environment. */
	if (prober__subscribe(t->agent->prober, &t->group->addresses[0], t->group->vrid, NULL,
			      &t->config->probe, health__settled(&t->health), on_result, t, &t->sub,
			      &err))
		log_error("VRRP group '%s': command '%s' is not run: %s", t->group->name,
			  t->config->name, err.text);
}

static void clear(struct track *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->list[i].sub)
			probe_sub__cancel(k->list[i].sub);
	free(k->list);
	*k = (struct track){0};
}

void track__configured(struct agent *a)
{
	struct track old = a->track, next = {0};
	const struct health_time now = agent__now();
	size_t n = 0;

	for (size_t i = 0; i < a->config->n_vrrp; i++)
		n += a->config->vrrp[i].n_commands;
	next.list = calloc(n + 1, sizeof(*next.list));
	if (!next.list)
		log_error("out of memory: the commands of VRRP groups are not run");
	for (size_t i = 0; next.list && i < a->config->n_vrrp; i++) {
		const struct config_vrrp *group = &a->config->vrrp[i];

		for (size_t j = 0; j < group->n_commands; j++) {
			struct tracked *t = &next.list[next.n++];

			*t = (struct tracked){
				.agent = a, .group = group, .config = &group->commands[j]};
			health__begin(&t->health, FL_HEALTH_UNKNOWN, &now);
			take_over(&old, t);
		}
	}
	a->track = next;
	/* The new ones first, so that a probe that goes on is not begun anew. */
	for (size_t i = 0; i < next.n; i++)
		subscribe(&next.list[i]);
	clear(&old);
}

bool track__is_known(const struct agent *a)
{
	for (size_t i = 0; i < a->track.n; i++) {
		const struct tracked *t = &a->track.list[i];

		if (t->sub && t->health.state == FL_HEALTH_UNKNOWN && !t->health.streak)
			return false;
	}
	return true;
}

void track__stop(struct agent *a)
{
	clear(&a->track);
}

/* --- costs -------------------------------------------------------------------------------------------- */

struct costs {
	unsigned int sum;
	json_t *list; /* NULL: nobody wants to know */
};

__attribute__((format(printf, 3, 4))) static void add(struct costs *c, unsigned int cost,
						      const char *fmt, ...)
{
	char text[PROBE_DETAIL_LEN + 64];
	va_list ap;

	c->sum += cost;
	if (!c->list || !cost)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(c->list, json_pack("{s:s, s:i}", "what", text, "cost", (int)cost));
}

static void add_bfd(const struct agent *a, const struct config_vrrp *c, struct costs *costs)
{
	char peer[ADDR_STRLEN];

	for (size_t i = 0; i < c->n_track_bfd; i++)
		if (!neighbors__is_up(a, &c->track_bfd[i]))
			add(costs, c->bfd_cost, "the BFD session with %s is not up",
			    addr__format(&c->track_bfd[i], peer));
}

static void add_commands(const struct agent *a, const struct config_vrrp *c, struct costs *costs)
{
	for (size_t i = 0; i < a->track.n; i++) {
		const struct tracked *t = &a->track.list[i];

		if (t->group == c && t->health.state != FL_HEALTH_UP)
			add(costs, t->config->cost, "command '%s' fails: %s", t->config->name,
			    t->detail[0] ? t->detail : "it was not run");
	}
}

uint8_t track__priority(const struct agent *a, const struct config_vrrp *c, json_t *list)
{
	struct failover_backends b = failover__backends(a, c);
	struct costs costs = {.list = list};

	for (size_t i = 0; i < c->n_track; i++)
		if (!failover__link_is_up(a, c->track[i]))
			add(&costs, c->interface_cost, "interface %s is down", c->track[i]);
	add_bfd(a, c, &costs);
	add_commands(a, c, &costs);
	if (b.all)
		add(&costs,
		    (unsigned int)((c->backends_cost * (b.all - b.accepting) + b.all / 2) / b.all),
		    "%zu of %zu backends take no flows", b.all - b.accepting, b.all);
	if (b.too_few)
		add(&costs, c->min_up_cost, "a service has fewer backends up than its min_up");
	if (peer_accord__gives_way(a))
		add(&costs, c->priority, "a peer has a later configuration of all peers");
	/* 0 says that the active router gives up, and is no priority. */
	return costs.sum < c->priority ? (uint8_t)(c->priority - costs.sum) : 1;
}
