/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chronicle_timeline.c - how services and backends were over the last hours, a letter for each part of
 * them. Read and made on the journal's thread; who asks meanwhile for the same gets the same answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle_internal.h"
#include "agent/chronicle_states.h"
#include "agent/names.h"

#define HOUR_MS INT64_C(3600000)
#define CELLS 48
#define MOST_WAITING 8 /* each has a connection, for as long as a disk that hangs */

struct timeline {
	struct journal_job job; /* first */
	LIST_ENTRY(timeline) entry; /* in chronicle.timelines */
	uint32_t hours;
	struct api_request *requests[MOST_WAITING];
	unsigned int n_requests;
	struct states states;
	char *answer; /* JSON */
	int rc;
	struct err err;
};

/* The worst that was is seen, or a short outage would be in none of them. */
static char letter(const struct report_sum *s)
{
	if (s->down_ms)
		return s->down_ms >= s->up_ms ? 'd' : 's';
	if (s->out_ms)
		return 'o';
	if (s->up_ms)
		return 'u';
	return s->unknown_ms ? '?' : '.';
}

/*
 * Sums of one window at a time: of all at once they would be tens of megabytes for many backends.
 * `text`: CELLS letters for each subject; `total`: sums of the whole time.
 */
static int fill(const struct timeline *t, int64_t now_ms, char *text, struct report_sum *total)
{
	const struct states *s = &t->states;
	int64_t length_ms = t->hours * HOUR_MS;

	for (size_t i = 0; i <= CELLS; i++) {
		struct report_window w = {
			.from_ms = now_ms - length_ms + length_ms * (int64_t)i / CELLS,
			.to_ms = now_ms - length_ms + length_ms * (int64_t)(i + 1) / CELLS,
		};
		int rc;

		if (i == CELLS)
			w = (struct report_window){now_ms - length_ms, now_ms};
		rc = report__sum(s->runs, s->n_runs, s->changes, s->n_changes, s->n_subjects, &w, 1,
				 total);
		if (rc)
			return rc;
		for (size_t k = 0; i < CELLS && k < s->n_subjects; k++)
			text[k * CELLS + i] = letter(&total[k]);
	}
	return 0;
}

static json_t *subject_json(const char *key, const char *name, const char *text,
			    const struct report_sum *total)
{
	double availability = report__availability(total);

	return json_pack("{s:s, s:s#, s:i, s:o}", key, name, "cells", text, (size_t)CELLS,
			 "outages", (int)total->outages, "percent",
			 availability < 0 ? json_null() : json_real(availability * 100));
}

static json_t *services_json(struct states *s, const char *text, const struct report_sum *total)
{
	json_t *services = json_array(), *backends = NULL;

	states__sort(s);
	for (size_t i = 0; i < s->n_subjects; i++) {
		const struct states_subject *subject = s->subjects[i];
		const struct report_sum *sum = &total[subject->index];
		const char *cells = text + subject->index * CELLS;
		json_t *o;

		if (!subject->backend[0]) {
			o = subject_json("name", subject->service, cells, sum);
			backends = json_array();
			json_object_set_new(o, "backends", backends);
			json_array_append_new(services, o);
		} else if (backends &&
			   (sum->up_ms || sum->down_ms || sum->unknown_ms || sum->out_ms)) {
			json_array_append_new(backends,
					      subject_json("id", subject->backend, cells, sum));
		}
	}
	return services;
}

static void read_timeline(struct journal_job *job, struct store *s, const char *why)
{
	struct timeline *t = (struct timeline *)job;
	int64_t now_ms = 0;
	struct report_sum *total;
	char *text;

	t->rc = states__read(&t->states, s, why, "", &now_ms, &t->err);
	if (t->rc)
		return;
	total = calloc(t->states.n_subjects + 1, sizeof(*total));
	text = malloc(t->states.n_subjects * CELLS + 1);
	t->rc = total && text ? fill(t, now_ms, text, total) : -ENOMEM;
	if (t->rc)
		err__set(&t->err, t->rc, "summing up the journal: %s", strerror(-t->rc));
	else
		t->rc = chronicle_ask__text(
			json_pack("{s:o, s:o, s:i, s:o}", "from",
				  names__time((uint64_t)(now_ms - t->hours * HOUR_MS) * 1000000),
				  "to", names__time((uint64_t)now_ms * 1000000), "cells", CELLS,
				  "services", services_json(&t->states, text, total)),
			&t->answer, &t->err);
	free(total);
	free(text);
}

static void timeline_done(struct journal_job *job)
{
	struct timeline *t = (struct timeline *)job;

	LIST_REMOVE(t, entry);
	chronicle_ask__answer(t->requests, t->n_requests, t->answer, t->rc ? t->err.text : NULL);
	states__free(&t->states);
	free(t);
}

static struct timeline *begin(struct chronicle *c, uint32_t hours)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->hours = hours;
	t->job.work = read_timeline;
	t->job.done = timeline_done;
	LIST_INSERT_HEAD(&c->timelines, t, entry);
	return t;
}

void chronicle__timeline(struct agent *a, uint32_t hours, struct api_request *request)
{
	struct chronicle *c = a->chronicle;
	struct timeline *t;

	if (!c) {
		chronicle_ask__none(request);
		return;
	}
	LIST_FOREACH (t, &c->timelines, entry) {
		if (t->hours == hours)
			break;
	}
	if (t && t->n_requests == MOST_WAITING) {
		api_request__reply(request, 503,
				   json_pack("{s:s}", "error",
					     "too many wait for the same timeline: ask again"));
		return;
	}
	if (t) {
		t->requests[t->n_requests++] = request;
		return;
	}
	t = begin(c, hours);
	if (!t) {
		api_request__reply(request, 500, NULL);
		return;
	}
	t->requests[t->n_requests++] = request;
	journal__submit(c->journal, &t->job);
}
