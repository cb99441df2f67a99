/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grace.h - things to do after a grace period, which a worker waits for. */
#ifndef FAIRLEAD_AGENT_GRACE_H
#define FAIRLEAD_AGENT_GRACE_H

#include <stdint.h>
#include <uv.h>

#include "core/err.h"
#include "plane/plane.h"

struct grace;

typedef void grace_cb(void *ctx, uint32_t arg);

int grace__new(uv_loop_t *loop, struct plane *plane, struct grace **out, struct err *err);

/*
 * Calls cb(ctx, arg) on the loop when every packet that was in flight at this call is gone; in the
 * order of the calls. Never if memory runs out: what was to be reused then stays unused.
 */
void grace__after(struct grace *g, grace_cb *cb, void *ctx, uint32_t arg);

/* Waits again for what could not be waited for; nothing to do otherwise. Once a second. */
void grace__retry(struct grace *g);

/* Drops what has not been called; the loop must have run until no worker is busy. */
void grace__free(struct grace *g);

#endif
