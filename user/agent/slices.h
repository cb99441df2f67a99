/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slices.h - long work in slices on a worker: one at a time, its result told on the loop. */
#ifndef FAIRLEAD_AGENT_SLICES_H
#define FAIRLEAD_AGENT_SLICES_H

#include <stdbool.h>
#include <uv.h>

#include "core/err.h"

struct slices {
	uv_work_t work;
	bool busy; /* the worker has what belongs to it */
	bool failing; /* and said so */
	int rc;
	struct err err;
	int (*slice)(void *ctx, struct err *err); /* on the worker */
	void (*after)(void *ctx); /* on the loop, if that went well */
	void *ctx;
};

/* Starts the next slice, unless one is running. A failure goes to the log once. */
void slices__next(struct slices *s, uv_loop_t *loop);

#endif
