/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer_names.h - what backends are called between peers: a digest of the service (peer_news__name()) and
 * the backend's id and address, the same wherever a slot of the service means the same.
 */
#ifndef FAIRLEAD_AGENT_PEER_NAMES_H
#define FAIRLEAD_AGENT_PEER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/facts.h"

struct agent;

struct peer_named {
	uint64_t name;
	uint32_t service; /* id */
	uint32_t backend; /* index */
};

/* Zero-initialised: nothing has a name. */
struct peer_names {
	struct peer_digest *services; /* FL_MAX_SERVICES: where the names of their backends begin */
	struct peer_named *list; /* sorted by name */
	size_t n;
	uint64_t made_ns; /* uv_hrtime(); 0: to be made anew */
};

void peer_names__free(struct peer_names *n);

/*
 * Makes the names anew if they were not within the last second, or are to be (made_ns). -ENOMEM. An index
 * keeps its backend for longer than that after its last member has left.
 */
int peer_names__refresh(struct peer_names *n, struct agent *a);

/* What the backend of a service is called; 0: nobody else knows the service. */
uint64_t peer_names__of(const struct peer_names *n, const struct agent *a, uint32_t service,
			uint32_t backend);

/* Who is called so; NULL: nobody here. */
const struct peer_named *peer_names__find(const struct peer_names *n, uint64_t name);

#endif
