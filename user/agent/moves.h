/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moves.h - slots that change owner. */
#ifndef FAIRLEAD_AGENT_MOVES_H
#define FAIRLEAD_AGENT_MOVES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "agent/service.h"

struct agent;

/* Slots that change owner, of all services (moves.c). */
struct moves {
	struct move_fact *facts; /* by index; all zero between two uses */
	uint32_t *owned, *leaving; /* by index, scratch */
	double expected; /* sum of the services' */
	struct fl_pressure pressure; /* as it was looked at last */
	uv_work_t work; /* installs move tables */
	uint32_t *ids; /* FL_MAX_SERVICES: of the services whose are next */
	uint32_t n, busy; /* how many wait; how many of them, the first ones, the worker has */
	int rc;
	struct err err;
	uint64_t planned_ns; /* uv_hrtime(): of the last turn, when it was known what changes, */
	uint64_t swapped_ns; /* and when packets found it */
};

int moves__init(struct agent *a, struct err *err);
void moves__free(struct agent *a);
/*
 * Brings the slots towards `want` (NULL: owners stay) from what moves__age() would make of them, those
 * without records to CLEAN (`count`, may be NULL). -EINPROGRESS: the move table is being made, and the service is flushed again then.
 */
int moves__turn(struct service *s, const uint16_t *want, const struct move_count *count,
		struct err *err);
/* What a turn goes by: of the service now, by those facts. */
struct move_table moves__table(const struct service *s, const struct move_fact *facts);
struct move_fact moves__fact(const struct member *m);
/* Whether no packet has come for it, so that nothing is established at the owners of its slots. */
bool moves__is_fresh(const struct service *s);
/* Slots that may begin to move, if all services' moving slots are expected to need so many records. */
uint32_t moves__budget(const struct service *s, double expected);
/* Goes on with what an earlier agent left. */
void moves__adopt(struct service *s);
/* From now on packets may read either half, until a grace period has passed. */
void moves__settle(struct service *s);
/* A peer's record of the slot is in `flows`: packets are to find it; and counts of before say nothing of it. */
void moves__pin(struct service *s, uint32_t slot);
/* Does that where it is still to be done and can be now. True: there is more. Once a turn of the loop. */
bool moves__pin_all(struct agent *a);
/* MOVING becomes PINNED where its time is over; the words follow what is known of the members. */
void moves__age(struct service *s);
/* Counts the slots of all members anew. */
void moves__recount(struct service *s);
/* A pass has counted the service's records. */
void moves__measure(struct service *s, uint32_t records);
/* What is due by time, not by a change: MOVING becomes PINNED, more slots may move. Once a second. */
void moves__tick(struct agent *a);
/* Seconds until slots that wait for others have moved, about. */
uint32_t moves__ramp_s(const struct service *s);

#endif
