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

#define TRACK_NAME_LEN (CONFIG_BGP_SESSION_LEN + 32)
#define TRACK_DETAIL_LEN 280 /* what a probe, or a daemon, says at most */

/* A command of a group, or a BGP session. */
struct tracked {
	struct agent *agent;
	const struct config_vrrp *group;
	const struct config_track_command *command; /* NULL: it is a session */
	const struct config_track_bgp *bgp; /* NULL: it is a command */
	struct probe_sub *probe; /* of a command; NULL: it could not be subscribed to */
	struct bgp_sub *ask; /* of a session; likewise */
	struct health health;
	char detail[TRACK_DETAIL_LEN]; /* of the last result */
};

/* --- results ----------------------------------------------------------------------------------------- */

/* As in "command 'x'". */
static const char *name_of(const struct tracked *t, char *buf, size_t size)
{
	if (t->command)
		snprintf(buf, size, "command '%s'", t->command->name);
	else
		snprintf(buf, size, "BGP session %s of %s", t->bgp->session,
			 config_bgp_daemon__name(t->bgp->daemon));
	return buf;
}

static unsigned int cost_of(const struct tracked *t)
{
	return t->command ? t->command->cost : t->bgp->cost;
}

static void log_change(const struct tracked *t, bool well)
{
	const struct log_field fields[] = {
		{"VRRP", t->group->name},
		{t->command ? "COMMAND" : "BGP", t->command ? t->command->name : t->bgp->session},
		{NULL, NULL}};
	char name[TRACK_NAME_LEN];

	name_of(t, name, sizeof(name));
	if (well)
		log__write(LOG_LV_INFO, fields, "VRRP group '%s': %s %s", t->group->name, name,
			   t->command ? "succeeds" : "is established");
	else
		log__write(LOG_LV_WARN, fields,
			   "VRRP group '%s': %s %s, which costs %u of its priority: %s",
			   t->group->name, name, t->command ? "fails" : "is not established",
			   cost_of(t), t->detail);
}

/* Returns whether it is settled. */
static bool take_result(struct tracked *t, const struct health_rules *rules, bool ok,
			const char *detail)
{
	struct health_time now = agent__now();
	bool first = t->health.state == FL_HEALTH_UNKNOWN && !t->health.streak;
	enum health_change change;

	snprintf(t->detail, sizeof(t->detail), "%s", detail);
	change = health__result(&t->health, rules, ok ? HEALTH_OK : HEALTH_FAILED, &now);
	if (change != HEALTH_SAME)
		log_change(t, change == HEALTH_WENT_UP);
	if (change != HEALTH_SAME || first)
		failover__refresh(t->agent);
	return health__settled(&t->health);
}

static bool on_probed(void *ctx, const struct probe_result *r)
{
	struct tracked *t = ctx;
	const struct config_probe *p = &t->command->probe;
	const struct health_rules rules = {.rise = p->rise, .fall = p->fall};

	return take_result(t, &rules, r->outcome == PROBE_OK, r->detail);
}

static bool on_answer(void *ctx, bool up, const char *text)
{
	struct tracked *t = ctx;
	const struct health_rules rules = {.rise = t->bgp->rise, .fall = t->bgp->fall};

	return take_result(t, &rules, up, text);
}

/* --- who is asked ------------------------------------------------------------------------------------ */

static bool is_same(const struct tracked *a, const struct tracked *b)
{
	if (strcmp(a->group->name, b->group->name) != 0)
		return false;
	if (a->bgp && b->bgp)
		return config_track_bgp__same(a->bgp, b->bgp);
	return a->command && b->command && strcmp(a->command->name, b->command->name) == 0 &&
	       config_probe__compare(&a->command->probe, &b->command->probe) == 0;
}

/* What is known of it is known of it after a reload. */
static void take_over(const struct track *old, struct tracked *t)
{
	for (size_t i = 0; i < old->n; i++) {
		if (!is_same(&old->list[i], t))
			continue;
		t->health = old->list[i].health;
		memcpy(t->detail, old->list[i].detail, sizeof(t->detail));
	}
}

