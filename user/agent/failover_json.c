/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failover_json.c - VRRP groups as the status shows them. */
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/failover_vmac.h"
#include "agent/names.h"

static json_t *address_json(const struct addr *a)
{
	char text[ADDR_STRLEN];

	return vrrp__is_known(a) ? json_string(addr__format(a, text)) : json_null();
}

static json_t *error_json(int rc)
{
	return json_string(rc ? strerror(-rc) : "");
}

/* All groups of a sync group have the lowest priority of them. */
static void add_shared_cost(const struct vrrp_status *s, uint8_t own, json_t *costs)
{
	char text[FL_NAME_LEN + 64];

	if (!s->decides[0] || s->group.priority >= own)
		return;
	snprintf(text, sizeof(text), "group '%s' of its sync group has priority %u", s->decides,
		 s->group.priority);
	json_array_append_new(
		costs, json_pack("{s:s, s:i}", "what", text, "cost", own - s->group.priority));
}

struct groups_json {
	const struct agent *agent;
	json_t *list;
};

static void add_group(void *ctx, const struct vrrp_status *s)
{
	struct groups_json *groups = ctx;
	const struct config_vrrp *c = s->config;
	const struct vrrp_group *g = &s->group;
	uint64_t age = uv_hrtime() - g->since_ns;
	json_t *o, *addresses = json_array(), *costs = json_array();
	char rival[ADDR_STRLEN];

	for (size_t i = 0; i < c->n_addresses; i++)
		json_array_append_new(addresses, address_json(&c->addresses[i]));
	o = json_pack("{s:s, s:s, s:i, s:o, s:s, s:s, s:o}", "name", c->name, "interface",
		      c->interface, "vrid", c->vrid, "addresses", addresses, "state",
		      vrrp_state__name(g->state), "why", vrrp_why__text(g->why), "since",
		      names__time(agent__realtime_ns() - age));
	json_object_set_new(o, "fault", json_string(s->fault));
	json_object_set_new(o, "waits_for", json_string(s->hold));
	json_object_set_new(o, "handed_over", json_boolean(g->handed_over));
	json_object_set_new(o, "priority", json_integer(g->priority));
	json_object_set_new(o, "priority_configured", json_integer(c->priority));
	add_shared_cost(s, track__priority(groups->agent, c, costs), costs);
	json_object_set_new(o, "costs", costs);
	json_object_set_new(o, "active", address_json(&g->active));
	json_object_set_new(o, "active_priority", json_integer(g->active_priority));
	json_object_set_new(o, "interval_ms", json_integer(10LL * g->set.interval_cs));
	json_object_set_new(o, "active_interval_ms", json_integer(10LL * g->active_interval_cs));
	json_object_set_new(o, "transitions", json_integer(g->transitions));
	json_object_set_new(o, "last_transitions", failover_groups__last(groups->agent, c));
	json_object_set_new(
		o, "other_owner",
		json_string(vrrp__is_known(&s->rival) ? addr__format(&s->rival, rival) : ""));
	json_object_set_new(o, "adverts_sent", json_integer((json_int_t)s->sent));
	json_object_set_new(o, "adverts_heard", json_integer((json_int_t)s->heard));
	json_object_set_new(o, "strangers", json_integer((json_int_t)s->strangers));
	json_object_set_new(o, "addresses_differ", json_boolean(s->differs));
	json_object_set_new(o, "send_error", error_json(s->send_error));
	json_object_set_new(o, "announce_error", error_json(s->announce_error));
	json_object_set_new(o, "address_error", error_json(s->address_error));
	failover_vmac__show(groups->agent, s, o);
	json_array_append_new(groups->list, o);
}

json_t *failover__json(struct agent *a)
{
	struct groups_json groups = {a, json_array()};
	json_t *ignored = json_object();
	struct vrrp_ignored counts = {.own = 0};

	if (a->failover.vrrp) {
		vrrp__status(a->failover.vrrp, add_group, &groups);
		vrrp__ignored(a->failover.vrrp, &counts);
	}
	for (unsigned int i = VRRP_ACCEPTED + 1; i < VRRP_REFUSALS; i++)
		json_object_set_new(ignored, vrrp_refusal__name(i),
				    json_integer((json_int_t)counts.refused[i]));
	json_object_set_new(ignored, "unknown-vrid", json_integer((json_int_t)counts.unknown));
	json_object_set_new(ignored, "own", json_integer((json_int_t)counts.own));
	json_object_set_new(ignored, "full", json_integer((json_int_t)counts.full));
	return json_pack("{s:o, s:o}", "groups", groups.list, "ignored", ignored);
}
