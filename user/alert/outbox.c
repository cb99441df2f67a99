/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN 1000
#define MINUTE_MS 60000

/* --- tokens ----------------------------------------------------------------------------------------- */

static void fill(struct outbox *o, uint64_t now_ms)
{
	uint64_t most = (uint64_t)o->burst * TOKEN, passed = now_ms - o->filled_ms;
	uint64_t more;

	more = passed > MINUTE_MS * 1000ULL ? most : passed * o->rate * TOKEN / MINUTE_MS;
	if (o->tokens_milli + more >= most) {
		o->tokens_milli = most;
		o->filled_ms = now_ms;
	} else if (more) {
		/* The time of whole thousandths only: what is left of it counts at the next look. */
		o->tokens_milli += more;
		o->filled_ms += more * MINUTE_MS / ((uint64_t)o->rate * TOKEN);
	}
}

static bool take(struct outbox *o, uint64_t now_ms)
{
	fill(o, now_ms);
	if (o->tokens_milli < TOKEN || o->n >= OUTBOX_MAX)
		return false;
	o->tokens_milli -= TOKEN;
	return true;
}

/* --- what is held back ------------------------------------------------------------------------------ */

static void hold(struct outbox *o, const struct alert *a)
{
	enum config_severity worst = o->held.severity;

	if (!o->n_held) {
		o->held = *a;
		worst = a->severity;
		memset(o->held_kinds, 0, sizeof(o->held_kinds));
	}
	o->held.severity = a->severity > worst ? a->severity : worst;
	o->n_held++;
	o->held_total++;
	o->held_kinds[alert__kind(&a->event)]++;
}

/* "12 more since 10:00:03 UTC: 9 backend, 3 service" */
static void write_sum(const struct outbox *o, char *buf, size_t size)
{
	time_t s = (time_t)(o->held.event.at_ms / 1000);
	const char *comma = ": ";
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = (size_t)snprintf(buf, size, "%llu more since %02d:%02d:%02d UTC",
			     (unsigned long long)o->n_held, tm.tm_hour, tm.tm_min, tm.tm_sec);
	for (unsigned int k = 0; k < JOURNAL_KINDS && n < size; k++) {
		if (!o->held_kinds[k])
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%u %s", comma, o->held_kinds[k],
				      journal_kind__name(k));
		comma = ", ";
	}
}

static struct alert sum_of(const struct outbox *o)
{
	struct alert a = {
		.status = ALERT_SUM,
		.severity = o->held.severity,
		.count = o->n_held,
		.event = {.kind = o->held.event.kind, .at_ms = o->held.event.at_ms},
	};

	/* One alone is told as what it is. */
	if (o->n_held == 1)
		return o->held;
	write_sum(o, a.event.detail, sizeof(a.event.detail));
	return a;
}

/* --- the list --------------------------------------------------------------------------------------- */

static bool append(struct outbox *o, const struct alert *a, uint64_t now_ms)
{
	struct outbox_item *item = malloc(sizeof(*item));

	if (!item)
		return false;
	*item = (struct outbox_item){.alert = *a, .since_ms = now_ms};
	item->alert.number = ++o->numbers;
	TAILQ_INSERT_TAIL(&o->list, item, entry);
	o->n++;
	return true;
}

void outbox__init(struct outbox *o, uint64_t now_ms)
{
	memset(o, 0, sizeof(*o));
	TAILQ_INIT(&o->list);
	o->filled_ms = now_ms;
}

void outbox__limit(struct outbox *o, const struct config_alert *c, uint64_t now_ms)
{
	bool first = !o->burst;

	fill(o, now_ms);
	o->rate = c->rate;
	o->burst = c->burst;
	o->max_age_ms = c->max_age_ms;
	if (first || o->tokens_milli > (uint64_t)o->burst * TOKEN)
		o->tokens_milli = (uint64_t)o->burst * TOKEN;
}

void outbox__turn(struct outbox *o, uint64_t now_ms)
{
	struct alert a;

	if (!o->n_held || !take(o, now_ms))
		return;
	a = sum_of(o);
	if (append(o, &a, now_ms))
		o->n_held = 0;
}

void outbox__put(struct outbox *o, const struct alert *a, uint64_t now_ms)
{
	/* What was held back came before it. */
	outbox__turn(o, now_ms);
	if (o->n_held || !take(o, now_ms) || !append(o, a, now_ms))
		hold(o, a);
}

uint64_t outbox__due(const struct outbox *o, uint64_t now_ms)
{
	uint64_t wait;

	if (!o->n_held || o->n >= OUTBOX_MAX)
		return OUTBOX_NEVER;
	if (o->tokens_milli >= TOKEN)
		return now_ms;
	wait = ((TOKEN - o->tokens_milli) * MINUTE_MS + (uint64_t)o->rate * TOKEN - 1) /
	       ((uint64_t)o->rate * TOKEN);
	return o->filled_ms + wait;
}

struct outbox_item *outbox__first(const struct outbox *o)
{
	return TAILQ_FIRST(&o->list);
}

bool outbox__expired(const struct outbox *o, const struct outbox_item *item, uint64_t now_ms)
{
	return now_ms - item->since_ms > o->max_age_ms;
}

void outbox__drop_first(struct outbox *o)
{
	struct outbox_item *item = TAILQ_FIRST(&o->list);

	TAILQ_REMOVE(&o->list, item, entry);
	o->n--;
	free(item);
}

void outbox__clear(struct outbox *o)
{
	while (o->n)
		outbox__drop_first(o);
	o->n_held = 0;
}
