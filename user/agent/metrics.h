/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.h - the running state as metrics for Prometheus (docs/metrics.md).
 *
 * Counters of packets are those of the last tick, so at most a second old: at thousands of backends the maps
 * are not read once more for each scrape.
 */
#ifndef FAIRLEAD_AGENT_METRICS_H
#define FAIRLEAD_AGENT_METRICS_H

#include "agent/agent.h"
#include "core/prom.h"

struct scrape;

/*
 * Answers with the text, as soon as it is made: on a worker, of what was copied when it was asked for first. Who
 * asks meanwhile gets the same.
 */
void metrics__ask(struct agent *a, struct api_request *request);

/* What the agent is fit for: problems, as sentences; an empty array: none. */
json_t *metrics__problems(struct agent *a);

/* --- the parts; `labels` is room for them, and what is in it may be overwritten --------------------- */

/* metrics_services.c: a copy of what is told of services and the backends in each; NULL: out of memory */
struct listing *listing__take(struct agent *a);
/* On any thread. */
void listing__write(const struct listing *l, struct prom *out);
/* NULL is fine. */
void listing__free(struct listing *l);

/* metrics_network.c: VRRP, BFD, routes of VIPs, peers */
void metrics__network(struct agent *a, struct prom *out, struct prom *labels);

/* One sample's labels: what prom__labels() wrote, "" if it could not. */
#define METRICS_LABELS(labels, ...) \
	((labels)->len = 0,         \
	 prom__labels(labels, __VA_ARGS__, (const char *)NULL) == 0 ? (labels)->text : "")

/* What a counter of the program was at the last tick. */
struct fl_count metrics__count(const struct agent *a, const struct rate *r, enum plane_counter kind,
			       uint32_t index);

#endif
