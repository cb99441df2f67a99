/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alerts.h - the destinations of alerts (alert/destination.h): made from the configuration, told the events that
 * the journal is told, and shown to people.
 */
#ifndef FAIRLEAD_AGENT_ALERTS_H
#define FAIRLEAD_AGENT_ALERTS_H

#include <jansson.h>

#include "api/api.h"
#include "config/config.h"
#include "core/err.h"
#include "core/event.h"
#include "core/prom.h"

struct agent;

/* Before the first event; `c` is what begins. -errno and a sentence. */
int alerts__start(struct agent *a, const struct config *c, struct err *err);
/* A configuration is in force: those that have gone say what they did not get, the others keep theirs. */
void alerts__configured(struct agent *a);
/* What was told to the journal; its times are set here. Waits for nothing. */
void alerts__event(const struct agent *a, const struct journal_event *e);
/* Says what was not delivered; before the journal ends. */
void alerts__stop(struct agent *a);
/* After the loop has run out. */
void alerts__free(struct agent *a);

/* "alerts" of a status. */
json_t *alerts__json(const struct agent *a);
void alerts__metrics(const struct agent *a, struct prom *out, struct prom *labels);
/* Sends a test alert to one destination, or (NULL) to all, and replies what came of it. */
void alerts__test(struct agent *a, const char *name, struct api_request *request);

#endif
