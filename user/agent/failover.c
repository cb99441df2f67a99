/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/failover.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/failover_vmac.h"
#include "agent/names.h"
#include "agent/peer_accord.h"
#include "agent/peer_vrrp.h"
#include "core/log.h"

/* Asked on the real-time thread. */
static bool is_fit(void *agent)
{
	const struct agent *a = agent;

	return lease__alive(a->lease);
}

/* On the real-time thread. */
static void on_doubt(void *agent, bool stale)
{
	struct agent *a = agent;

	plane__stale(a->plane, stale);
}

/* On the real-time thread, or the loop. */
static void on_claim(void *agent, const uint8_t mac[6], bool ours)
{
	struct agent *a = agent;

	plane__virtual_mac(a->plane, mac, ours);
}

/*
 * How long preemption waits for probes and peers at most, a minute: an active router of lower priority
 * serves meanwhile.
 */
#define PATIENCE_NS (UINT64_C(60) * 1000000000)

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

	peer_vrrp__tell(agent);
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

/* On the real-time thread. */
static void on_lost(void *vrrp, const struct bfd_peer *peer)
{
	vrrp__neighbor_lost(vrrp, &peer->peer, peer->interface);
}

static int start(struct agent *a, const struct config *c, struct err *err)
{
	const struct vrrp_owner owner = {
		.instance = c->instance,
		.fit = is_fit,
		.doubt = on_doubt,
		.claim = on_claim,
		.event = on_event,
		.ctx = a,
	};

	return vrrp__new(a->rt, &owner, &a->failover.vrrp, err);
}

int failover__prepare(struct agent *a, const struct config *next, struct err *err)
{
	struct failover *f = &a->failover;
	int rc = 0;

	if (!f->vrrp && next->n_vrrp)
		rc = start(a, next, err);
	if (rc || !f->vrrp)
		return rc;
	bfd__on_lost(a->neighbors.bfd, on_lost, f->vrrp);
	return vrrp__prepare(f->vrrp, next->vrrp, next->n_vrrp, &f->plan, err);
}

void failover__discard(struct agent *a)
{
	vrrp__discard(a->failover.plan);
	a->failover.plan = NULL;
}

/* What the program knows of groups: which services are theirs, and whether a lapse makes them stale. */
static void tell_program(struct agent *a)
{
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		bool has = config__in_group(a->config, s->config);

		plane__service_flags(a->plane, s->id, has ? FL_SVC_GROUP : 0,
				     has ? 0 : FL_SVC_GROUP);
	}
	/* With `keep` nothing is dropped for want of an agent: perhaps there is no other one either. */
	plane__groups(a->plane, a->config->n_vrrp && a->config->on_agent_loss != FL_LOSS_KEEP);
	if (!a->config->n_vrrp)
		plane__stale(a->plane, false);
}

void failover__commit(struct agent *a)
{
	tell_program(a);
	failover_vmac__sweep(a);
	if (!a->failover.plan)
		return;
	vrrp__commit(a->failover.plan);
	a->failover.plan = NULL;
	track__configured(a);
	failover__refresh(a);
}

/* --- what a priority is made of -------------------------------------------------------------------- */

