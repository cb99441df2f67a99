/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seating.h - seats of services that peers have, and that are to be had here (peer/seats.h has the
 * rules).
 *
 * An apply takes them into account itself, from a copy of what was told (seating__offers()). What is
 * told at other times is taken over here: a worker computes the base tables, then the loop writes the
 * seats, puts them in the place of the ones that run, and has the tables computed anew. Slots that get
 * another owner by it move like all others.
 */
#ifndef FAIRLEAD_AGENT_SEATING_H
#define FAIRLEAD_AGENT_SEATING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct agent;
struct ledger;
struct service;
struct takeover;

struct seating {
	bool news; /* peers have told something since it was looked at */
	bool failed; /* what should have been taken over was not: another try with the next tick */
	struct takeover *list; /* the worker has them; NULL: it has none */
	size_t n;
	uint64_t config_ns; /* of which configuration it is, agent.loaded_at_ns */
	uint64_t looked_ns; /* uv_hrtime() of the last look */
	uv_work_t work;
};

/* What each peer tells of seats now, for a worker to read; -ENOMEM. */
int seating__offers(const struct agent *a, struct ledger ***out, size_t *n);
void seating__free_offers(struct ledger **ledgers, size_t n);

/* Once a turn of the loop, before tables are computed: begins to take over what there is. */
void seating__flush(struct agent *a);
/* Once a second: what has failed is tried again. */
void seating__tick(struct agent *a);

/*
 * Whether a service that nobody has served yet should wait a moment longer, since peers may be about to
 * tell of its seats. A silent peer is waited for 250 ms longer than it may be silent, and no more.
 */
bool seating__is_awaited(const struct service *s);

#endif
