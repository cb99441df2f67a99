/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events.h - packets that the program tells of: sampled first packets of flows and drops, for people;
 * neighbours that a reply needs, for the kernel to resolve.
 *
 * The last 1 024 are kept in memory and numbered from the agent's start on, so that a reader can
 * go on where it was.
 */
#ifndef FAIRLEAD_AGENT_EVENTS_H
#define FAIRLEAD_AGENT_EVENTS_H

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"

struct agent;
struct events;

int events__new(struct agent *a, struct events **out, struct err *err);

/* Closes its handles; the caller runs the loop until it is empty, which frees the memory. */
void events__free(struct events *e);

/* The API's part; see api_ops. */
json_t *events__json(const struct agent *a, const uint64_t *since, uint32_t n);
int events__set_sampling(struct agent *a, const uint32_t *flows, const uint32_t *drops,
			 json_t **out, struct err *err);

#endif
