/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_news.h - what this agent has to tell its peers. */
#ifndef FAIRLEAD_AGENT_PEER_NEWS_H
#define FAIRLEAD_AGENT_PEER_NEWS_H

#include "peer/facts.h"

struct agent;
struct service;

/*
 * Begins a digest of a service whose slots are computed in the same way on all machines that have the same
 * one: the flow key, its address, ports, affinity and slots, its name. Of one that is configured.
 */
void peer_news__name(struct agent *a, const struct service *s, struct peer_digest *d);

/* Brings the ledger to what runs; digests of tables stay. -ENOMEM, -ENOSPC: some of it is not told. */
int peer_news__publish(struct agent *a, struct ledger *l);

/*
 * Tells how this machine's wall clock stands to the clock of the links' stamps, if that is another one than what `before`
 * (which may be the same ledger) says.
 */
int peer_news__publish_clock(const struct ledger *before, struct ledger *l);

/* Tells which backend has which slot of a service; `ids` is scratch, FL_MAX_BACKENDS + 1 long. */
int peer_news__publish_table(const struct service *s, struct ledger *l, uint64_t *ids);

#endif
