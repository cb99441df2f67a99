/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.h - the agent's status (docs/api.md) as people read it. */
#ifndef FAIRLEAD_CLI_VIEW_H
#define FAIRLEAD_CLI_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

struct view {
	const char *service; /* only that one; NULL: all */
	bool colours;
	time_t now; /* ages are counted from it */
};

/*
 * Writes the summary, the table of services and their backends, the drops and the warnings. 0;
 * -ENOENT: no service is named view->service (nothing is written); -ENOMEM.
 */
int view__print(const json_t *status, const struct view *view, FILE *out);

/* The part of it about other agents: a line each, then how they differ (view_peers.c). */
void view_peers__print(const json_t *status, const struct view *view, FILE *out);
/* A line on a backend of a service that the balancers do not agree on. */
void view_peers__quorum(const json_t *service, const json_t *backend, FILE *out);

/* Of a service whose new connections are watched: what becomes of them (view_passive.c). */
void view_passive__print(const json_t *service, const struct view *view, FILE *out);
/* What is wrong with the clients' path to a backend, though it may be up. */
void view_passive__warn(const json_t *service, const json_t *backend, FILE *out);

/* A line on each destination of alerts, or on each that fails (view_alerts.c). */
void view_alerts__print(const json_t *status, const struct view *view, bool all, FILE *out);

/* A warning if nobody may change anything (view_token.c). */
void view_token__warn(const json_t *status, FILE *out);

/* The part of it about announced VIPs and BFD sessions, a line each (view_vip.c). */
void view_vip__print(const json_t *status, const struct view *view, FILE *out);

#endif
