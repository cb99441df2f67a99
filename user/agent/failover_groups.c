/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/failover_groups.h"

#include <string.h>

#include "agent/agent.h"
#include "agent/names.h"
#include "agent/peer_accord.h"

/*
 * How long preemption waits for probes and peers at most, a minute: an active router of lower priority
 * serves meanwhile.
 */
#define PATIENCE_NS (UINT64_C(60) * 1000000000)

static struct failover_group *group_of(struct agent *a, const struct config_vrrp *c)
{
	return &a->failover.groups[c - a->config->vrrp];
}

static struct failover_group *find(struct failover_group *list, const char *name)
{
	for (size_t i = 0; i < CONFIG_VRRP_GROUPS; i++)
		if (list[i].name[0] && strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

void failover_groups__configured(struct agent *a)
{
	struct failover_group old[CONFIG_VRRP_GROUPS];

	memcpy(old, a->failover.groups, sizeof(old));
	memset(a->failover.groups, 0, sizeof(a->failover.groups));
	for (size_t i = 0; i < a->config->n_vrrp; i++) {
		const char *name = a->config->vrrp[i].name;
		const struct failover_group *known = find(old, name);

		if (known)
			a->failover.groups[i] = *known;
		memcpy(a->failover.groups[i].name, name, FL_NAME_LEN);
	}
}

/* --- what it did ------------------------------------------------------------------------------------ */

void failover_groups__note(struct agent *a, const struct vrrp_event *e)
{
	struct failover_group *g = find(a->failover.groups, e->name);

	if (!g)
		return; /* it ended with the last configuration */
	g->last[g->transitions++ % FAILOVER_TRANSITIONS] = (struct failover_transition){
		.at_ns = agent__realtime_ns() - (uv_hrtime() - e->at_ns),
		.from = e->from,
		.to = e->to,
		.why = e->why,
	};
}

json_t *failover_groups__last(const struct agent *a, const struct config_vrrp *c)
{
	const struct failover_group *g = &a->failover.groups[c - a->config->vrrp];
	unsigned int n =
		g->transitions < FAILOVER_TRANSITIONS ? g->transitions : FAILOVER_TRANSITIONS;
	json_t *list = json_array();

	for (unsigned int i = 1; i <= n; i++) {
		const struct failover_transition *t =
			&g->last[(g->transitions - i) % FAILOVER_TRANSITIONS];

		json_array_append_new(
			list, json_pack("{s:o, s:s, s:s, s:s}", "at", names__time(t->at_ns), "from",
					vrrp_state__name(t->from), "to", vrrp_state__name(t->to),
					"why", vrrp_why__text(t->why)));
	}
	return list;
}

/* --- what it waits for ------------------------------------------------------------------------------ */

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

const char *failover_groups__hold(struct agent *a, const struct config_vrrp *c)
{
	struct comeback *b = &group_of(a, c)->comeback;
	bool down = !failover__link_is_up(a, c->interface);

	/* At its beginning it does not take part before all is probed for the first time. */
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

static bool is_known(const struct agent *a, const struct config_vrrp *c)
{
	return !failover__backends(a, c).unknown && track__is_known(a, c);
}

bool failover_groups__is_warm(struct agent *a, const struct config_vrrp *c)
{
	struct failover_group *g = group_of(a, c);

	g->warm = g->warm || is_known(a, c);
	return g->warm;
}

bool failover_groups__caught_up(const struct agent *a)
{
	for (size_t i = 0; i < a->config->n_vrrp; i++) {
		const struct failover_group *g = &a->failover.groups[i];

		if (!g->warm || !g->comeback.probed || !g->comeback.synced)
			return false;
	}
	return true;
}

bool failover_groups__awaited(const struct agent *a)
{
	const struct config *c = a->config;

	for (size_t i = 0; i < c->n_vrrp; i++) {
		const struct failover_group *g = &a->failover.groups[i];
		const struct comeback *b = &g->comeback;

		if ((!g->warm && is_known(a, &c->vrrp[i])) ||
		    (!b->probed && is_probed(a, &c->vrrp[i], b->since_ns)) ||
		    (b->probed && !b->synced && is_synced(a, b)))
			return true;
	}
	return false;
}

void failover_groups__stood_still(struct agent *a)
{
	for (size_t i = 0; i < a->config->n_vrrp; i++) {
		struct comeback *b = &a->failover.groups[i].comeback;

		*b = (struct comeback){.since_ns = uv_hrtime(), .down = b->down, .still = true};
	}
}
