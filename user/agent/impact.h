/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * impact.h - what a configuration would do to one service, if it were applied now.
 *
 * The loop notes what there is of the service, a worker computes from that the tables that the apply would
 * make, by the same code, and the loop tells the outcome. Nothing of the running state is changed, and
 * nothing of it is looked at by the worker.
 */
#ifndef FAIRLEAD_AGENT_IMPACT_H
#define FAIRLEAD_AGENT_IMPACT_H

#include <jansson.h>
#include <stdbool.h>

#include "config/config.h"
#include "core/err.h"

struct agent;
struct impact;
struct ledger;
struct service;

/*
 * Of the service that `c` of `next` describes, which must outlive *out. now: what is no longer configured
 * loses its connections. expected: records that moving slots of all services will need by then. -ENOMEM.
 */
int impact__look(struct agent *a, const struct config *next, const struct config_service *c,
		 bool now, double expected, struct impact **out, struct err *err);

/* What peers tell of seats: as seating__offers(). 0 or -errno and a sentence. Worker thread. */
int impact__compute(struct impact *i, struct ledger *const *offers, size_t n_offers,
		    struct err *err);

/* By how much the service's share in `expected` grows. */
double impact__expects(const struct impact *i);

/* As docs/api.md says; NULL: out of memory. */
json_t *impact__json(const struct impact *i);

/* The same of a service that is not configured any more. */
json_t *impact__removed(const struct service *s);

void impact__free(struct impact *i);

#endif
