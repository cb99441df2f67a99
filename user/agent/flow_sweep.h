/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow_sweep.h - records of slots that are not clean: counted, and deleted once past their time.
 *
 * A pass over `flows` begins with a grace period, so that it sees all that packets of the time before
 * have written, and goes on in slices, one a second, on a worker. What it has found decides which slots
 * become CLEAN, which backends' entries may be used again, and how much may move at once. There are
 * passes only as long as something waits for one.
 */
#ifndef FAIRLEAD_AGENT_FLOW_SWEEP_H
#define FAIRLEAD_AGENT_FLOW_SWEEP_H

#include <jansson.h>

#include "agent/slices.h"
#include "plane/records.h"

struct agent;
struct member;
struct service;

/* Who may find records that name a backend: both have to find none before its entry is used again. */
#define SWEPT_FLOWS 1u
#define SWEPT_NAT 2u

struct flow_sweep {
	struct slices slices;
	bool waiting; /* for the grace period before a pass */
	bool counted; /* a pass has ended since the agent began */
	uint32_t period_s; /* of a whole pass */
	uint32_t began_s; /* the pass that runs, or the last one */
	struct plane_flow_sweep *at;
	struct fate_loss *losses; /* of each target, as the slice began */
	struct tally last; /* records of each backend of each service, by the last whole pass */
	uint32_t last_began_s; /* when that began */
	uint64_t records, deleted; /* by the last whole pass; since the agent began */
};

int flow_sweep__init(struct agent *a, struct err *err);
void flow_sweep__free(struct agent *a);

/* Starts a pass or its next slice, if anything waits for one. Once a second. */
void flow_sweep__tick(struct agent *a);

/* Whether a whole pass over the service's records has begun since its slots last changed. */
bool flow_sweep__is_counted(const struct service *s);

/* Connections of a backend that are on record, by the last whole pass. */
uint32_t flow_sweep__records(const struct agent *a, const struct member *m);

/* {"flows": records in use, "room": how many there can be, "deleted": since the agent began}. */
json_t *flow_sweep__json(const struct agent *a);

#endif
