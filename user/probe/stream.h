/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.h - one TCP connection of a probe's try, for kinds that need more than one of them.
 *
 * The try has its time from the prober; whoever opens a stream closes it when that is over.
 */
#ifndef FAIRLEAD_PROBE_STREAM_H
#define FAIRLEAD_PROBE_STREAM_H

#include "probe/internal.h"
#include "probe/talk.h"

struct stream;

/* How it ended. */
struct stream_end {
	bool local; /* on this machine's side: says nothing about the other */
	enum probe_outcome outcome;
	const char *detail; /* valid during the callback */
	enum config_role role; /* as talk__role() was told; CONFIG_ROLE_ANY: it was not */
};

/* Called once, unless the stream is closed before; the stream is gone then. */
typedef void stream_cb(void *ctx, const struct stream_end *end);

/*
 * Connects to address:port and holds the talk (NULL: the connection is the answer) with the arguments
 * of the probe. The callback comes not from within this call. -errno, and *why says so, on failure.
 */
int stream__open(struct probe *p, const struct addr *address, uint16_t port,
		 const struct talk_kind *talk, stream_cb *cb, void *ctx, struct stream **out,
		 const char **why);

/* Gives it up, without a callback. */
void stream__close(struct stream *s);

/* The time is over: the verdict, and what to say if it is not that; the caller closes. */
enum probe_outcome stream__overdue(struct stream *s, char *detail, size_t size);

#endif
