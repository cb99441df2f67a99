/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chronicle.h - what the agent writes to its journal (journal/journal.h), and what it answers from it.
 *
 * Where something changes, a line beside the log's tells the chronicle. States of services and backends are
 * told once each when the agent begins, with every configuration those that are new, and all of them
 * after a gap, so that a report knows them without what was before.
 */
#ifndef FAIRLEAD_AGENT_CHRONICLE_H
#define FAIRLEAD_AGENT_CHRONICLE_H

#include <jansson.h>

#include "api/api.h"
#include "config/config.h"
#include "core/event.h"

struct agent;
struct apply_order;
struct member;
struct service;
struct chronicle;

/* a->chronicle stays NULL when `journal` is switched off. */
int chronicle__start(struct agent *a, const struct config *c, struct err *err);
/* A configuration is in force. */
void chronicle__configured(struct agent *a);
/* Once a second. */
void chronicle__tick(struct agent *a);
/* The last word; after the API has ended. */
void chronicle__stop(struct agent *a);
/* After the loop has run out. */
void chronicle__free(struct agent *a);

/*
 * Tells one thing. `subject`, `from`, `to` may be NULL; uid: JOURNAL_NOBODY, or whose word it was. With the
 * journal switched off, nothing happens.
 */
void chronicle__tell(const struct agent *a, enum journal_kind kind, const char *subject,
		     const char *from, const char *to, uint32_t uid, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));
/* The same of a service. */
void chronicle__tell_service(const struct service *s, enum journal_kind kind, const char *subject,
			     const char *to, const char *why);

/* Its verdict has changed, and why. */
void chronicle__member(struct member *m, const char *why);
/* What an operator has said of it. */
void chronicle__said(struct member *m, const char *verb, uint32_t uid, const char *why);
/* Its table, or who serves, has changed: tells when it serves and when not. */
void chronicle__service(struct service *s);
/* They are no longer configured. */
void chronicle__left(struct member *m);
void chronicle__dismissed(struct service *s);

/* A configuration is in force, or was refused: the history, and what waits for a confirmation, follow. */
void chronicle__applied(struct agent *a, const struct apply_order *order);
void chronicle__refused(struct agent *a, const struct apply_order *order);

/* Whether what runs waits for its confirmation. It no longer runs: that epoch of all peers has taken its place. */
bool chronicle__waits(const struct agent *a);
void chronicle__overtaken(struct agent *a, uint64_t epoch);

/* The API's part; see api_ops. */
void chronicle__apply(struct agent *a, const struct api_apply *what, struct api_request *request);
void chronicle__history(struct agent *a, const struct api_history *what,
			struct api_request *request);
/* What applying what->version would change; what->text is not looked at. */
void chronicle__compare(struct agent *a, const struct api_diff *what, struct api_request *request);
/* Into "config" of a status. */
void chronicle__add_config(const struct agent *a, json_t *config);
json_t *chronicle__json(const struct agent *a);
void chronicle__events(struct agent *a, const struct api_events *what, struct api_request *request);
void chronicle__timeline(struct agent *a, uint32_t hours, struct api_request *request);
void chronicle__report(struct agent *a, const struct api_report *what, struct api_request *request);

#endif
