/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chronicle_report.c - availability of services and backends, for the API. Read and summed up on the
 * journal's thread; journal/report.h says what counts.
 */
#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/chronicle_internal.h"
#include "agent/names.h"
#include "journal/report.h"

#define DAY_MS INT64_C(86400000)
#define DEFAULT_DAYS 30
#define WINDOWS 5

/* From when on; the first one is what was asked for. */
static const struct {
	const char *name;
	int days;
} windows[WINDOWS] = {{"since", 0}, {"day", 1}, {"week", 7}, {"month", 30}, {"year", 365}};

struct subject {
	char service[JOURNAL_NAME_LEN], backend[JOURNAL_NAME_LEN]; /* first: the tree's key */
	size_t index;
};

/* A VIP as it is now, for the service of that name. */
struct vip {
	char service[FL_NAME_LEN], text[ADDR_PREFIX_STRLEN + 24];
};

struct inquiry {
	struct journal_job job; /* first */
	struct api_request *request;
	int64_t since_ms;
	double target;
	char service[FL_NAME_LEN]; /* "": all */
	struct vip *vips; /* sorted by service */
	size_t n_vips;

	struct store_run *runs;
	size_t n_runs, room_runs;
	struct report_change *changes;
	size_t n_changes, room_changes;
	void *tree; /* tsearch(3) of struct subject */
	struct subject **subjects; /* by index */
	size_t n_subjects, room_subjects;
	bool no_memory;
	json_t *answer;
	int rc;
	struct err err;
};

/* --- what the journal says ------------------------------------------------------------------------------ */

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
	struct inquiry *q = ctx;

	if (!grow((void **)&q->runs, q->n_runs, &q->room_runs, sizeof(*q->runs))) {
		q->no_memory = true;
		return;
	}
	q->runs[q->n_runs++] = *r;
}

static int compare_subjects(const void *a, const void *b)
{
	const struct subject *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	return order ? order : strcmp(x->backend, y->backend);
}

static struct subject *add_subject(struct inquiry *q, const struct subject *key)
{
	struct subject *s = malloc(sizeof(*s));

	if (!s ||
	    !grow((void **)&q->subjects, q->n_subjects, &q->room_subjects, sizeof(*q->subjects))) {
		free(s);
		return NULL;
	}
	*s = *key;
	s->index = q->n_subjects;
	if (!tsearch(s, &q->tree, compare_subjects)) {
		free(s);
		return NULL;
	}
	q->subjects[q->n_subjects++] = s;
	return s;
}

static struct subject *find_subject(struct inquiry *q, const char *service, const char *backend)
{
	struct subject key = {.index = 0};
	struct subject **found;

	journal__copy(key.service, sizeof(key.service), service);
	journal__copy(key.backend, sizeof(key.backend), backend);
	found = tfind(&key, &q->tree, compare_subjects);
	return found ? *found : add_subject(q, &key);
}

