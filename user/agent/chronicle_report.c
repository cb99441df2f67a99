/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chronicle_report.c - availability of services and backends, for the API. Read and summed up on the
 * journal's thread; journal/report.h says what counts.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle_internal.h"
#include "agent/chronicle_states.h"
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

	struct states states;
	char *answer; /* JSON */
	int rc;
	struct err err;
};

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

	states__sort(&q->states);
	for (size_t i = 0; i < q->states.n_subjects; i++) {
		const struct states_subject *s = q->states.subjects[i];
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
	struct report_sum *sums = calloc(q->states.n_subjects * WINDOWS + 1, sizeof(*sums));
	struct report_window w[WINDOWS];
	int rc = -ENOMEM;

	for (size_t i = 0; i < WINDOWS; i++)
		w[i] = (struct report_window){
			.from_ms = i ? now_ms - windows[i].days * DAY_MS : q->since_ms,
			.to_ms = now_ms,
		};
	if (sums)
		rc = report__sum(q->states.runs, q->states.n_runs, q->states.changes,
				 q->states.n_changes, q->states.n_subjects, w, WINDOWS, sums);
	if (rc)
		err__set(&q->err, rc, "summing up the journal: %s", strerror(-rc));
	else
		rc = chronicle_ask__text(json_pack("{s:o, s:o, s:f, s:o}", "from",
						   names__time((uint64_t)q->since_ms * 1000000),
						   "to", names__time((uint64_t)now_ms * 1000000),
						   "target_percent", q->target * 100, "services",
						   services_json(q, sums, w)),
					 &q->answer, &q->err);
	free(sums);
	return rc;
}

static void read_report(struct journal_job *job, struct store *s, const char *why)
{
	struct inquiry *q = (struct inquiry *)job;
	int64_t now_ms;

	q->rc = states__read(&q->states, s, why, q->service, &now_ms, &q->err);
	if (q->rc)
		return;
	if (!q->since_ms || q->since_ms > now_ms)
		q->since_ms = now_ms - DEFAULT_DAYS * DAY_MS;
	q->rc = sum_up(q, now_ms);
}

static void report_done(struct journal_job *job)
{
	struct inquiry *q = (struct inquiry *)job;

	chronicle_ask__answer(&q->request, 1, q->answer, q->rc ? q->err.text : NULL);
	states__free(&q->states);
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
