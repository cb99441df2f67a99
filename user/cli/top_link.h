/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top_link.h - requests to the agent, one after the other on one connection, while a user types: nothing in here
 * waits for the agent but top_link__wait(), which ends with whatever comes first.
 */
#ifndef FAIRLEAD_CLI_TOP_LINK_H
#define FAIRLEAD_CLI_TOP_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

struct top_link;

#define TOP_LINK_PATIENCE_S 5 /* an answer that takes longer is given up */

/* NULL: out of memory. `socket` has to stay. */
struct top_link *top_link__new(const char *socket);
void top_link__free(struct top_link *l);

/* Begins a GET of the path, percent-encoded; none may be under way. 0, or -errno and a sentence. */
int top_link__ask(struct top_link *l, const char *path, struct err *err);
bool top_link__asks(const struct top_link *l);

/*
 * What has become of the request: -EINPROGRESS: nothing yet. 0 and *out, or -errno and a sentence as from
 * client__request(), end it; *out is the caller's, or NULL.
 */
int top_link__take(struct top_link *l, json_t **out, struct err *err);

/* Waits for the agent, for something to read from one of the descriptors, or for that time to pass. */
void top_link__wait(struct top_link *l, const int *fds, size_t n, int timeout_ms);

#endif
