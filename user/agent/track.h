/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * track.h - what takes from a VRRP group's priority: interfaces, BFD and BGP sessions, commands,
 * backends.
 *
 * Commands are run by the prober, as probes of the kind exec are, and routing daemons are asked for BGP sessions
 * (bgp/bgp.h): the first success makes one well, `fall` failures in a row make it fail, `rise` successes make it
 * well again.
 */
#ifndef FAIRLEAD_AGENT_TRACK_H
#define FAIRLEAD_AGENT_TRACK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/bgp.h"

struct agent;
struct config_vrrp;
struct tracked;

struct track {
	struct tracked *list; /* the commands and BGP sessions of all groups */
	size_t n;
	struct bgp_asks asks;
};

/* a->config is the new one, and what the old one holds is still there. */
void track__configured(struct agent *a);

/* Before the first configuration. */
void track__init(struct agent *a);

/* Whether the group's commands have been run, and daemons asked, so that its priority means something. */
bool track__is_known(const struct agent *a, const struct config_vrrp *c);

/*
 * The group's priority now, 1..255. `costs` (may be NULL) is added what takes from it, each as {"what":
 * "interface eth1 is down", "cost": 50}.
 */
uint8_t track__priority(const struct agent *a, const struct config_vrrp *c, json_t *costs);

/* Before the prober goes. */
void track__stop(struct agent *a);

#endif
