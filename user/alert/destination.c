/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/destination.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "alert/outbox.h"
#include "alert/watch.h"

#define TOLD_AFTER 3 /* tries in a row that fail, and it is said */
#define NAMED_AT_END 20 /* undelivered alerts that are told one by one at the end */

struct destination {
	struct config_alert config; /* its own copy */
	struct web_loop *web;
	const struct alert_origin *origin;
	struct destination_calls calls;
	struct watch watch;
	struct outbox outbox;
	struct delivery *delivery; /* of the outbox's first; NULL: none is under way */
	uv_timer_t timer;
	uint64_t next_ms; /* no try before that */
	uint64_t sent, failed, dropped;
	unsigned int failures; /* in a row */
	uint64_t fails_since_ns, sent_at_ns; /* CLOCK_REALTIME */
	char error[DELIVERY_DETAIL_LEN];
	bool told; /* that it fails */
};

static void on_timer(uv_timer_t *h);

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- when ------------------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void schedule(struct destination *d)
{
	const struct outbox_item *first = outbox__first(&d->outbox);
	uint64_t now = now_ms();
	uint64_t due = least(d->watch.due_ms, outbox__due(&d->outbox, now));

	if (first && !d->delivery)
		due = least(due, least(d->next_ms, first->since_ms + d->config.max_age_ms + 1));
	if (due == UINT64_MAX)
		uv_timer_stop(&d->timer);
	else
		/* A millisecond more: the loop's clock is a little behind. */
		uv_timer_start(&d->timer, on_timer, due > now ? due - now + 1 : 0, 0);
}

/* --- what comes of tries ---------------------------------------------------------------------------- */

