/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/chronicle_states.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reader {
	struct states *states;
	const char *service;
	int64_t *ids; /* of the runs, in the journal */
	size_t room_ids, room_runs, room_changes, room_subjects;
	bool no_memory;
};

/* Room for one more; false: there is no memory. */
static bool grow(void **list, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *larger;

	if (n < *room)
		return true;
	larger = realloc(*list, more * size);
	if (!larger)
		return false;
	*list = larger;
	*room = more;
	return true;
}

static void on_run(void *ctx, const struct store_run *r)
{
	struct reader *q = ctx;

	struct states *out = q->states;

	if (!grow((void **)&out->runs, out->n_runs, &q->room_runs, sizeof(*out->runs)) ||
	    !grow((void **)&q->ids, out->n_runs, &q->room_ids, sizeof(*q->ids))) {
		q->no_memory = true;
		return;
	}
	q->ids[out->n_runs] = r->id;
	out->runs[out->n_runs++] = (struct report_run){
		.start_mono_ms = r->start_mono_ms,
		.last_mono_ms = r->last_mono_ms,
		.last_at_ms = r->last_at_ms,
	};
}

static int compare_subjects(const void *a, const void *b)
{
	const struct states_subject *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	return order ? order : strcmp(x->backend, y->backend);
}

static struct states_subject *add_subject(struct reader *q, const struct states_subject *key)
{
	struct states_subject *s = malloc(sizeof(*s));

	if (!s || !grow((void **)&q->states->subjects, q->states->n_subjects, &q->room_subjects,
			sizeof(*q->states->subjects))) {
		free(s);
		return NULL;
	}
	*s = *key;
	s->index = q->states->n_subjects;
	if (!tsearch(s, &q->states->tree, compare_subjects)) {
		free(s);
		return NULL;
	}
	q->states->subjects[q->states->n_subjects++] = s;
	return s;
}

static struct states_subject *find_subject(struct reader *q, const char *service,
					   const char *backend)
{
	struct states_subject key = {.index = 0};
	struct states_subject **found;

	journal__copy(key.service, sizeof(key.service), service);
	journal__copy(key.backend, sizeof(key.backend), backend);
	found = tfind(&key, &q->states->tree, compare_subjects);
	return found ? *found : add_subject(q, &key);
}

/* Its place among the runs; n_runs: it is not there. */
static size_t find_run(const struct reader *q, int64_t id)
{
	size_t low = 0, high = q->states->n_runs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (q->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < q->states->n_runs && q->ids[low] == id ? low : q->states->n_runs;
}

static void on_change(void *ctx, const struct store_change *c)
{
	struct reader *q = ctx;
	struct report_change change = {.run = find_run(q, c->run), .mono_ms = c->mono_ms};
	const struct states_subject *s;

	if (q->no_memory || change.run == q->states->n_runs)
		return;
	if (c->kind == JOURNAL_GAP) {
		change.subject = REPORT_EVERYTHING;
		change.state = REPORT_UNKNOWN;
	} else {
		if (q->service[0] && strcmp(q->service, c->service) != 0)
			return;
		s = find_subject(q, c->service, c->backend);
		change.subject = s ? s->index : 0;
		change.state = report__state(c->to);
		q->no_memory |= !s;
	}
	/* A killed agent's last word may be later than its last beat. */
	if (c->mono_ms > q->states->runs[change.run].last_mono_ms) {
		q->states->runs[change.run].last_at_ms +=
			c->mono_ms - q->states->runs[change.run].last_mono_ms;
		q->states->runs[change.run].last_mono_ms = c->mono_ms;
	}
	if (!grow((void **)&q->states->changes, q->states->n_changes, &q->room_changes,
		  sizeof(*q->states->changes))) {
		q->no_memory = true;
		return;
	}
	q->states->changes[q->states->n_changes++] = change;
}

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int states__read(struct states *out, struct store *s, const char *why, const char *service,
		 int64_t *now_ms, struct err *err)
{
	const struct store_time now = {clock_ms(CLOCK_REALTIME), clock_ms(CLOCK_BOOTTIME)};
	struct reader q = {.states = out, .service = service};
	int rc;

	if (!s)
		return err__set(err, -EIO, "%s", why);
	rc = store__states(s, on_run, on_change, &q, err);
	free(q.ids);
	if (!rc && q.no_memory)
		rc = err__set(err, -ENOMEM, "out of memory");
	/* This run goes on. */
	if (out->n_runs) {
		out->runs[out->n_runs - 1].last_at_ms = now.at_ms;
		out->runs[out->n_runs - 1].last_mono_ms = now.mono_ms;
	}
	*now_ms = now.at_ms;
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return compare_subjects(*(struct states_subject *const *)a,
				*(struct states_subject *const *)b);
}

void states__sort(struct states *s)
{
	if (s->n_subjects)
		qsort(s->subjects, s->n_subjects, sizeof(*s->subjects), by_name);
}

void states__free(struct states *s)
{
	while (s->tree) {
		struct states_subject *subject = *(struct states_subject **)s->tree;

		tdelete(subject, &s->tree, compare_subjects);
		free(subject);
	}
	free(s->subjects);
	free(s->changes);
	free(s->runs);
}