struct failover_backends failover__backends(const struct agent *a, const struct config_vrrp *c)
{
	struct failover_backends b = {0};
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (!s->config || !config_vrrp__has(c, s->config))
			continue;
		b.too_few |= !s->enough.is;
		for (size_t i = 0; i < s->n_members; i++) {
			const struct member *m = s->members[i];

			b.all++;
			b.accepting += m->parts && member__is_reached(m);
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

bool failover__link_is_up(const struct agent *a, const char *ifname)
{
	struct link_state s = {.ifname = ifname};

	net__links(a->net, look_at_link, &s);
	return s.up;
}

/*
 * Whether it has been probed after that time, and nothing is being counted. A failure counts if it is not the
 * first, which may have been sent too early, or waited for the neighbour's MAC address.
 */
static bool is_judged(const struct member *m, uint64_t since_ns)
{
	const struct config_probe *p = &m->service->config->probe;
	uint64_t first_ms = m->probe_ok ? 0 : (uint64_t)p->timeout_ms + p->interval_ms;

	return m->probed_ns > since_ns + first_ms * 1000000 && health__settled(&m->health);
}

/*
 * Whether probes have had their say since then, and packets can be sent to who takes them. With nobody
 * who does there is nothing to hurry for.
 */
static bool is_probed(const struct agent *a, const struct config_vrrp *c, uint64_t since_ns)
{
	bool any = false, some = false, all = true;
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (!s->config || !config_vrrp__has(c, s->config))
			continue;
		/* The table is not what the probes say yet. */
		all &= !s->dirty && !s->stale && !s->making && !s->settling;
		for (size_t i = 0; i < s->n_members; i++) {
			const struct member *m = s->members[i];
			const struct hop *h = m->target->hop;

			any = true;
			if (m->parts && (!h || !h->net.resolved))
				all = false;
			else if (m->parts)
				some = true;
			if (m->sub)
				all &= is_judged(m, since_ns);
		}
	}
	return !any || (some && (all || uv_hrtime() - since_ns > PATIENCE_NS));
}

static bool is_synced(const struct agent *a, const struct comeback *b)
{
	/* With the first configuration the groups come before the peers. */
	bool known = a->peers || !a->config->n_peers;

	return (known && peers__in_sync(a) && !peer_accord__is_behind(a)) ||
	       uv_hrtime() - b->since_ns > PATIENCE_NS;
}

/* Why the group leaves an active router of lower priority alone for now. */
static const char *hold_of(struct agent *a, const struct config_vrrp *c, struct comeback *b)
{
	bool down = !failover__link_is_up(a, c->interface);

	/* At the start all is probed for the first time in any case. */
	if (down || b->down || !b->since_ns)
		*b = (struct comeback){
			.since_ns = uv_hrtime(), .down = down, .probed = !down && !b->down};
	b->probed = b->probed || is_probed(a, c, b->since_ns);
	/* Afterwards: a peer that was not heard for so long is thought to be gone at first. */
	b->synced = b->synced || (b->probed && is_synced(a, b));
	return !b->probed ? b->still ? "its backends are probed again, since the agent stood still"
				     : "its backends are probed again, since its interface was down"
	       : !b->synced ? "its peers have not told it all yet"
			    : NULL;
}

static struct vrrp_outlook look(void *agent, const struct config_vrrp *c)
{
	struct agent *a = agent;

	return (struct vrrp_outlook){
		.priority = track__priority(a, c, NULL),
		.fault = !links__attached(a, c->interface) ? "the program is not on its interface"
			 : !a->failover.warm ? "its backends are being probed for the first time"
					     : NULL,
		.hold = hold_of(a, c, &a->failover.comebacks[c - a->config->vrrp]),
	};
}

static bool is_warm(const struct agent *a)
{
	for (size_t i = 0; i < a->config->n_vrrp; i++)
		if (failover__backends(a, &a->config->vrrp[i]).unknown)
			return false;
	return track__is_known(a);
}

/* Whether every group knows what its peers do. */
static bool has_caught_up(const struct agent *a)
{
	for (size_t i = 0; i < a->config->n_vrrp; i++) {
		const struct comeback *b = &a->failover.comebacks[i];

		if (!b->probed || !b->synced)
			return false;
	}
	return a->failover.warm && lease__alive(a->lease);
}

void failover__refresh(struct agent *a)
{
	if (!a->failover.vrrp || !a->config)
		return;
	a->failover.warm = a->failover.warm || is_warm(a);
	vrrp__refresh(a->failover.vrrp, a->net, look, a);
	if (plane__is_stale(a->plane) && has_caught_up(a))
		plane__stale(a->plane, false);
	peer_vrrp__tell(a);
}

void failover__stood_still(struct agent *a)
{
	if (!a->failover.vrrp || !a->config)
		return;
	for (size_t i = 0; i < a->config->n_vrrp; i++)
		a->failover.comebacks[i] = (struct comeback){
			.since_ns = uv_hrtime(),
			.down = a->failover.comebacks[i].down,
			.still = true,
		};
	failover__refresh(a);
	vrrp__doubt(a->failover.vrrp);
}

/* Something that a group has waited for is there. */
static bool is_awaited(const struct agent *a)
{
	const struct config *c = a->config;

	if (!a->failover.warm && is_warm(a))
		return true;
	for (size_t i = 0; i < c->n_vrrp; i++) {
		const struct comeback *b = &a->failover.comebacks[i];

		if ((!b->probed && is_probed(a, &c->vrrp[i], b->since_ns)) ||
		    (b->probed && !b->synced && is_synced(a, b)))
			return true;
	}
	return false;
}

void failover__flush(struct agent *a)
{
	if (a->failover.vrrp && a->config && is_awaited(a))
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
	track__priority(groups->agent, c, costs);
	json_object_set_new(o, "costs", costs);
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

void failover__stop(struct agent *a)
{
	if (a->failover.vrrp)
		bfd__on_lost(a->neighbors.bfd, NULL, NULL);
	/* What comes after the leave that it takes is steered as on_agent_loss says. */
	if (a->plane)
		plane__groups(a->plane, false);
	vrrp__free(a->failover.vrrp);
	a->failover.vrrp = NULL;
}
