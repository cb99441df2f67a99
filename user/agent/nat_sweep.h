/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_sweep.h - records of NAT that have had their time are deleted, a slice a second on a worker. */
#ifndef FAIRLEAD_AGENT_NAT_SWEEP_H
#define FAIRLEAD_AGENT_NAT_SWEEP_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "core/err.h"
#include "plane/plane.h"

struct agent;

struct nat_sweep {
	uv_work_t work;
	bool busy; /* the worker has `at` */
	bool failing; /* and said so */
	uint32_t period_s; /* of a whole pass */
	struct plane_nat_sweep at;
	uint64_t flows, deleted; /* of `at`, after the last slice */
	int rc;
	struct err err;
};

/* Starts the next slice, if any service forwards by NAT. Once a second. */
void nat_sweep__tick(struct agent *a);

/* {"flows": records in use, "deleted": entries since the agent began}. */
json_t *nat_sweep__json(const struct agent *a);

#endif
