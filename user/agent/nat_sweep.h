/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_sweep.h - records of NAT that have had their time are deleted, a slice a second on a worker. */
#ifndef FAIRLEAD_AGENT_NAT_SWEEP_H
#define FAIRLEAD_AGENT_NAT_SWEEP_H

#include <jansson.h>

#include "agent/slices.h"
#include "plane/records.h"

struct agent;

struct nat_sweep {
	struct slices slices;
	uint32_t period_s; /* of a whole pass; 0: no service forwards by NAT */
	bool counted; /* a pass has ended since the agent began */
	uint32_t began_s; /* the pass that runs, or the last one */
	uint32_t last_began_s; /* the last whole one */
	struct plane_nat_sweep at;
	struct fate_loss *losses; /* of each target, as the slice began */
	struct tally last; /* flows of each backend of each service, by the last whole pass */
	uint64_t flows, deleted; /* of the last whole pass; since the agent began */
};

int nat_sweep__init(struct agent *a, struct err *err);
void nat_sweep__free(struct agent *a);

/* Starts the next slice, if any service forwards by NAT. Once a second. */
void nat_sweep__tick(struct agent *a);

/* {"flows": records in use, "deleted": entries since the agent began}. */
json_t *nat_sweep__json(const struct agent *a);

#endif