static void news(const struct destination *d, const char *to, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void news(const struct destination *d, const char *to, const char *fmt, ...)
{
	char detail[JOURNAL_DETAIL_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	d->calls.news(d->calls.ctx, d, to, detail);
}

static void succeed(struct destination *d)
{
	outbox__drop_first(&d->outbox);
	d->sent++;
	d->sent_at_ns = real_ns();
	d->failures = 0;
	d->fails_since_ns = 0;
	d->error[0] = '\0';
	if (!d->told)
		return;
	d->told = false;
	news(d, "delivers", "alerts are delivered again, %zu wait", d->outbox.n);
}

static void fail(struct destination *d, const struct delivery_end *end)
{
	struct outbox_item *first = outbox__first(&d->outbox);
	char text[JOURNAL_DETAIL_LEN / 2];
	uint64_t random = 0;

	d->failed++;
	if (!d->failures++)
		d->fails_since_ns = real_ns();
	snprintf(d->error, sizeof(d->error), "%s", end->detail);
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = uv_hrtime();
	first->tries++;
	if (end->verdict == RETRY_NEVER) {
		news(d, "undelivered", "refused, with %.120s: %s", end->detail,
		     alert__text(&first->alert, text, sizeof(text)));
		outbox__drop_first(&d->outbox);
		d->dropped++;
	} else {
		d->next_ms = now_ms() + retry__wait_ms(first->tries, random, end->asked_ms);
	}
	if (d->failures != TOLD_AFTER)
		return;
	d->told = true;
	news(d, "fails", "%s; %zu alerts wait, and are tried again", end->detail, d->outbox.n);
}

static void on_end(void *ctx, const struct delivery_end *end)
{
	struct destination *d = ctx;

	d->delivery = NULL;
	if (end->verdict == RETRY_DONE)
		succeed(d);
	else
		fail(d, end);
	schedule(d);
}

/* --- turns ------------------------------------------------------------------------------------------ */

static void expire(struct destination *d, uint64_t now)
{
	char text[JOURNAL_DETAIL_LEN / 2] = "";
	struct outbox_item *first;
	size_t n = 0;

	while ((first = outbox__first(&d->outbox)) && outbox__expired(&d->outbox, first, now)) {
		if (!n++)
			alert__text(&first->alert, text, sizeof(text));
		outbox__drop_first(&d->outbox);
	}
	d->dropped += n;
	if (n)
		news(d, "undelivered", "%zu given up after max_age, first: %s", n, text);
}

static void try_first(struct destination *d, uint64_t now)
{
	const struct outbox_item *first = outbox__first(&d->outbox);
	struct delivery_end end = {.verdict = RETRY_AGAIN};
	struct err err = {.text = ""};

	if (!first || now < d->next_ms)
		return;
	if (!delivery__start(d->web, &d->config, &first->alert, d->origin, on_end, d, &d->delivery,
			     &err))
		return;
	snprintf(end.detail, sizeof(end.detail), "%.*s", (int)sizeof(end.detail) - 1, err.text);
	fail(d, &end);
}

static void on_timer(uv_timer_t *h)
{
	struct destination *d = h->data;
	uint64_t now = now_ms();

	watch__turn(&d->watch, now);
	outbox__turn(&d->outbox, now);
	if (!d->delivery) {
		expire(d, now);
		try_first(d, now);
	}
	schedule(d);
}

static void on_alert(void *ctx, const struct alert *a)
{
	struct destination *d = ctx;

	outbox__put(&d->outbox, a, now_ms());
}

void destination__event(struct destination *d, const struct journal_event *e)
{
	if (!alert__concerns(&d->config, e))
		return;
	watch__event(&d->watch, &d->config, e, now_ms());
	schedule(d);
}

/* --- life ------------------------------------------------------------------------------------------- */

struct destination *destination__new(struct web_loop *web, const struct config_alert *c,
				     const struct alert_origin *origin,
				     const struct destination_calls *calls)
{
	struct destination *d = calloc(1, sizeof(*d));

	if (!d || config_alert__copy(c, &d->config)) {
		free(d);
		return NULL;
	}
	d->web = web;
	d->origin = origin;
	d->calls = *calls;
	watch__init(&d->watch, on_alert, d);
	outbox__init(&d->outbox, now_ms());
	outbox__limit(&d->outbox, c, now_ms());
	uv_timer_init(web->loop, &d->timer);
	d->timer.data = d;
	return d;
}

int destination__configure(struct destination *d, const struct config_alert *c)
{
	struct config_alert copy;
	int rc = config_alert__copy(c, &copy);

	if (rc)
		return rc;
	/* Another place is tried at once. */
	if (!config_alert__same_target(&d->config, c))
		d->next_ms = 0;
	config_alert__clear(&d->config);
	d->config = copy;
	watch__configure(&d->watch, c);
	outbox__limit(&d->outbox, c, now_ms());
	schedule(d);
	return 0;
}

/* What it did not get: each of the first ones, and how many there are beside them. */
static void tell_undelivered(struct destination *d, const char *why)
{
	uint64_t more = d->outbox.n > NAMED_AT_END ? d->outbox.n - NAMED_AT_END : 0;
	size_t n = 0;
	char text[JOURNAL_DETAIL_LEN / 2];

	for (; outbox__first(&d->outbox) && n < NAMED_AT_END; n++) {
		news(d, "undelivered", "%s: %s", why,
		     alert__text(&outbox__first(&d->outbox)->alert, text, sizeof(text)));
		outbox__drop_first(&d->outbox);
	}
	more += d->outbox.n_held;
	if (more)
		news(d, "undelivered", "%s: %llu more", why, (unsigned long long)more);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void destination__close(struct destination *d, const char *why)
{
	delivery__abandon(d->delivery);
	tell_undelivered(d, why);
	watch__clear(&d->watch);
	outbox__clear(&d->outbox);
	config_alert__clear(&d->config);
	uv_close((uv_handle_t *)&d->timer, on_closed);
}

void destination__status(const struct destination *d, struct destination_status *out)
{
	*out = (struct destination_status){
		.name = d->config.name,
		.exec = d->config.command.n > 0,
		.queued = d->outbox.n,
		.held = d->outbox.n_held,
		.firing = watch__firing(&d->watch),
		.sent = d->sent,
		.failed = d->failed,
		.dropped = d->dropped,
		.held_total = d->outbox.held_total,
		.passed = d->watch.passed,
		.fails_since_ns = d->fails_since_ns,
		.sent_at_ns = d->sent_at_ns,
		.error = d->error,
	};
}

const struct config_alert *destination__config(const struct destination *d)
{
	return &d->config;
}