static void subscribe(struct tracked *t)
{
	struct agent *a = t->agent;
	bool settled = health__settled(&t->health);
	char name[TRACK_NAME_LEN];
	struct err err;
	int rc;

	if (t->bgp)
		rc = bgp__subscribe(&a->loop, &a->track.asks, t->bgp, settled, on_answer, t,
				    &t->ask, &err);
	else
		/* FAIRLEAD_ADDRESS and FAIRLEAD_PORT of its environment. */
		rc = prober__subscribe(a->prober, &t->group->addresses[0], t->group->vrid, NULL,
				       &t->command->probe, settled, on_probed, t, &t->probe, &err);
	if (rc)
		log_error("VRRP group '%s': %s is not looked at: %s", t->group->name,
			  name_of(t, name, sizeof(name)), err.text);
}

static void clear(struct tracked *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		probe_sub__cancel(list[i].probe);
		bgp_sub__cancel(list[i].ask);
	}
	free(list);
}

static void add_tracked(struct track *next, struct agent *a, const struct config_vrrp *group,
			const struct config_track_command *command,
			const struct config_track_bgp *bgp)
{
	struct tracked *t = &next->list[next->n++];
	const struct health_time now = agent__now();

	*t = (struct tracked){.agent = a, .group = group, .command = command, .bgp = bgp};
	health__begin(&t->health, FL_HEALTH_UNKNOWN, &now);
	take_over(&a->track, t);
}

void track__configured(struct agent *a)
{
	struct track next = {0}, old;
	size_t n = 0;

	for (size_t i = 0; i < a->config->n_vrrp; i++)
		n += a->config->vrrp[i].n_commands + a->config->vrrp[i].n_bgp;
	next.list = calloc(n + 1, sizeof(*next.list));
	if (!next.list)
		log_error("out of memory: commands and BGP sessions of VRRP groups are not looked "
			  "at");
	for (size_t i = 0; next.list && i < a->config->n_vrrp; i++) {
		const struct config_vrrp *group = &a->config->vrrp[i];

		for (size_t j = 0; j < group->n_commands; j++)
			add_tracked(&next, a, group, &group->commands[j], NULL);
		for (size_t j = 0; j < group->n_bgp; j++)
			add_tracked(&next, a, group, NULL, &group->bgp[j]);
	}
	old = a->track;
	a->track.list = next.list;
	a->track.n = next.n;
	/* The new ones first, so that what goes on is not begun anew. */
	for (size_t i = 0; i < next.n; i++)
		subscribe(&next.list[i]);
	clear(old.list, old.n);
}

void track__init(struct agent *a)
{
	TAILQ_INIT(&a->track.asks);
}

bool track__is_known(const struct agent *a, const struct config_vrrp *c)
{
	for (size_t i = 0; i < a->track.n; i++) {
		const struct tracked *t = &a->track.list[i];

		if (t->group == c && (t->probe || t->ask) && t->health.state == FL_HEALTH_UNKNOWN &&
		    !t->health.streak)
			return false;
	}
	return true;
}

void track__stop(struct agent *a)
{
	clear(a->track.list, a->track.n);
	a->track.list = NULL;
	a->track.n = 0;
}

/* --- costs -------------------------------------------------------------------------------------------- */

struct costs {
	unsigned int sum;
	json_t *list; /* NULL: nobody wants to know */
};

__attribute__((format(printf, 3, 4))) static void add(struct costs *c, unsigned int cost,
						      const char *fmt, ...)
{
	char text[TRACK_NAME_LEN + TRACK_DETAIL_LEN + 64];
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

static void add_tracked_costs(const struct agent *a, const struct config_vrrp *c,
			      struct costs *costs)
{
	char name[TRACK_NAME_LEN];

	for (size_t i = 0; i < a->track.n; i++) {
		const struct tracked *t = &a->track.list[i];

		if (t->group == c && t->health.state != FL_HEALTH_UP)
			add(costs, cost_of(t), "%s %s: %s", name_of(t, name, sizeof(name)),
			    t->command ? "fails" : "is not established",
			    t->detail[0] ? t->detail
			    : t->command ? "it was not run"
					 : "the daemon was not asked");
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
	add_tracked_costs(a, c, &costs);
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
