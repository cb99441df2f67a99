/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resp.h - the protocol of Redis (RESP2, "Redis serialization protocol specification"), as far as
 * probes speak it.
 */
#ifndef FAIRLEAD_PROBE_RESP_H
#define FAIRLEAD_PROBE_RESP_H

#include "probe/talk.h"

#define RESP_BULK_MAX (TALK_IN_MAX - 1024) /* bytes of a text with a length, at most */

enum resp_kind {
	RESP_MORE, /* not all of it is there yet; nothing is used */
	RESP_TEXT,
	RESP_ERROR,
	RESP_NUMBER,
	RESP_NULL,
	RESP_LIST, /* as many follow as its number says */
	RESP_BROKEN, /* this is no RESP, or longer than a probe reads */
};

/* One reply, or one element of a list. */
struct resp {
	enum resp_kind kind;
	const uint8_t *data; /* of texts and errors; valid until the talk returns */
	size_t len;
	int64_t number;
};

/* Uses the next one. */
struct resp resp__next(struct talk *t);

/* Sends a command: its words, up to a NULL. -ENOSPC as talk__send(). */
int resp__command(struct talk *t, const char *const *words);

/* Sends AUTH with the probe's user, if any, and its password. */
void resp__auth(struct talk *t);

/* The verdict on a reply that is not what is awaited: what the server says is wrong, or is no RESP. */
enum talk_next resp__refuse(struct talk *t, const struct resp *r, const char *asked);

#endif
