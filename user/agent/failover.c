/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/failover.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/failover_vmac.h"
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

static void log_rival(const struct vrrp_event *e)
{
	const struct log_field fields[] = {{"VRRP", e->name}, {NULL, NULL}};
	char rival[ADDR_STRLEN];

	log__write(LOG_LV_WARN, fields,
		   "VRRP group '%s': %s says that it owns the addresses (priority 255), as this "
		   "balancer does; the one with the higher address of its own is active: give all "
		   "but one a lower priority",
		   e->name, addr__format(&e->rival, rival));
}

static void on_event(void *agent, const struct vrrp_event *e)
{
	const struct log_field fields[] = {{"VRRP", e->name}, {NULL, NULL}};
	bool trouble = e->why == VRRP_WHY_NOT_READY || e->why == VRRP_WHY_HUNG;
	char active[ADDR_STRLEN];

	if (e->from == e->to) {
		log_rival(e);
		return;
	}
	peer_vrrp__tell(agent);
	failover_groups__note(agent, e);
	chronicle__tell(agent, JOURNAL_VRRP, e->name, vrrp_state__name(e->from),
			vrrp_state__name(e->to), JOURNAL_NOBODY, "%s", vrrp_why__text(e->why));
	if (e->to == VRRP_BACKUP && vrrp__is_known(&e->active))
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
	failover_groups__configured(a);
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

static struct vrrp_outlook look(void *agent, const struct config_vrrp *c)
{
	struct agent *a = agent;

	return (struct vrrp_outlook){
		.priority = track__priority(a, c, NULL),
		.fault = links__attached(a, c->interface) ? NULL
							  : "the program is not on its interface",
		.cold = failover_groups__is_warm(a, c)
				? NULL
				: "its backends are being probed for the first time",
		.hold = failover_groups__hold(a, c),
	};
}

void failover__refresh(struct agent *a)
{
	if (!a->failover.vrrp || !a->config)
		return;
	vrrp__refresh(a->failover.vrrp, a->net, look, a);
	if (plane__is_stale(a->plane) && failover_groups__caught_up(a) && lease__alive(a->lease))
		plane__stale(a->plane, false);
	peer_vrrp__tell(a);
}

void failover__stood_still(struct agent *a)
{
	if (!a->failover.vrrp || !a->config)
		return;
	failover_groups__stood_still(a);
	failover__refresh(a);
	vrrp__doubt(a->failover.vrrp);
}

void failover__flush(struct agent *a)
{
	if (a->failover.vrrp && a->config && failover_groups__awaited(a))
		failover__refresh(a);
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
