/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peers.h - the agents on other machines: what is told to them, what they tell.
 *
 * Through an apply: stage() does all that may fail (the key file, the socket), then commit() or undo().
 */
#ifndef FAIRLEAD_AGENT_PEERS_H
#define FAIRLEAD_AGENT_PEERS_H

#include <jansson.h>
#include <stdbool.h>

#include "config/config.h"
#include "core/err.h"

struct agent;
struct member;
struct peers;
struct peers_stage;
struct service;

int peers__stage(struct agent *a, const struct config *next, struct peers_stage **out,
		 struct err *err);
/* a->config is already the new one, and its services stand. */
void peers__commit(struct agent *a, struct peers_stage *s);
/* NULL is fine. */
void peers__undo(struct peers_stage *s);

/* What the probes say of a member has changed: sent with the next flush. */
void peers__tell_member(const struct member *m);
/* The seats of a service have changed, but not by an apply: sent with the next flush. */
void peers__tell_seats(const struct service *s);
/* Once a turn of the loop. */
void peers__flush(struct agent *a);
/* Once a second: tables that have changed, what has become of differences. */
void peers__tick(struct agent *a);
/*
 * Whether this machine knows what the others do: it has all that each peer which is heard has told. A peer
 * that is silent is not waited for, but for as long as it takes to be heard after a start. True without peers.
 */
bool peers__in_sync(const struct agent *a);
/* For status; null: no peers are configured. */
json_t *peers__json(const struct agent *a);
/* Before the loop ends. */
void peers__close(struct agent *a);

#endif
