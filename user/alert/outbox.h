/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outbox.h - the alerts that a destination is still to get, in order, and not too many of them.
 *
 * A bucket of tokens limits how fast they come in: `burst` at once, `rate` a minute in the long run. What comes
 * when there is no token, or when OUTBOX_MAX are in it, is held back, and told of by one alert, "N more since …",
 * as soon as there is a token and room. Times are CLOCK_MONOTONIC milliseconds, given by the caller.
 */
#ifndef FAIRLEAD_ALERT_OUTBOX_H
#define FAIRLEAD_ALERT_OUTBOX_H

#include <sys/queue.h>

#include "alert/alert.h"

#define OUTBOX_MAX 512 /* alerts, about 1 KiB each */
#define OUTBOX_NEVER UINT64_MAX

struct outbox_item {
	TAILQ_ENTRY(outbox_item) entry;
	struct alert alert;
	uint64_t since_ms; /* when it came in */
	unsigned int tries; /* that failed */
};

struct outbox {
	TAILQ_HEAD(outbox_list, outbox_item) list;
	size_t n;
	uint32_t rate, burst, max_age_ms;
	uint64_t tokens_milli; /* 1000: one */
	uint64_t filled_ms; /* when that was so */
	struct alert held; /* the first of those held back; held.count of them */
	uint64_t n_held; /* 0: none is */
	uint32_t held_kinds[JOURNAL_KINDS];
	uint64_t numbers; /* that were given out */
	uint64_t held_total; /* of all that were held back */
};

void outbox__init(struct outbox *o, uint64_t now_ms);
/* From now on, of struct config_alert; a full bucket at the first time. */
void outbox__limit(struct outbox *o, const struct config_alert *c, uint64_t now_ms);
/* One more; its number is given here. */
void outbox__put(struct outbox *o, const struct alert *a, uint64_t now_ms);
/* Tells of what was held back, if it may be told now. */
void outbox__turn(struct outbox *o, uint64_t now_ms);
/* When outbox__turn() will have something to do; OUTBOX_NEVER. */
uint64_t outbox__due(const struct outbox *o, uint64_t now_ms);
/* The oldest, or NULL. */
struct outbox_item *outbox__first(const struct outbox *o);
/* Whether it is older than it may be. */
bool outbox__expired(const struct outbox *o, const struct outbox_item *item, uint64_t now_ms);
void outbox__drop_first(struct outbox *o);
void outbox__clear(struct outbox *o);

#endif
