/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failover.h - VRRP groups of the configuration: what their priorities are made of, what is logged and
 * shown of them. vip/ has the rest.
 */
#ifndef FAIRLEAD_AGENT_FAILOVER_H
#define FAIRLEAD_AGENT_FAILOVER_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/failover_groups.h"
#include "config/config.h"
#include "core/err.h"
#include "vip/vrrp.h"

struct agent;

struct failover {
	struct vrrp *vrrp; /* NULL: no configuration has had a group yet */
	struct vrrp_plan *plan; /* while a configuration is being committed */
	struct failover_group groups[CONFIG_VRRP_GROUPS]; /* in the order of the configuration */
	bool swept; /* devices that an earlier agent left, and that no group has now, are gone */
};

/* What the groups of a configuration need; then it is committed, or discarded. */
int failover__prepare(struct agent *a, const struct config *next, struct err *err);
void failover__discard(struct agent *a);

/* a->config is the new one, and what the old one holds is still there. */
void failover__commit(struct agent *a);

/* Interfaces, addresses, tracked things; once a second, and when a link changes. */
void failover__refresh(struct agent *a);

/*
 * The agent was silent for its lease: peers have taken over, and changed what they like. Before anything is
 * heeded that came meanwhile; until it has caught up, no group preempts, and packets to their VIPs are not
 * steered unless it is active all the same.
 */
void failover__stood_still(struct agent *a);

/* Once a turn of the loop: groups start as soon as their first probes are over. */
void failover__flush(struct agent *a);

/* The backends of the services whose VIP the group has. */
struct failover_backends {
	size_t all;
	size_t accepting; /* take flows */
	size_t unknown; /* have not been probed yet */
	bool too_few; /* a service has fewer than its min_up */
};
struct failover_backends failover__backends(const struct agent *a, const struct config_vrrp *c);

/* Whether there is an interface of that name, and it is up. */
bool failover__link_is_up(const struct agent *a, const char *ifname);

/* {"groups": [...], "ignored": {...}} */
json_t *failover__json(struct agent *a);

/* Peers are told, addresses are gone when it returns. */
void failover__stop(struct agent *a);

#endif
