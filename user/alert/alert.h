/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert.h - what is told to a destination: an event of the journal, what it means, and how it is written.
 *
 * An event that says that something is wrong is trouble, and fires; the event that says that it is well again
 * resolves it. Both are about the same thing if kind, service, backend and subject are. What is neither (an
 * operator's word, a change of the configuration) is told for itself.
 */
#ifndef FAIRLEAD_ALERT_ALERT_H
#define FAIRLEAD_ALERT_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/alert.h"
#include "core/event.h"

enum alert_status {
	ALERT_EVENT, /* told for itself */
	ALERT_FIRING,
	ALERT_RESOLVED,
	ALERT_SUM, /* what the rate limit, or a full queue, held back */
	ALERT_TEST,
};

#define ALERT_ID_LEN 64

struct alert {
	enum alert_status status;
	enum config_severity severity; /* of a sum: the worst of them */
	struct journal_event
		event; /* of a sum: its time is the first one's; detail says what they are */
	uint64_t
		count; /* resolved: how often it was so since it fired; of a sum: how many; else 1 */
	uint64_t number; /* counted by the destination: of its id */
};

/* What an event means. */
enum alert_role { ALERT_NEWS, ALERT_TROUBLE, ALERT_WELL };

struct alert_meaning {
	enum alert_role role;
	enum config_severity severity; /* of ALERT_WELL when nothing has fired, and of news */
};

/* `e` as it is told by an agent; a JOURNAL_STATE is what its backend or service would tell. */
struct alert_meaning alert__meaning(const struct journal_event *e);
/* JOURNAL_STATE is of the kind backend or service. */
enum journal_kind alert__kind(const struct journal_event *e);

/* Whether `a` is to hear of it: kinds, services, and what is not about itself. */
bool alert__concerns(const struct config_alert *a, const struct journal_event *e);

/* Who speaks. */
struct alert_origin {
	const char *host, *instance;
	uint64_t run; /* tells the ids of one run of the agent from another's */
};

/* One JSON object, malloc'd, *len bytes: by the template, or (NULL) of all fields. NULL: out of memory. */
char *alert__body(const struct alert *a, const struct alert_origin *origin, const char *template,
		  size_t *len);
/*
 * The environment of a hook: the fields as FAIRLEAD_*, and PATH; ended by NULL. One piece for free(3). NULL:
 * out of memory.
 */
char **alert__environment(const struct alert *a, const struct alert_origin *origin);
/* "backend b1 of service web is down: connection refused"; returns buf. */
const char *alert__text(const struct alert *a, char *buf, size_t size);

#endif
