/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h - one request to the agent's API (api/api.h). */
#ifndef FAIRLEAD_CLI_CLIENT_H
#define FAIRLEAD_CLI_CLIENT_H

#include <jansson.h>

#include "core/err.h"

/*
 * Sends METHOD ("GET" or "POST") for a path that is already percent-encoded. 0 and *out (owned by
 * the caller) when the agent answered 200. -EPROTO: it answered an error, whose sentence is in err;
 * *out is its object if `out` is to have it, else NULL. -EAGAIN: likewise, and it may not be so for long
 * (503: it is stopping, a disk is full). Other negative errno: no answer, and err says
 * what to do.
 */
int client__request(const char *socket, const char *method, const char *path, json_t **out,
		    struct err *err);

/* The same by POST, with `len` bytes as the body. */
int client__post(const char *socket, const char *path, const void *body, size_t len, json_t **out,
		 struct err *err);

#endif