/* Its place among the runs; n_runs: it is not there. */
static size_t find_run(const struct inquiry *q, int64_t id)
{
	size_t low = 0, high = q->n_runs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (q->runs[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < q->n_runs && q->runs[low].id == id ? low : q->n_runs;
}

static void on_change(void *ctx, const struct store_change *c)
{
	struct inquiry *q = ctx;
	struct report_change change = {.run = find_run(q, c->run), .mono_ms = c->mono_ms};
	const struct subject *s;

	if (q->no_memory || change.run == q->n_runs)
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
	if (c->mono_ms > q->runs[change.run].last_mono_ms) {
		q->runs[change.run].last_at_ms += c->mono_ms - q->runs[change.run].last_mono_ms;
		q->runs[change.run].last_mono_ms = c->mono_ms;
	}
	if (!grow((void **)&q->changes, q->n_changes, &q->room_changes, sizeof(*q->changes))) {
		q->no_memory = true;
		return;
	}
	q->changes[q->n_changes++] = change;
}

/* --- the answer ---------------------------------------------------------------------------------------- */

static json_t *seconds(int64_t ms)
{
	return json_real((double)ms / 1e3);
}

static json_t *sum_json(const struct inquiry *q, const struct report_sum *s,
			const struct report_window *w, const char *name)
{
	double availability = report__availability(s), nines = report__nines(s);
	int64_t budget = report__budget_ms(w, q->target);
	json_t *o = json_pack("{s:s, s:o}", "window", name, "from",
			      names__time((uint64_t)w->from_ms * 1000000));

	json_object_set_new(o, "up_s", seconds(s->up_ms));
	json_object_set_new(o, "down_s", seconds(s->down_ms));
	json_object_set_new(o, "unknown_s", seconds(s->unknown_ms));
	json_object_set_new(o, "out_s", seconds(s->out_ms));
	json_object_set_new(o, "outages", json_integer(s->outages));
	json_object_set_new(o, "longest_s", seconds(s->longest_ms));
	json_object_set_new(o, "percent",
			    availability < 0 ? json_null() : json_real(availability * 100));
	json_object_set_new(o, "nines", nines < 0 || isinf(nines) ? json_null() : json_real(nines));
	json_object_set_new(o, "budget_s", seconds(budget));
	json_object_set_new(o, "left_s", seconds(budget - s->down_ms));
	return o;
}

static int compare_vips(const void *a, const void *b)
{
	return strcmp(((const struct vip *)a)->service, ((const struct vip *)b)->service);
}

static json_t *vip_json(const struct inquiry *q, const char *service)
{
	struct vip key = {.text = ""};
	size_t len = strlen(service);
	const struct vip *found;

	if (len >= sizeof(key.service))
		return json_null(); /* no service has such a name now */
	memcpy(key.service, service, len + 1);
	found = q->n_vips ? bsearch(&key, q->vips, q->n_vips, sizeof(key), compare_vips) : NULL;
	return found ? json_string(found->text) : json_null();
}

static int by_name(const void *a, const void *b)
{
	return compare_subjects(*(struct subject *const *)a, *(struct subject *const *)b);
}

/* Nothing of it is in any window. */
static bool is_past(const struct report_sum *s)
{
	for (size_t i = 0; i < WINDOWS; i++)
		if (s[i].up_ms || s[i].down_ms || s[i].unknown_ms || s[i].out_ms)
			return false;
	return true;
}

static json_t *services_json(struct inquiry *q, const struct report_sum *sums,
			     const struct report_window *w)
{
	json_t *services = json_array(), *windows_of, *backends = NULL;

	/* Sorted, a service comes before its backends: its own name for a backend is "". */
	qsort(q->subjects, q->n_subjects, sizeof(*q->subjects), by_name);
	for (size_t i = 0; i < q->n_subjects; i++) {
		const struct subject *s = q->subjects[i];
		const struct report_sum *sum = &sums[s->index * WINDOWS];

		if (!s->backend[0])
			backends = NULL;
		if (is_past(sum))
			continue;
		if (!s->backend[0]) {
			windows_of = json_array();
			for (size_t k = 0; k < WINDOWS; k++)
				json_array_append_new(windows_of,
						      sum_json(q, &sum[k], &w[k], windows[k].name));
			backends = json_array();
			json_array_append_new(services,
					      json_pack("{s:s, s:o, s:o, s:o}", "name", s->service,
							"vip", vip_json(q, s->service), "windows",
							windows_of, "backends", backends));
		} else if (backends) {
			json_t *o = sum_json(q, sum, w, windows[0].name);

			json_object_set_new(o, "id", json_string(s->backend));
			json_array_append_new(backends, o);
		}
	}
	return services;
}

static int sum_up(struct inquiry *q, int64_t now_ms)
{
	struct report_run *runs = calloc(q->n_runs + 1, sizeof(*runs));
	struct report_sum *sums = calloc(q->n_subjects * WINDOWS + 1, sizeof(*sums));
	struct report_window w[WINDOWS];
	int rc = -ENOMEM;

	for (size_t i = 0; i < WINDOWS; i++)
		w[i] = (struct report_window){
			.from_ms = i ? now_ms - windows[i].days * DAY_MS : q->since_ms,
			.to_ms = now_ms,
		};
	for (size_t i = 0; runs && i < q->n_runs; i++)
		runs[i] = (struct report_run){
			.start_mono_ms = q->runs[i].start_mono_ms,
			.last_mono_ms = q->runs[i].last_mono_ms,
			.last_at_ms = q->runs[i].last_at_ms,
		};
	if (runs && sums)
		rc = report__sum(runs, q->n_runs, q->changes, q->n_changes, q->n_subjects, w,
				 WINDOWS, sums);
	if (!rc)
		q->answer = json_pack("{s:o, s:o, s:f, s:o}", "from",
				      names__time((uint64_t)q->since_ms * 1000000), "to",
				      names__time((uint64_t)now_ms * 1000000), "target_percent",
				      q->target * 100, "services", services_json(q, sums, w));
	free(runs);
	free(sums);
	return rc ? err__set(&q->err, rc, "summing up the journal: %s", strerror(-rc)) : 0;
}

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void read_report(struct journal_job *job, struct store *s, const char *why)
{
	struct inquiry *q = (struct inquiry *)job;
	struct store_time now = {clock_ms(CLOCK_REALTIME), clock_ms(CLOCK_BOOTTIME)};

	if (!s) {
		q->rc = err__set(&q->err, -EIO, "%s", why);
		return;
	}
	if (!q->since_ms || q->since_ms > now.at_ms)
		q->since_ms = now.at_ms - DEFAULT_DAYS * DAY_MS;
	q->rc = store__states(s, on_run, on_change, q, &q->err);
	if (!q->rc && q->no_memory)
		q->rc = err__set(&q->err, -ENOMEM, "out of memory");
	/* This run goes on. */
	if (q->n_runs) {
		q->runs[q->n_runs - 1].last_at_ms = now.at_ms;
		q->runs[q->n_runs - 1].last_mono_ms = now.mono_ms;
	}
	if (!q->rc)
		q->rc = sum_up(q, now.at_ms);
}

static void report_done(struct journal_job *job)
{
	struct inquiry *q = (struct inquiry *)job;

	if (q->answer)
		api_request__reply(q->request, 200, q->answer);
	else
		api_request__reply(
			q->request, 503,
			json_pack("{s:s}", "error", q->rc ? q->err.text : "the agent is stopping"));
	while (q->tree) {
		struct subject *s = *(struct subject **)q->tree;

		tdelete(s, &q->tree, compare_subjects);
		free(s);
	}
	free(q->subjects);
	free(q->changes);
	free(q->runs);
	free(q->vips);
	free(q);
}

static void list_vips(struct inquiry *q, const struct config *c)
{
	q->vips = calloc(c->n_services + 1, sizeof(*q->vips));
	for (size_t i = 0; q->vips && i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		char vip[ADDR_PREFIX_STRLEN], protocol[NAMES_LEN], ports[16] = "any";
		struct vip *v = &q->vips[q->n_vips++];

		if (s->port && s->port != s->port_last)
			snprintf(ports, sizeof(ports), "%u-%u", s->port, s->port_last);
		else if (s->port)
			snprintf(ports, sizeof(ports), "%u", s->port);
		snprintf(v->service, sizeof(v->service), "%s", s->name);
		snprintf(v->text, sizeof(v->text), "%s port %s/%s",
			 addr_prefix__format(&s->vip, vip), ports,
			 names__protocol(s->proto, protocol));
	}
	if (q->vips)
		qsort(q->vips, q->n_vips, sizeof(*q->vips), compare_vips);
}

void chronicle__report(struct agent *a, const struct api_report *what, struct api_request *request)
{
	struct inquiry *q;

	if (!a->chronicle) {
		chronicle_ask__none(request);
		return;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		api_request__reply(request, 500, NULL);
		return;
	}
	q->request = request;
	q->since_ms = what->since_ms;
	q->target = what->target_ppm / 1e6;
	snprintf(q->service, sizeof(q->service), "%s", what->service);
	list_vips(q, a->config);
	q->job.work = read_report;
	q->job.done = report_done;
	journal__submit(a->chronicle->journal, &q->job);
}
