/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_vrrp.h"

#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peers_state.h"

static enum peer_vrrp_state told_state(enum vrrp_state s)
{
	return s == VRRP_ACTIVE	  ? PEER_VRRP_ACTIVE
	       : s == VRRP_BACKUP ? PEER_VRRP_BACKUP
				  : PEER_VRRP_OFF;
}

struct publication {
	struct ledger *ledger;
	int rc;
};

static void publish_group(void *ctx, const struct vrrp_status *s)
{
	struct publication *p = ctx;

	if (!p->rc)
		p->rc = peer_facts__set_vrrp(p->ledger, s->config->name, told_state(s->group.state),
					     s->group.priority);
}

int peer_vrrp__publish(struct agent *a, struct ledger *l)
{
	struct publication p = {.ledger = l};

	if (a->failover.vrrp)
		vrrp__status(a->failover.vrrp, publish_group, &p);
	return p.rc;
}

void peer_vrrp__tell(struct agent *a)
{
	uint64_t before;

	if (!a->peers)
		return;
	before = ledger__version(a->peers->ours);
	/* What finds no room is not known to peers; what they need for it is told again with each apply. */
	(void)peer_vrrp__publish(a, a->peers->ours);
	a->peers->dirty |= ledger__version(a->peers->ours) != before;
}

/* --- who can take over ------------------------------------------------------------------------------ */

/* The priority of its backup; 0: it is none. */
static uint8_t backup_priority(const struct peer *p, const char *group)
{
	enum peer_vrrp_state state;
	uint8_t priority;

	if (!p->link.up || !peer_facts__vrrp(p->link.copy, group, &state, &priority))
		return 0;
	return state == PEER_VRRP_BACKUP ? priority : 0;
}

/* The backup that VRRP will have take over. */
static const struct peer *find_next(const struct peers *p, const char *group)
{
	const struct peer *best = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (backup_priority(&p->list[i], group) > (best ? backup_priority(best, group) : 0))
			best = &p->list[i];
	return best;
}

static const struct peer *find_peer(const struct peers *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->list[i].name, name) == 0)
			return &p->list[i];
	return NULL;
}

/* Whether it steers as this agent does. */
static int check_tables(const struct peer *p, struct err *err)
{
	const struct ledger *ours = p->peers->ours;
	char text[PEER_DIFFERENCE_LEN], first[FL_NAME_LEN];
	uint64_t lag = peer_link__lag(&p->link);

	if (lag)
		return err__set(err, -EAGAIN,
				"peer %s has not yet all that it is told here (%llu changes)",
				p->name, (unsigned long long)lag);
	if (!peer_facts__same_config(ours, p->link.copy, text))
		return err__set(err, -EAGAIN, "peer %s has another configuration: %s", p->name,
				text);
	if (peer_facts__other_tables(ours, p->link.copy, first))
		return err__set(err, -EAGAIN, "peer %s has another table for service '%s'", p->name,
				first);
	return 0;
}

static int check_group(const struct peers *p, const char *group, const struct peer *to,
		       struct err *err)
{
	const struct peer *next = find_next(p, group);

	if (to && !backup_priority(to, group))
		return err__set(err, -EAGAIN, "peer %s is not backup of VRRP group '%s'", to->name,
				group);
	if (!next)
		return err__set(err, -EAGAIN, "no peer is backup of VRRP group '%s'", group);
	if (to && backup_priority(next, group) > backup_priority(to, group))
		return err__set(err, -EAGAIN,
				"peer %s has priority %u in VRRP group '%s', and %s, which has %u, "
				"would take over",
				to->name, backup_priority(to, group), group, next->name,
				backup_priority(next, group));
	return check_tables(to ? to : next, err);
}

int peer_vrrp__ready(struct agent *a, const json_t *groups, const char *to, struct err *err)
{
	const struct peer *target = NULL;
	const json_t *name;
	size_t i;

	if (to && a->peers)
		target = find_peer(a->peers, to);
	if (to && !target)
		return err__set(err, -ENOENT,
				"there is no peer '%s' in peers.list of the configuration", to);
	if (!a->peers)
		return 0;
	json_array_foreach (groups, i, name) {
		int rc = check_group(a->peers, json_string_value(name), target, err);

		if (rc)
			return rc;
	}
	return 0;
}
