/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/failover.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/names.h"
#include "core/log.h"

/* Asked on the real-time thread. */
static bool is_fit(void *agent)
{
	const struct agent *a = agent;

	return lease__alive(a->lease);
}

static bool is_known(const struct addr *a)
{
	static const struct addr nobody;

	return !addr__equal(a, &nobody);
}

static void on_event(void *agent, const struct vrrp_event *e)
{
	const struct log_field fields[] = {{"VRRP", e->name}, {NULL, NULL}};
	bool trouble = e->why == VRRP_WHY_NOT_READY || e->why == VRRP_WHY_HUNG;
	char active[ADDR_STRLEN];

	chronicle__tell(agent, JOURNAL_VRRP, e->name, vrrp_state__name(e->from),
			vrrp_state__name(e->to), JOURNAL_NOBODY, "%s", vrrp_why__text(e->why));
	if (e->to == VRRP_BACKUP && is_known(&e->active))
		log__write(LOG_LV_INFO, fields, "VRRP group '%s' is backup of %s: %s", e->name,
			   addr__format(&e->active, active), vrrp_why__text(e->why));
	else
		log__write(trouble ? LOG_LV_WARN : LOG_LV_INFO, fields,
			   "VRRP group '%s' is %s with priority %u: %s", e->name,
			   e->to == VRRP_INITIALIZE ? "off" : vrrp_state__name(e->to), e->priority,
			   vrrp_why__text(e->why));
}

/*
 * A backup that waits for less than twice what this machine's scheduler has been late by would take
 * over from a router that lives. Known only after a while.
 */
static int check_lateness(struct agent *a, const struct config *next, struct err *err)
{
	struct rt_lateness late;
	uint64_t worst_ns;

	rt__lateness(a->rt, &late);
	worst_ns = rt_lateness__quantile(&late, 9999);
	for (size_t i = 0; i < next->n_vrrp; i++) {
		const struct config_vrrp *c = &next->vrrp[i];
		uint64_t down_ns = vrrp__down_ns(c->priority, (uint16_t)(c->interval_ms / 10));

		if (down_ns < 2 * worst_ns)
			return err__set(
				err, -EINVAL,
				"vrrp[%zu].interval: %u ms has a backup wait for %.1f ms, and this "
				"machine wakes the agent up to %.1f ms late (99.99 %% of times); "
				"write at least %.0f ms, or give the agent real-time scheduling",
				i, c->interval_ms, (double)down_ns / 1e6, (double)worst_ns / 1e6,
				ceil((double)worst_ns / 1.5e7) * 10);
	}
	return 0;
}

int failover__prepare(struct agent *a, const struct config *next, struct err *err)
{
	struct failover *f = &a->failover;
	int rc = check_lateness(a, next, err);

	if (!rc && !f->vrrp && next->n_vrrp)
		rc = vrrp__new(a->rt, is_fit, on_event, a, &f->vrrp, err);
	if (rc || !f->vrrp)
		return rc;
	return vrrp__prepare(f->vrrp, next->vrrp, next->n_vrrp, &f->plan, err);
}

void failover__discard(struct agent *a)
{
	vrrp__discard(a->failover.plan);
	a->failover.plan = NULL;
}

void failover__commit(struct agent *a)
{
	if (!a->failover.plan)
		return;
	vrrp__commit(a->failover.plan);
	a->failover.plan = NULL;
	failover__refresh(a);
}

/* --- what a priority is made of -------------------------------------------------------------------- */

static bool has_vip(const struct config_vrrp *c, const struct config_service *s)
{
	for (size_t i = 0; i < c->n_addresses; i++)
		if (s->vip.len == 128 && addr__equal(&c->addresses[i], &s->vip.addr))
			return true;
	return false;
}

struct backends {
	size_t all, accepting, unknown;
};

/* The backends of the services whose VIP the group has. */
static struct backends count_backends(const struct agent *a, const struct config_vrrp *c)
{
	struct backends b = {0};
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (!s->config || !has_vip(c, s->config))
			continue;
		for (size_t i = 0; i < s->n_members; i++) {
			const struct member *m = s->members[i];

			b.all++;
			b.accepting += m->parts != 0;
			b.unknown +=
				m->sub && m->health.state == FL_HEALTH_UNKNOWN && !m->health.streak;
		}
	}
	return b;
}

struct link_state {
	const char *ifname;
	bool up;
};

static void look_at_link(void *ctx, const struct net_link *l)
{
	struct link_state *s = ctx;

	s->up |= l->up && strcmp(l->name, s->ifname) == 0;
}

