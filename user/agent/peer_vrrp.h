/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_vrrp.h - what peers tell each other of their VRRP groups: who would take over, and whether it can. */
#ifndef FAIRLEAD_AGENT_PEER_VRRP_H
#define FAIRLEAD_AGENT_PEER_VRRP_H

#include <jansson.h>

#include "core/err.h"
#include "peer/ledger.h"

struct agent;

/* All groups. As ledger__put(). */
int peer_vrrp__publish(struct agent *a, struct ledger *l);

/* Groups may have changed: sent with the next flush. */
void peer_vrrp__tell(struct agent *a);

/*
 * Whether a peer can take over the groups (a list of their names): it is their backup, has the same
 * configuration and tables, and all that this agent tells. `to`: the peer of that name, before others;
 * NULL: the one with the highest priority. Without peers nothing is known, and nothing is in the way.
 * -ENOENT: there is no such peer; -EAGAIN: not now, see `err`.
 */
int peer_vrrp__ready(struct agent *a, const json_t *groups, const char *to, struct err *err);

#endif
