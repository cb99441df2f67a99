/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A subject on its way through the changes. */
struct track {
	enum report_state state;
	size_t run; /* of the change that brought it about */
	int64_t since_ms; /* wall's clock */
	int64_t down_ms; /* when it went down, if it is */
	bool seen;
};

struct work {
	const struct report_run *runs;
	size_t n_runs;
	int64_t *end_ms; /* of each run, by the wall's clock */
	struct track *tracks;
	const struct report_window *windows;
	size_t n_windows;
	struct report_sum *sums;
};

/* Where a moment of a run is by the wall's clock as it was last. */
static int64_t place(const struct work *w, size_t run, int64_t mono_ms)
{
	const struct report_run *r = &w->runs[run];
	int64_t at = r->last_at_ms - (r->last_mono_ms - mono_ms);

	return at < w->end_ms[run] ? at : w->end_ms[run];
}

static int64_t overlap(const struct report_window *w, int64_t from, int64_t to)
{
	from = from > w->from_ms ? from : w->from_ms;
	to = to < w->to_ms ? to : w->to_ms;
	return to > from ? to - from : 0;
}

static void add(struct work *w, size_t subject, enum report_state state, int64_t from, int64_t to)
{
	for (size_t i = 0; i < w->n_windows; i++) {
		struct report_sum *s = &w->sums[subject * w->n_windows + i];
		int64_t ms = overlap(&w->windows[i], from, to);

		if (state == REPORT_UP)
			s->up_ms += ms;
		else if (state == REPORT_DOWN)
			s->down_ms += ms;
		else if (state == REPORT_OUT)
			s->out_ms += ms;
		else if (state == REPORT_UNKNOWN)
			s->unknown_ms += ms;
	}
}

/* A time of being down has ended, or the account has. */
static void add_outage(struct work *w, size_t subject, int64_t from, int64_t to)
{
	for (size_t i = 0; i < w->n_windows; i++) {
		struct report_sum *s = &w->sums[subject * w->n_windows + i];
		int64_t ms = overlap(&w->windows[i], from, to);

		s->outages += ms > 0;
		if (ms > s->longest_ms)
			s->longest_ms = ms;
	}
}

static void leave(struct work *w, size_t subject, int64_t to)
{
	struct track *t = &w->tracks[subject];

	/* A run that was cut short by the next one has moments that never were. */
	if (to > t->since_ms)
		add(w, subject, t->state, t->since_ms, to);
	else
		to = t->since_ms;
	t->since_ms = to;
}

static void enter(struct work *w, size_t subject, enum report_state state)
{
	struct track *t = &w->tracks[subject];

	if (t->state == REPORT_DOWN && state != REPORT_DOWN)
		add_outage(w, subject, t->down_ms, t->since_ms);
	if (state == REPORT_DOWN && (t->state != REPORT_DOWN || !t->seen))
		t->down_ms = t->since_ms;
	t->state = state;
	t->seen = true;
}

static void change(struct work *w, size_t subject, const struct report_change *c)
{
	struct track *t = &w->tracks[subject];
	int64_t at = place(w, c->run, c->mono_ms);

	if (!t->seen) {
		t->since_ms = at;
	} else {
		/* Its run has ended, and nobody watched until it was seen again. */
		if (t->run != c->run) {
			leave(w, subject, w->end_ms[t->run]);
			if (t->state != REPORT_GONE)
				enter(w, subject, REPORT_UNKNOWN);
		}
		leave(w, subject, at);
	}
	enter(w, subject, c->state);
	t->run = c->run;
}

/* Nothing is known of all that there was in the run. */
static void forget(struct work *w, size_t n_subjects, const struct report_change *c)
{
	for (size_t i = 0; i < n_subjects; i++) {
		const struct track *t = &w->tracks[i];

		if (t->seen && t->run == c->run && t->state != REPORT_GONE)
			change(w, i, c);
	}
}

static void finish(struct work *w, size_t n_subjects)
{
	for (size_t i = 0; i < n_subjects; i++) {
		const struct track *t = &w->tracks[i];

		if (!t->seen)
			continue;
		leave(w, i, w->end_ms[t->run]);
		enter(w, i, REPORT_GONE);
	}
}

/* The ends of runs; each ends where the next one begins at the latest. */
static void find_ends(struct work *w)
{
	int64_t next = INT64_MAX;

	for (size_t i = w->n_runs; i-- > 0;) {
		const struct report_run *r = &w->runs[i];
		int64_t start = r->last_at_ms - (r->last_mono_ms - r->start_mono_ms);

		w->end_ms[i] = r->last_at_ms < next ? r->last_at_ms : next;
		next = start < next ? start : next;
	}
}

int report__sum(const struct report_run *runs, size_t n_runs, const struct report_change *changes,
		size_t n_changes, size_t n_subjects, const struct report_window *windows,
		size_t n_windows, struct report_sum *sums)
{
	struct work w = {.runs = runs,
			 .n_runs = n_runs,
			 .windows = windows,
			 .n_windows = n_windows,
			 .sums = sums};
	int rc = -ENOMEM;

	memset(sums, 0, n_subjects * n_windows * sizeof(*sums));
	w.end_ms = calloc(n_runs + 1, sizeof(*w.end_ms));
	w.tracks = calloc(n_subjects + 1, sizeof(*w.tracks));
	if (!w.end_ms || !w.tracks)
		goto cleanup;
	find_ends(&w);
	rc = -EINVAL;
	for (size_t i = 0; i < n_changes; i++) {
		const struct report_change *c = &changes[i], *before = i ? c - 1 : c;

		if (c->run >= n_runs || c->run < before->run ||
		    (c->run == before->run && c->mono_ms < before->mono_ms) ||
		    (c->subject >= n_subjects && c->subject != REPORT_EVERYTHING))
			goto cleanup;
		if (c->subject == REPORT_EVERYTHING)
			forget(&w, n_subjects, c);
		else
			change(&w, c->subject, c);
	}
	finish(&w, n_subjects);
	rc = 0;
cleanup:
	free(w.end_ms);
	free(w.tracks);
	return rc;
}

double report__availability(const struct report_sum *s)
{
	int64_t known = s->up_ms + s->down_ms;

	return known ? (double)s->up_ms / (double)known : -1;
}

double report__nines(const struct report_sum *s)
{
	double a = report__availability(s);

	if (a < 0)
		return -1;
	return s->down_ms ? -log10(1 - a) : INFINITY;
}

int64_t report__budget_ms(const struct report_window *w, double target)
{
	return (int64_t)llround((double)(w->to_ms - w->from_ms) * (1 - target));
}

enum report_state report__state(const char *name)
{
	static const struct {
		const char *name;
		enum report_state state;
	} states[] = {
		{"up", REPORT_UP},	  {"starting", REPORT_UP},  {"serving", REPORT_UP},
		{"down", REPORT_DOWN},	  {"suspect", REPORT_DOWN}, {"not serving", REPORT_DOWN},
		{"draining", REPORT_OUT}, {"disabled", REPORT_OUT}, {"removed", REPORT_GONE},
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (strcmp(states[i].name, name) == 0)
			return states[i].state;
	return REPORT_UNKNOWN;
}