static const char *look(void *agent, const struct config_vrrp *c, uint8_t *priority)
{
	struct agent *a = agent;
	struct backends b = count_backends(a, c);
	unsigned int cost = 0;

	for (size_t i = 0; i < c->n_track; i++) {
		struct link_state s = {.ifname = c->track[i]};

		net__links(a->net, look_at_link, &s);
		cost += s.up ? 0 : c->interface_cost;
	}
	if (b.all)
		cost += (unsigned int)((c->backends_cost * (b.all - b.accepting) + b.all / 2) /
				       b.all);
	/* 0 says that the active router gives up, and is no priority. */
	*priority = cost < c->priority ? (uint8_t)(c->priority - cost) : 1;
	return a->failover.warm ? NULL : "its backends are being probed for the first time";
}

static bool is_warm(const struct agent *a)
{
	for (size_t i = 0; i < a->config->n_vrrp; i++)
		if (count_backends(a, &a->config->vrrp[i]).unknown)
			return false;
	return true;
}

void failover__refresh(struct agent *a)
{
	if (!a->failover.vrrp || !a->config)
		return;
	a->failover.warm = a->failover.warm || is_warm(a);
	vrrp__refresh(a->failover.vrrp, a->net, look, a);
}

void failover__flush(struct agent *a)
{
	if (a->failover.vrrp && a->config && !a->failover.warm && is_warm(a))
		failover__refresh(a);
}

/* --- what is shown ---------------------------------------------------------------------------------- */

static json_t *address_json(const struct addr *a)
{
	char text[ADDR_STRLEN];

	return is_known(a) ? json_string(addr__format(a, text)) : json_null();
}

static json_t *error_json(int rc)
{
	return json_string(rc ? strerror(-rc) : "");
}

static void add_group(void *ctx, const struct vrrp_status *s)
{
	const struct config_vrrp *c = s->config;
	const struct vrrp_group *g = &s->group;
	uint64_t age = uv_hrtime() - g->since_ns;
	json_t *o, *addresses = json_array();

	for (size_t i = 0; i < c->n_addresses; i++)
		json_array_append_new(addresses, address_json(&c->addresses[i]));
	o = json_pack("{s:s, s:s, s:i, s:o, s:s, s:s, s:o}", "name", c->name, "interface",
		      c->interface, "vrid", c->vrid, "addresses", addresses, "state",
		      vrrp_state__name(g->state), "why", vrrp_why__text(g->why), "since",
		      names__time(agent__realtime_ns() - age));
	json_object_set_new(o, "fault", json_string(s->fault));
	json_object_set_new(o, "priority", json_integer(g->priority));
	json_object_set_new(o, "priority_configured", json_integer(c->priority));
	json_object_set_new(o, "active", address_json(&g->active));
	json_object_set_new(o, "active_priority", json_integer(g->active_priority));
	json_object_set_new(o, "interval_ms", json_integer(10LL * g->set.interval_cs));
	json_object_set_new(o, "active_interval_ms", json_integer(10LL * g->active_interval_cs));
	json_object_set_new(o, "transitions", json_integer(g->transitions));
	json_object_set_new(o, "adverts_sent", json_integer((json_int_t)s->sent));
	json_object_set_new(o, "adverts_heard", json_integer((json_int_t)s->heard));
	json_object_set_new(o, "strangers", json_integer((json_int_t)s->strangers));
	json_object_set_new(o, "addresses_differ", json_boolean(s->differs));
	json_object_set_new(o, "send_error", error_json(s->send_error));
	json_object_set_new(o, "announce_error", error_json(s->announce_error));
	json_object_set_new(o, "address_error", error_json(s->address_error));
	json_array_append_new(ctx, o);
}

json_t *failover__json(struct agent *a)
{
	json_t *groups = json_array(), *ignored = json_object();
	struct vrrp_ignored counts = {.own = 0};

	if (a->failover.vrrp) {
		vrrp__status(a->failover.vrrp, add_group, groups);
		vrrp__ignored(a->failover.vrrp, &counts);
	}
	for (unsigned int i = VRRP_ACCEPTED + 1; i < VRRP_REFUSALS; i++)
		json_object_set_new(ignored, vrrp_refusal__name(i),
				    json_integer((json_int_t)counts.refused[i]));
	json_object_set_new(ignored, "unknown-vrid", json_integer((json_int_t)counts.unknown));
	json_object_set_new(ignored, "own", json_integer((json_int_t)counts.own));
	return json_pack("{s:o, s:o}", "groups", groups, "ignored", ignored);
}

void failover__stop(struct agent *a)
{
	vrrp__free(a->failover.vrrp);
	a->failover.vrrp = NULL;
}
