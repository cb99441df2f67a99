/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain.h - what would become of a packet: the programs that explain, loaded when first asked for, on a
 * worker; an answer takes the loop some tens of microseconds.
 */
#ifndef FAIRLEAD_AGENT_EXPLAIN_H
#define FAIRLEAD_AGENT_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "api/api.h"
#include "frame/frame.h"
#include "plane/plane.h"

struct agent;
struct question;
struct service;

struct explain {
	struct plane_explain *loaded; /* NULL: not yet, or no longer */
	TAILQ_HEAD(, question) waiting; /* for the worker, which loads them while there are any */
	uv_work_t work;
	struct plane_gates gates; /* that it loads with */
	int rc; /* what came of it */
	struct err err;
};

void explain__init(struct agent *a);
void explain__free(struct agent *a);

/* A configuration is in force: what it has no use for is let go of. */
void explain__configured(struct agent *a);

/* Answers the request, now or later. */
void explain__ask(struct agent *a, const struct api_explain *what, struct api_request *request);

/* explain_json.c: the answer of docs/api.md */

struct explain_facts {
	const struct plane_link *link; /* where the packet comes in */
	const uint8_t *frame;
	size_t len;
	bool has_flow;
	struct frame_flow flow; /* of the packet */
	const struct plane_explained *result;
	uint64_t took_ns;
};

json_t *explain_json__of(struct agent *a, const struct explain_facts *f);

/* explain_rules.c: entries of source lists and limits that have decided of the packet; `s` may be NULL. */
json_t *explain_rules__json(const struct agent *a, const struct explain_facts *f,
			    const struct service *s);

/* explain_peers.c: what each peer would do with it; `s` may be NULL. */
json_t *explain_peers__json(const struct agent *a, const struct explain_facts *f,
			    const struct service *s);

/* Affinity: makes a flow's key that of the record of where the client's next connections go; false: it has none. */
bool explain__client_key(const struct service *s, struct fl_flow_key *k);

/* The key of the flow's records in a service. */
struct fl_flow_key explain__flow_key(const struct frame_flow *f, uint32_t service);

#endif
