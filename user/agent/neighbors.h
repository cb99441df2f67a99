/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neighbors.h - the BFD sessions of the configuration: begun, told of, shown (docs/bfd.md). */
#ifndef FAIRLEAD_AGENT_NEIGHBORS_H
#define FAIRLEAD_AGENT_NEIGHBORS_H

#include <jansson.h>
#include <stddef.h>

#include "config/config.h"
#include "core/err.h"
#include "vip/bfd.h"

struct agent;

struct neighbors {
	struct bfd *bfd;
	struct bfd_view *seen; /* as they were when they were told of last */
	size_t n_seen;
};

/* After the real-time thread. */
int neighbors__start(struct agent *a, struct err *err);

/* A configuration is committed: its sessions, and no others. */
void neighbors__configured(struct agent *a);

/* Whether a session with that peer is up, as was told last. */
bool neighbors__is_up(const struct agent *a, const struct addr *peer);

/* Once a second: sockets that could not be opened yet. */
void neighbors__tick(struct agent *a);

/* The status document's `bfd`. */
json_t *neighbors__json(const struct agent *a);

/* Tells the peers, and ends all sessions; before rt__quiet(). */
void neighbors__stop(struct agent *a);

#endif
