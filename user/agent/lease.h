/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease.h - the data plane's lease, renewed by the real-time thread as long as the loop turns: an agent
 * that hangs must lose its lease, one that merely waits for a disk must not.
 */
#ifndef FAIRLEAD_AGENT_LEASE_H
#define FAIRLEAD_AGENT_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "plane/plane.h"
#include "vip/rt.h"

struct lease;

/* Renews from now on, four times in lease_ms. */
int lease__start(struct rt *rt, struct plane *plane, uint32_t lease_ms, struct lease **out,
		 struct err *err);

/* The loop turns. */
void lease__beat(struct lease *l);

/* The loop is going to stand still, but for no longer than this; lease__beat() says that it turns again. */
void lease__busy(struct lease *l, uint32_t most_ms);

/* A new lease time, from the next renewal on. */
void lease__set(struct lease *l, uint32_t lease_ms);

/*
 * Whether there was once no beat for the lease time: the agent stood still or hung, and what it knew is old.
 * It stays so, and nothing is renewed, until the loop says that it has drawn its conclusions.
 */
bool lease__lost(const struct lease *l);

/* It has; or the first configuration is in force, until when nobody asks. */
void lease__regain(struct lease *l);

/* Whether the loop has turned within the lease time, and it was not lost. From any thread. */
bool lease__alive(const struct lease *l);

/* The last renewal's result: 0 or -errno. */
int lease__last_error(const struct lease *l);

/* Renews no more; the lease then lapses unless another agent takes over. */
void lease__stop(struct lease *l);

#endif
