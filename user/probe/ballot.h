/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ballot.h - what the sentinels of Redis, together, say to a server that calls itself the master.
 *
 * A master of yesterday that comes back calls itself master until a sentinel tells it otherwise, and
 * one that is cut off from its sentinels for as long as that lasts. So most of the sentinels that
 * answer must name the server. Where none answers, nobody contradicts it.
 */
#ifndef FAIRLEAD_PROBE_BALLOT_H
#define FAIRLEAD_PROBE_BALLOT_H

#include "core/addr.h"
#include "probe/probe.h"

#define BALLOT_TEXT_LEN 96

struct ballot {
	struct addr address; /* of the server that it is about */
	uint16_t port;
	unsigned int voters; /* sentinels that are asked */
	unsigned int ended; /* of these, have answered or failed */
	unsigned int for_it, against;
	char other[BALLOT_TEXT_LEN]; /* whom one of them named instead */
	char silent[BALLOT_TEXT_LEN]; /* why one of them has no answer */
};

/* A sentinel names `endpoint`, "192.0.2.1:6379". */
void ballot__name(struct ballot *b, const char *endpoint);

/* A sentinel has no answer: why. */
void ballot__fail(struct ballot *b, const char *why);

/* Whether those that have not ended can't change the verdict. */
bool ballot__decided(const struct ballot *b);

/* The verdict by those that have ended, and what to say. */
enum probe_outcome ballot__judge(const struct ballot *b, char *detail, size_t size);

#endif
