/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asked.h - which neighbours the kernel was asked for lately. Pure.
 *
 * One flow to a client that does not answer can drop thousands of replies a second; each of them says
 * that its neighbour is missing. Addresses share a place by hash: the later one takes it, so that two
 * of them may be asked for more often, never less.
 */
#ifndef FAIRLEAD_AGENT_ASKED_H
#define FAIRLEAD_AGENT_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

#define ASKED_PLACES 256
#define ASKED_PAUSE_NS 1000000000ULL /* between two requests for one address, as ARP's retries */

struct asked {
	struct addr address[ASKED_PLACES];
	uint64_t at_ns[ASKED_PLACES]; /* 0: never */
};

/* True, and noted, unless the address was asked for less than the pause ago. now_ns is not 0. */
bool asked__due(struct asked *a, const struct addr *address, uint64_t now_ns);

#endif
