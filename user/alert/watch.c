/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/watch.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct trouble {
	TAILQ_ENTRY(trouble) entry;
	struct journal_event event; /* the last one about it: of the state that it is in */
	enum config_severity severity;
	bool bad; /* it is not well now */
	bool told; /* it fires */
	uint64_t due_ms; /* when something is to be told; WATCH_NEVER */
	uint64_t changes; /* since it began */
};

static int compare(const void *x, const void *y)
{
	const struct journal_event *a = &((const struct trouble *)x)->event;
	const struct journal_event *b = &((const struct trouble *)y)->event;
	int c = (int)alert__kind(a) - (int)alert__kind(b);

	c = c ? c : strcmp(a->service, b->service);
	c = c ? c : strcmp(a->backend, b->backend);
	return c ? c : strcmp(a->subject, b->subject);
}

void watch__init(struct watch *w, watch_cb *tell, void *ctx)
{
	*w = (struct watch){.due_ms = WATCH_NEVER, .tell = tell, .ctx = ctx};
	TAILQ_INIT(&w->list);
}

static void forget(struct watch *w, struct trouble *t)
{
	tdelete(t, &w->tree, compare);
	TAILQ_REMOVE(&w->list, t, entry);
	w->n--;
	free(t);
}

void watch__clear(struct watch *w)
{
	struct trouble *t;

	while ((t = TAILQ_FIRST(&w->list)))
		forget(w, t);
}

void watch__configure(struct watch *w, const struct config_alert *c)
{
	struct trouble *t = TAILQ_FIRST(&w->list), *next;

	for (; t; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (!alert__concerns(c, &t->event))
			forget(w, t);
	}
}

static void tell(const struct watch *w, enum alert_status status, enum config_severity severity,
		 const struct journal_event *e, uint64_t count)
{
	const struct alert a = {
		.status = status, .severity = severity, .event = *e, .count = count};

	w->tell(w->ctx, &a);
}

static void set_due(struct watch *w, struct trouble *t, uint64_t at_ms)
{
	t->due_ms = at_ms;
	if (at_ms < w->due_ms)
		w->due_ms = at_ms;
}

static struct trouble *begin(struct watch *w, const struct journal_event *e)
{
	struct trouble *t = w->n < WATCH_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->event = *e;
	t->due_ms = WATCH_NEVER;
	if (!tsearch(t, &w->tree, compare)) {
		free(t);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&w->list, t, entry);
	w->n++;
	return t;
}

static struct trouble *find(struct watch *w, const struct journal_event *e)
{
	struct trouble key;
	void *found;

	key.event = *e;
	found = tfind(&key, &w->tree, compare);
	return found ? *(struct trouble **)found : NULL;
}

static void take_turn(struct watch *w, struct trouble *t)
{
	if (t->bad) {
		t->told = true;
		t->changes = 1;
		t->due_ms = WATCH_NEVER;
		tell(w, ALERT_FIRING, t->severity, &t->event, 1);
	} else {
		tell(w, ALERT_RESOLVED, t->severity, &t->event, t->changes / 2);
		forget(w, t);
	}
}

/* Not by watch__turn(): thousands may come in a moment, and that looks at all. */
static void take_turn_in(struct watch *w, struct trouble *t, uint64_t now_ms, uint32_t wait_ms)
{
	if (!wait_ms)
		take_turn(w, t);
	else
		set_due(w, t, now_ms + wait_ms);
}

static void worsen(struct watch *w, struct trouble *t, const struct config_alert *c,
		   const struct journal_event *e, enum config_severity severity, uint64_t now_ms)
{
	t->severity = severity;
	t->event = *e;
	if (t->bad)
		return;
	t->bad = true;
	t->changes++;
	if (t->told)
		t->due_ms = WATCH_NEVER;
	else
		take_turn_in(w, t, now_ms, c->for_ms);
}

static void improve(struct watch *w, struct trouble *t, const struct config_alert *c,
		    const struct journal_event *e, uint64_t now_ms)
{
	t->event = *e;
	if (!t->bad)
		return;
	t->bad = false;
	t->changes++;
	if (t->told) {
		take_turn_in(w, t, now_ms, c->quiet_ms);
		return;
	}
	w->passed++;
	forget(w, t);
}

void watch__event(struct watch *w, const struct config_alert *c, const struct journal_event *e,
		  uint64_t now_ms)
{
	struct alert_meaning m = alert__meaning(e);
	struct trouble *t = m.role == ALERT_NEWS ? NULL : find(w, e);

	if (m.role == ALERT_TROUBLE && m.severity >= c->severity) {
		t = t ? t : begin(w, e);
		if (t)
			worsen(w, t, c, e, m.severity, now_ms);
		else
			tell(w, ALERT_FIRING, m.severity, e, 1);
	} else if (t) {
		improve(w, t, c, e, now_ms);
	} else if (m.severity >= c->severity && e->kind != JOURNAL_STATE) {
		tell(w, ALERT_EVENT, m.severity, e, 1);
	}
}

void watch__turn(struct watch *w, uint64_t now_ms)
{
	struct trouble *t = TAILQ_FIRST(&w->list), *next;

	if (now_ms < w->due_ms)
		return;
	w->due_ms = WATCH_NEVER;
	for (; t; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (t->due_ms <= now_ms)
			take_turn(w, t);
		else if (t->due_ms < w->due_ms)
			w->due_ms = t->due_ms;
	}
}

size_t watch__firing(const struct watch *w)
{
	const struct trouble *t;
	size_t n = 0;

	TAILQ_FOREACH (t, &w->list, entry)
		n += t->told;
	return n;
}
