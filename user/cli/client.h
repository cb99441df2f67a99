/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h - one request to the agent's API (api/api.h). */
#ifndef FAIRLEAD_CLI_CLIENT_H
#define FAIRLEAD_CLI_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>

#include "core/err.h"

/*
 * From now on each request has the first token of that file (core/tokens.h), which is read anew for each; NULL:
 * none has. The path is not copied.
 */
void client__use_token(const char *path);

/*
 * While a request waits for its answer, waiting(ctx) is called about once a second, more often while something comes;
 * NULL: nothing is.
 */
void client__while(void (*waiting)(void *ctx), void *ctx);

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

/* --- the parts of it, for who waits for other things at the same time ------------------------------- */

/* What has come of a reply; begins all-zero. */
struct client_reply {
	char *text;
	size_t len;
	struct curl_slist *headers; /* of the request */
};

/* Frees what is in it. */
void client__free(struct client_reply *r);

/* A GET of the path, whose reply goes to `reply`, which has to stay until it has ended. 0 or a negative errno. */
int client__prepare(CURL *curl, const char *socket, const char *path, struct client_reply *reply,
		    struct err *err);

/* A transfer has ended with `rc`: what client__request() returns. */
int client__outcome(CURL *curl, CURLcode rc, const char *socket, const struct client_reply *reply,
		    json_t **out, struct err *err);

#endif
