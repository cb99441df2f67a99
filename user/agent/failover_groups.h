/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failover_groups.h - what the agent knows of each VRRP group beside its configuration: whether it knows what
 * it would steer to, what it waits for before it preempts, and what it did last. It goes with the group's name
 * through reloads, whatever else of the group changes; one that a reload adds begins like all at the start.
 */
#ifndef FAIRLEAD_AGENT_FAILOVER_GROUPS_H
#define FAIRLEAD_AGENT_FAILOVER_GROUPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "vip/vrrp.h"

struct agent;

/* A group that may not know yet what it would steer to, or what its peers know. */
struct comeback {
	uint64_t
		since_ns; /* CLOCK_MONOTONIC: of its beginning, or when its interface, or the agent, was back */
	bool down; /* its interface */
	bool still; /* it was the agent that stood still */
	bool probed, synced; /* from then on */
};

struct failover_transition {
	uint64_t at_ns; /* CLOCK_REALTIME */
	enum vrrp_state from, to;
	enum vrrp_why why;
};

#define FAILOVER_TRANSITIONS 8
struct failover_group {
	char name[FL_NAME_LEN]; /* "": none of the configuration */
	bool warm; /* its first probes are over, so that this machine knows what it would steer to */
	struct comeback comeback;
	struct failover_transition last[FAILOVER_TRANSITIONS]; /* the i-th: i modulo their number */
	unsigned int transitions;
};

/* a->config is the new one: each of its groups has what was known under its name. */
void failover_groups__configured(struct agent *a);

/* A group has changed its state. */
void failover_groups__note(struct agent *a, const struct vrrp_event *e);

/* Whether the group's probes have had their say for the first time; once they have, they have. */
bool failover_groups__is_warm(struct agent *a, const struct config_vrrp *c);

/* Why the group leaves an active router of lower priority alone for now; NULL: it does not. */
const char *failover_groups__hold(struct agent *a, const struct config_vrrp *c);

/* Whether every group knows what its peers do. */
bool failover_groups__caught_up(const struct agent *a);

/* Something that a group has waited for is there. */
bool failover_groups__awaited(const struct agent *a);

/* The agent was silent for its lease: all is to be probed, and told by peers, again. */
void failover_groups__stood_still(struct agent *a);

/* [{"at": "2026-01-31T12:00:00.123Z", "from": "backup", "to": "active", "why": "..."}], the latest first. */
json_t *failover_groups__last(const struct agent *a, const struct config_vrrp *c);

#endif
