/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delivery.h - one try to deliver one alert, by a program or by a request of HTTP. */
#ifndef FAIRLEAD_ALERT_DELIVERY_H
#define FAIRLEAD_ALERT_DELIVERY_H

#include <uv.h>

#include "alert/alert.h"
#include "alert/retry.h"
#include "probe/web_loop.h"

#define DELIVERY_DETAIL_LEN 256

struct delivery;

struct delivery_end {
	enum retry_verdict verdict;
	uint64_t asked_ms; /* the receiver wants to be left alone for so long; 0: it did not say */
	char detail[DELIVERY_DETAIL_LEN]; /* "status 204", "connection refused" */
};

typedef void delivery_cb(void *ctx, const struct delivery_end *end);

/*
 * Begins; on_end is called once, never from within. `web` carries requests, and its `done` is
 * delivery__web_done(). -errno and a sentence: it could not even begin.
 */
int delivery__start(struct web_loop *web, const struct config_alert *to, const struct alert *alert,
		    const struct alert_origin *origin, delivery_cb *on_end, void *ctx,
		    struct delivery **out, struct err *err);
/* Ends it without a result; NULL is fine. */
void delivery__abandon(struct delivery *d);

void delivery__web_done(void *delivery, CURLcode code);

/* delivery_web.c */

struct delivery_web;

/* A request with that body, which is the request's from here on. -errno and a sentence. */
int delivery_web__start(struct web_loop *web, const struct config_alert *to, char *body, size_t len,
			void *delivery, struct delivery_web **out, struct err *err);
void delivery_web__judge(struct delivery_web *w, CURLcode code, struct delivery_end *end);
void delivery_web__free(struct delivery_web *w);

#endif
