/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * destination.h - where alerts go: what it is to hear of, what waits for it, and the tries to deliver that.
 *
 *   event -> watch (lasts, or comes and goes) -> outbox (not too many) -> delivery, one at a time, again and again
 *
 * Who tells an event waits for nothing: it is looked at and put in line, and the loop does the rest later.
 * Alerts come in order; the first one that is not delivered holds up the others, until it is given up.
 */
#ifndef FAIRLEAD_ALERT_DESTINATION_H
#define FAIRLEAD_ALERT_DESTINATION_H

#include "alert/delivery.h"

struct destination;

struct destination_calls {
	/*
	 * Something about the destination itself: `to` is "fails", "delivers" or "undelivered", and the
	 * detail says why, or what.
	 */
	void (*news)(void *ctx, const struct destination *d, const char *to, const char *detail);
	void *ctx;
};

/* What people and programs are told of it. */
struct destination_status {
	const char *name;
	bool exec; /* else a webhook */
	uint64_t queued; /* alerts that wait, with the one that is being tried */
	uint64_t held; /* and those that the next sum will be of */
	size_t firing;
	uint64_t sent, failed, dropped; /* alerts; tries; alerts that were given up */
	uint64_t held_total,
		passed; /* held back ever; troubles that were over too soon to be told */
	uint64_t fails_since_ns; /* CLOCK_REALTIME; 0: the last try did not fail */
	uint64_t sent_at_ns; /* of the last one, likewise; 0: there was none */
	const char *error; /* of the last try that failed, since one did not; "": none */
};

/* Copies the configuration. NULL: out of memory. */
struct destination *destination__new(struct web_loop *web, const struct config_alert *c,
				     const struct alert_origin *origin,
				     const struct destination_calls *calls);
/* Another configuration of the same name: what waits stays. 0 or -ENOMEM, and nothing has changed. */
int destination__configure(struct destination *d, const struct config_alert *c);
/* Tells of what it did not get; its memory goes when the loop has run. `why`: "fairleadd ends". */
void destination__close(struct destination *d, const char *why);

/* An event; its times are set. */
void destination__event(struct destination *d, const struct journal_event *e);
void destination__status(const struct destination *d, struct destination_status *out);
const struct config_alert *destination__config(const struct destination *d);

#endif
