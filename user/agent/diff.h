/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff.h - what an apply would change, and what that would cost, told before it is done.
 *
 * Everything is worked out beside the running state: one service after the other is noted by the loop and
 * computed by a worker (impact.h), so that neither the loop nor memory feels how many there are. When
 * another configuration comes into force meanwhile, the question is to be asked anew.
 */
#ifndef FAIRLEAD_AGENT_DIFF_H
#define FAIRLEAD_AGENT_DIFF_H

#include "api/api.h"

struct agent;

/* Answers with what docs/api.md says of POST /v1/config/diff, now or later. */
void diff__ask(struct agent *a, const struct api_diff *what, struct api_request *request);

#endif
