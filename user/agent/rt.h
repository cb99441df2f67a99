/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rt.h - the real-time thread: what must happen in time whatever the loop is doing.
 *
 * Today it renews the data plane's lease, as long as the loop turns: an agent that hangs must lose
 * its lease, one that merely waits for a disk must not. It also measures how late the scheduler wakes
 * it, which bounds how fast adverts can be kept up.
 */
#ifndef FAIRLEAD_AGENT_RT_H
#define FAIRLEAD_AGENT_RT_H

#include <stdint.h>

#include "core/err.h"
#include "plane/plane.h"

struct rt;

/* Starts the thread (SCHED_FIFO where permitted, else normal, with a warning in *warning). */
int rt__start(struct plane *plane, uint32_t lease_ms, struct rt **out, struct err *warning,
	      struct err *err);

/* The loop turns. */
void rt__beat(struct rt *rt);

/* A new lease time, from the next renewal on. */
void rt__set_lease(struct rt *rt, uint32_t lease_ms);

/* The latest wake-up since the last call, ns. */
uint64_t rt__take_lateness(struct rt *rt);

/* The last renewal's result: 0 or -errno. */
int rt__last_error(const struct rt *rt);

/* Ends the thread; the lease then lapses unless another agent takes over. */
void rt__stop(struct rt *rt);

#endif
