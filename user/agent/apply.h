/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply.h - between apply.c (load, prepare, reply) and commit.c (from the running state to the next). */
#ifndef FAIRLEAD_AGENT_APPLY_H
#define FAIRLEAD_AGENT_APPLY_H

#include "agent/agent.h"

/* A configuration on its way: what the worker prepares and the loop commits. */
struct apply {
	struct agent *agent;
	struct api_request *request; /* NULL: SIGHUP or start */
	uv_work_t work;
	int rc;
	struct err err;
	struct config_problems problems;
	struct config *next;
	struct table_base **bases; /* one for each service of `next`; NULL once committed */
	size_t n_bases;
};

/*
 * Makes `next` the running configuration, whole or (with -errno and a sentence) not at all. Takes
 * over next and bases when it succeeds.
 */
int commit__run(struct apply *ap, struct err *err);

#endif
