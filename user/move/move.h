/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * move.h - slots that change owner: the state machine of docs/transitions.md, for one service.
 *
 * Pure: time is an argument, and the only memory touched is the caller's. A table has its slots as they
 * are live (abi.h: an index, and FL_SLOT_DIRTY) and its words, the service's move table, which packets
 * may be reading. Words are stored at once, each by one aligned store, and only such that packets
 * which still read the live slots do with the new word what they did with the old one; the slots that
 * belong to them are handed back, to be written to the idle half and swapped in. So the words come
 * before the slots (docs/transitions.md, "The order of writes"), and whoever is killed in between
 * leaves a table that this code goes on from.
 */
#ifndef FAIRLEAD_MOVE_MOVE_H
#define FAIRLEAD_MOVE_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "fairlead/abi.h"

/* What is known of a backend, by its index in `backends`. All zero: nobody's, not to be kept. */
struct move_fact {
	uint32_t flags; /* MOVE_* */
	uint32_t down_s; /* MOVE_DOWN: since when, in seconds as fl_move.since is */
};

#define MOVE_ACCEPTS 1u /* takes new flows */
#define MOVE_DOWN 2u /* its connections are lost unless it comes back */
#define MOVE_STAYS 4u /* flows are as well off there as elsewhere: leaving it can wait */

/* The slots of a service, and what its configuration says of moving them. */
struct move_table {
	const uint16_t *live; /* n slots */
	uint32_t *words; /* n; NULL: there is no move table, so no slot is or becomes dirty */
	uint32_t n;
	const struct move_fact *facts; /* by index, FL_SLOT_NONE included */
	uint32_t now_s; /* CLOCK_MONOTONIC_COARSE, seconds */
	uint32_t hold_s, down_hold_s;
	uint32_t full_s, frozen_s; /* as in struct fl_pressure; 0: never */
	const uint64_t *pin; /* bit n: slot n is to be PINNED if it is CLEAN; NULL: none */
	bool fresh; /* no packet has come by: nothing is at an owner, but for what is on record */
	bool stateless; /* every flow has a record elsewhere (full NAT): slots stay CLEAN */
};

/* Slots by state. */
struct move_sums {
	uint32_t moving, pinned;
	uint32_t begin; /* became MOVING, or would if there were words */
	uint32_t cleaned; /* became CLEAN */
	uint32_t waiting; /* keep their owner for now: there was no budget for them */
	uint32_t
		next_s; /* seconds from now until move__age() has something to do; UINT32_MAX: never */
	uint32_t settle_s; /* seconds from now until the last one that is MOVING is PINNED */
};

/* What becomes CLEAN: see move__plan(). */
struct move_count {
	const uint64_t *held; /* bit n: slot n has records */
	uint32_t began_s; /* when the count of them began: a grace period before its first look */
};

/*
 * Plans the next table: slots go to `want` (indices, FL_SLOT_NONE; NULL: owners stay), those without
 * records become CLEAN (count; NULL: none does). At most `budget` slots begin to move that could wait
 * (MOVE_STAYS of their owner). out: n slots, to be written and swapped in if they differ from `live`.
 * Not while packets may still read the other half. Without words and with sums->begin > 0, `out` must
 * not be used: the service needs a move table first.
 */
void move__plan(const struct move_table *t, const uint16_t *want, const struct move_count *count,
		uint32_t budget, uint16_t *out, struct move_sums *sums);

/*
 * MOVING becomes PINNED where its time is over, or where it has gone back to prev; FL_MOVE_ACCEPTS
 * follows the facts. Not while packets may still read the other half.
 */
void move__age(const struct move_table *t, struct move_sums *sums);

/*
 * After a swap that came late: hold runs from now for slots that are MOVING and have another owner than
 * in `before` (NULL: for all).
 */
void move__stamp(const struct move_table *t, const uint16_t *before);

/* A record of a slot that is not CLEAN has come from elsewhere: counts that began before know nothing of it. */
void move__touch(const struct move_table *t, uint32_t slot);

/* Counts, by index: slots that it owns, and slots that are MOVING away from it. Adds to both. */
void move__count(const struct move_table *t, uint32_t *owned, uint32_t *leaving);

/* Seconds since a word's last change; after 2^15 of them they begin anew. */
uint32_t move__since(uint32_t word, uint32_t now_s);

/* Marks and asks for slots in move_count.held. */
static inline void move__hold(uint64_t *held, uint32_t slot)
{
	held[slot / 64] |= UINT64_C(1) << slot % 64;
}

static inline bool move__held(const uint64_t *held, uint32_t slot)
{
	return held[slot / 64] >> slot % 64 & 1;
}

#endif
