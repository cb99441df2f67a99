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

/* The text, of *len bytes, not ended by a NUL; free() it. NULL: out of memory. */
char *metrics__text(struct agent *a, size_t *len);

/* What the agent is fit for: problems, as sentences; an empty array: none. */
json_t *metrics__problems(struct agent *a);

/* --- the parts; `labels` is room for them, and what is in it may be overwritten --------------------- */

/* metrics_services.c: services, and the backends in each */
void metrics__services(struct agent *a, struct prom *out, struct prom *labels);

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
