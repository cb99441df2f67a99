/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes.h - a thread that keeps routes in a table of the kernel as long as the agent is well.
 *
 * The kernel's lock of the network configuration may be held for long, so the loop says what is wanted
 * and never waits. Once a second what is wanted is put there again, should another program have taken it
 * away; a route that this has put in its place is left alone. Of several agents in a network namespace one
 * has a table, as long as it has routes there. When alive() says no, the routes go: the loop hangs, and what
 * it would withdraw it can't.
 */
#ifndef FAIRLEAD_VIP_ROUTES_H
#define FAIRLEAD_VIP_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"

struct routes;

/* alive() is called on the thread; it must be quick and never block. */
int routes__start(bool (*alive)(void *ctx), void *ctx, struct routes **out, struct err *err);

/*
 * From now on these n prefixes, no two of them equal, in that table, and none else of ours, those of an
 * earlier agent included. 0 or -ENOMEM with what was wanted before.
 */
int routes__want(struct routes *r, uint32_t table, const struct addr_prefix *list, size_t n);

/*
 * Whether a route that is wanted is there: 0; -EINPROGRESS: not yet; -EEXIST: another program has one;
 * -EADDRINUSE: another agent has the table; else -errno of the last try.
 */
int routes__state(struct routes *r, const struct addr_prefix *prefix);

/* A route that is wanted no more, and that the kernel has not removed: it is tried again every second. */
struct routes_stuck {
	struct addr_prefix to;
	uint32_t table;
	int rc; /* -errno of the last try */
};

/* How many of these there are; `max` of them at most are written to `out`. */
size_t routes__stuck(struct routes *r, struct routes_stuck *out, size_t max);

/* Removes all of them and ends the thread; what the kernel refuses is tried for a second or two. */
void routes__stop(struct routes *r);

/*
 * Without a thread: removes what an agent has left in the table. 0 with how many, or -errno; -EADDRINUSE: one
 * that runs has it.
 */
int routes__withdraw(uint32_t table, size_t *n, struct err *err);

#endif
