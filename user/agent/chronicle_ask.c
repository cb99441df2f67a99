/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chronicle_ask.c - what the API asks of the journal. A question goes to the journal's thread with
 * copies of what it needs, its answer is made there, and is given on the loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle_internal.h"
#include "agent/names.h"

/* Who follows events holds a connection of the API: no more of them than that at once. */
#define MOST_PARKED 16

struct question {
	struct journal_job job; /* first */
	TAILQ_ENTRY(question) entry; /* in parked */
	struct chronicle *chronicle;
	struct api_request *request;
	struct store_filter filter;
	char service[FL_NAME_LEN], backend[FL_ID_LEN];
	bool stream; /* bounded elsewhere */
	bool more; /* there are events that did not fit */
	uint64_t until_ns; /* uv_hrtime(): answered by then, with events or without */
	json_t *list;
	int64_t last; /* number of the last event that there is */
	int rc;
	struct err err;
};

static struct question *new_question(struct chronicle *c, struct api_request *request)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->chronicle = c;
	q->request = request;
	return q;
}

static void free_question(struct question *q)
{
	json_decref(q->list);
	free(q);
}

static void answer_error(struct api_request *request, const char *text)
{
	api_request__reply(request, 503, json_pack("{s:s}", "error", text));
}

void chronicle_ask__none(struct api_request *request)
{
	answer_error(request,
		     "there is no journal: `journal.enabled` is false in the agent's file");
}

int chronicle_ask__text(json_t *object, char **text, struct err *err)
{
	*text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return *text ? 0 : err__set(err, -ENOMEM, "out of memory");
}

void chronicle_ask__answer(struct api_request *const *requests, size_t n, char *text,
			   const char *why)
{
	if (text) {
		api_request__reply_text(requests, n, text, strlen(text), "application/json");
		return;
	}
	for (size_t i = 0; i < n; i++)
		answer_error(requests[i], why ? why : "the agent is stopping");
}

/* --- events ------------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static void add_row(void *ctx, const struct store_row *row)
{
	const char *kind = journal_kind__name(row->kind);
	json_t *o = json_object();

	json_object_set_new(o, "id", json_integer(row->id));
	json_object_set_new(o, "time", names__time((uint64_t)row->at_ms * 1000000));
	json_object_set_new(o, "kind", json_string(kind ? kind : "?"));
	json_object_set_new(o, "service", text_or_null(row->service));
	json_object_set_new(o, "backend", text_or_null(row->backend));
	json_object_set_new(o, "subject", text_or_null(row->subject));
	json_object_set_new(o, "from", text_or_null(row->from));
	json_object_set_new(o, "to", text_or_null(row->to));
	json_object_set_new(o, "detail", text_or_null(row->detail));
	json_object_set_new(o, "actor", text_or_null(row->actor));
	json_array_append_new(ctx, o);
}

static void read_events(struct journal_job *job, struct store *s, const char *why)
{
	struct question *q = (struct question *)job;

	struct store_filter filter = q->filter;

	json_decref(q->list);
	q->list = json_array();
	/* One that is too much shows that there are more: the oldest of the last ones, the newest of the next ones. */
	filter.n++;
	if (!s)
		q->rc = err__set(&q->err, -EIO, "%s", why);
	else
		q->rc = store__events(s, &filter, add_row, q->list, &q->last, &q->err);
	q->more = json_array_size(q->list) > q->filter.n;
	if (q->more)
		json_array_remove(q->list, filter.has_since ? q->filter.n : 0);
}

static void answer_events(struct question *q)
{
	size_t n = json_array_size(q->list);
	json_int_t next = q->last;

	/* Those that did not fit come with the next question. */
	if (q->more && q->filter.has_since)
		next = json_integer_value(json_object_get(json_array_get(q->list, n - 1), "id"));
	if (q->rc)
		answer_error(q->request, q->err.text);
	else
		api_request__reply(q->request, 200,
				   json_pack("{s:O, s:I, s:b}", "events", q->list, "next", next,
					     "more", q->more));
	free_question(q);
}

static void events_done(struct journal_job *job)
{
	struct question *q = (struct question *)job;
	struct chronicle *c = q->chronicle;

	if (q->rc || c->stopping || json_array_size(q->list) || uv_hrtime() >= q->until_ns ||
	    (!q->stream && c->n_parked >= MOST_PARKED)) {
		answer_events(q);
		return;
	}
	TAILQ_INSERT_TAIL(&c->parked, q, entry);
	c->n_parked += !q->stream;
}

static void unpark(struct chronicle *c, struct question *q)
{
	TAILQ_REMOVE(&c->parked, q, entry);
	c->n_parked -= !q->stream;
}

/* The bits of a list of names; 0: one of them is no kind, which was answered. */
static uint32_t read_kinds(const char *list, struct api_request *request)
{
	uint32_t kinds = 0;

	for (; *list; list += *list == ',') {
		size_t len = strcspn(list, ",");
		int kind = journal_kind__parse(list, len);

		if (kind < 0) {
			api_request__reply(request, 400,
					   json_pack("{s:s+#+}", "error",
						     "there is no kind of event '", list, (int)len,
						     "'"));
			return 0;
		}
		kinds |= 1u << kind;
		list += len;
	}
	return kinds ? kinds : JOURNAL_CHANGES;
}

void chronicle__events(struct agent *a, const struct api_events *what, struct api_request *request)
{
	struct chronicle *c = a->chronicle;
	struct question *q;
	uint32_t kinds;

	if (!c) {
		chronicle_ask__none(request);
		return;
	}
	kinds = read_kinds(what->kinds, request);
	if (!kinds)
		return;
	q = new_question(c, request);
	if (!q) {
		api_request__reply(request, 500, NULL);
		return;
	}
	snprintf(q->service, sizeof(q->service), "%s", what->service);
	snprintf(q->backend, sizeof(q->backend), "%s", what->backend);
	q->filter = (struct store_filter){
		.has_since = what->has_since,
		.since = what->since,
		.after_ms = what->after_ms,
		.kinds = kinds,
		.service = q->service,
		.backend = q->backend,
		.n = what->n,
	};
	q->stream = what->stream;
	q->until_ns = uv_hrtime() + what->wait_ms * UINT64_C(1000000);
	q->job.work = read_events;
	q->job.done = events_done;
	journal__submit(c->journal, &q->job);
}

void chronicle_ask__written(struct chronicle *c)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&c->parked))) {
		unpark(c, q);
		/* From where it has looked already. */
		q->filter.since = q->last > q->filter.since ? q->last : q->filter.since;
		journal__submit(c->journal, &q->job);
	}
}

void chronicle_ask__tick(struct chronicle *c)
{
	struct question *q, *next;

	for (q = TAILQ_FIRST(&c->parked); q; q = next) {
		next = TAILQ_NEXT(q, entry);
		if (uv_hrtime() < q->until_ns)
			continue;
		unpark(c, q);
		answer_events(q);
	}
}

void chronicle_ask__stop(struct chronicle *c)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&c->parked))) {
		unpark(c, q);
		answer_events(q);
	}
}
