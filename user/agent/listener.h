/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listener.h - where the API listens beside its unix socket (`api.listen`).
 *
 * Through an apply: stage() does what may fail, then commit() or undo(); it is served once the API is there.
 */
#ifndef FAIRLEAD_AGENT_LISTENER_H
#define FAIRLEAD_AGENT_LISTENER_H

#include "config/config.h"
#include "core/err.h"

struct agent;

struct listener {
	int fd; /* of the one that is to be served next; -1: none */
	bool changed; /* since it was served */
};

/* *out: the socket of `next`; -1: it needs no new one. */
int listener__stage(const struct agent *a, const struct config *next, int *out, struct err *err);
void listener__undo(int fd);
/* Before a->config becomes `next`. */
void listener__commit(struct agent *a, const struct config *next, int fd);
/* The API is there. */
void listener__configured(struct agent *a);

#endif
