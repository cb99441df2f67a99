/* SPDX-License-Identifier: GPL-2.0-or-later */
/* impact_internal.h - between impact.c (what is worked out) and impact_json.c (how it is told). */
#ifndef FAIRLEAD_AGENT_IMPACT_INTERNAL_H
#define FAIRLEAD_AGENT_IMPACT_INTERNAL_H

#include "agent/agent.h"
#include "agent/impact.h"
#include "move/forecast.h"

enum impact_effect { KEPT, ADDED, REMOVED, REPLACED };

/* A backend, before or after or both. */
struct impact_row {
	char id[FL_ID_LEN];
	enum impact_effect effect;
	uint16_t old, now; /* indices, the same for one that goes on as it is */
	uint32_t records; /* connections of it that are on record now */
};

struct impact {
	const struct config_service *c;
	enum impact_effect effect;
	struct table_seats *before; /* NULL: none */
	uint32_t n; /* slots */
	bool comparable; /* the old table has as many */
	uint16_t *live, *want, *later, *next; /* n each */
	uint32_t *words; /* n */
	struct move_fact *facts;
	struct forecast_share *shares;
	struct move_table t;
	struct service_taker *takers, *taken; /* at once; once all are well. c->n_backends */
	struct impact_row *rows;
	size_t n_rows;
	uint32_t budget, served, idle_s;
	double per_slot, expected; /* of the service, as it is now */
	double packets_per_s, opened_per_s;
	bool watched;
	struct forecast forecast;
};

/* Of new connections, over all backends of a service that is watched. */
double impact__opened_per_s(const struct service *s);

#endif
