/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - which events become alerts, and when: trouble that lasts, its end when it stays away, and nothing in
 * between, however often it comes and goes.
 *
 *   trouble ── for `for` ──> firing ── well for `quiet` ──> resolved
 *
 * Trouble that is over before `for` is told to nobody; trouble that comes back before `quiet` is still the
 * same, and is counted. Times are CLOCK_MONOTONIC milliseconds, given by the caller.
 */
#ifndef FAIRLEAD_ALERT_WATCH_H
#define FAIRLEAD_ALERT_WATCH_H

#include <sys/queue.h>

#include "alert/alert.h"

/* Troubles that are known at once, about 1 KiB each; those beyond are told like news, and have no end. */
#define WATCH_MAX 2048
#define WATCH_NEVER UINT64_MAX

struct trouble;

typedef void watch_cb(void *ctx, const struct alert *a);

struct watch {
	TAILQ_HEAD(, trouble) list;
	void *tree; /* tsearch(3), by what they are about */
	size_t n;
	uint64_t due_ms; /* when watch__turn() has something to do; WATCH_NEVER */
	uint64_t passed; /* troubles that nobody was told of */
	watch_cb *tell;
	void *ctx;
};

void watch__init(struct watch *w, watch_cb *tell, void *ctx);
void watch__clear(struct watch *w);
/* Another configuration: what is no longer of concern is forgotten, and its end told to nobody. */
void watch__configure(struct watch *w, const struct config_alert *c);
/* An event that concerns the destination; may tell at once. */
void watch__event(struct watch *w, const struct config_alert *c, const struct journal_event *e,
		  uint64_t now_ms);
/* Tells what has become due. */
void watch__turn(struct watch *w, uint64_t now_ms);
/* How many are firing. */
size_t watch__firing(const struct watch *w);

#endif
