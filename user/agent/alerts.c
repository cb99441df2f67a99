/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/alerts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/metrics.h"
#include "agent/names.h"
#include "alert/destination.h"
#include "core/log.h"

struct alerts {
	struct agent *agent;
	struct web_loop web;
	char host[256], instance[CONFIG_INSTANCE_LEN];
	struct alert_origin origin;
	struct destination *list[CONFIG_MAX_ALERTS];
	size_t n;
	LIST_HEAD(, trial) trials;
};

/* --- tests ------------------------------------------------------------------------------------------ */

/* A request that waits for tests. */
struct test {
	struct api_request *request;
	json_t *results;
	unsigned int open; /* that have no result yet */
};

/* One of them. */
struct trial {
	LIST_ENTRY(trial) entry;
	struct test *test;
	struct delivery *delivery;
	uint64_t begun_ns;
	char name[CONFIG_ALERT_LEN];
};

static void add_result(struct trial *t, bool ok, const char *detail)
{
	json_t *result = json_pack("{s:s, s:b, s:s, s:f}", "name", t->name, "ok", ok, "detail",
				   detail, "ms", (double)(uv_hrtime() - t->begun_ns) / 1e6);

	json_array_append_new(t->test->results, result);
}

/* The reply, once nothing is open. */
static void release(struct test *test)
{
	if (--test->open)
		return;
	api_request__reply(test->request, 200, json_pack("{s:o}", "tests", test->results));
	free(test);
}

static void end_trial(struct trial *t)
{
	struct test *test = t->test;

	LIST_REMOVE(t, entry);
	free(t);
	release(test);
}

static void on_trial_end(void *ctx, const struct delivery_end *end)
{
	struct trial *t = ctx;

	add_result(t, end->verdict == RETRY_DONE, end->detail);
	end_trial(t);
}

static struct alert test_alert(void)
{
	struct alert a = {.status = ALERT_TEST, .severity = CONFIG_INFO, .count = 1};

	a.event.at_ms = (int64_t)(agent__realtime_ns() / 1000000);
	snprintf(a.event.detail, sizeof(a.event.detail),
		 "this is a test: somebody has called fairlead alerts test");
	return a;
}

static void begin_trial(struct alerts *as, struct test *test, const struct destination *d)
{
	struct trial *t = calloc(1, sizeof(*t));
	struct alert a = test_alert();
	struct err err;

	if (!t)
		return;
	t->test = test;
	t->begun_ns = uv_hrtime();
	snprintf(t->name, sizeof(t->name), "%s", destination__config(d)->name);
	LIST_INSERT_HEAD(&as->trials, t, entry);
	test->open++;
	if (delivery__start(&as->web, destination__config(d), &a, &as->origin, on_trial_end, t,
			    &t->delivery, &err)) {
		add_result(t, false, err.text);
		end_trial(t);
	}
}

static void refuse(struct api_request *request, unsigned int status, const char *fmt,
		   const char *name)
{
	struct err err;

	err__set(&err, 0, fmt, name);
	api_request__reply(request, status, json_pack("{s:s}", "error", err.text));
}

void alerts__test(struct agent *a, const char *name, struct api_request *request)
{
	struct alerts *as = a->alerts;
	struct test *test;
	size_t found = 0;

	for (size_t i = 0; as && i < as->n; i++)
		found += !name || !strcmp(destination__config(as->list[i])->name, name);
	if (!found) {
		refuse(request, 404,
		       name ? "there is no destination '%s' of alerts"
			    : "no destination of alerts is configured%s",
		       name ? name : "");
		return;
	}
	if (!LIST_EMPTY(&as->trials)) {
		refuse(request, 409, "another test is under way%s", "");
		return;
	}
	test = calloc(1, sizeof(*test));
	if (!test) {
		refuse(request, 500, "out of memory%s", "");
		return;
	}
	*test = (struct test){.request = request, .results = json_array(), .open = 1};
	for (size_t i = 0; i < as->n; i++)
		if (!name || !strcmp(destination__config(as->list[i])->name, name))
			begin_trial(as, test, as->list[i]);
	/* Held until all have begun: one may have failed at once. */
	release(test);
}

/* --- events ----------------------------------------------------------------------------------------- */

static void on_news(void *ctx, const struct destination *d, const char *to, const char *detail)
{
	const struct alerts *as = ctx;
	const char *name = destination__config(d)->name;
	bool well = strcmp(to, "delivers") == 0;
	const struct log_field fields[] = {{"DESTINATION", name}, {NULL, NULL}};

	log__write(well ? LOG_LV_INFO : LOG_LV_WARN, fields, "destination '%s' of alerts%s: %s",
		   name, strcmp(to, "fails") ? "" : " fails", detail);
	chronicle__tell(as->agent, JOURNAL_ALERT, name, NULL, to, JOURNAL_NOBODY, "%s", detail);
}

void alerts__event(const struct agent *a, const struct journal_event *e)
{
	struct journal_event timed;

	if (!a->alerts || !a->alerts->n)
		return;
	timed = *e;
	timed.at_ms = (int64_t)(agent__realtime_ns() / 1000000);
	for (size_t i = 0; i < a->alerts->n; i++)
		destination__event(a->alerts->list[i], &timed);
}

/* --- life ------------------------------------------------------------------------------------------- */

/* The destination of that name among the first `n` of a list, or NULL; its place is empty then. */
static struct destination *take(struct destination **list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		struct destination *d = list[i];

		if (!d || strcmp(destination__config(d)->name, name) != 0)
			continue;
		list[i] = NULL;
		return d;
	}
	return NULL;
}

/* The destination for that configuration: `have`, or a new one. NULL: out of memory, which is logged. */
static struct destination *make(struct alerts *as, struct destination *have,
				const struct config_alert *c)
{
	const struct destination_calls calls = {.news = on_news, .ctx = as};

	if (!have)
		have = destination__new(&as->web, c, &as->origin, &calls);
	else if (destination__configure(have, c))
		log_error("out of memory: destination '%s' of alerts stays as it was", c->name);
	if (!have)
		log_error("out of memory: destination '%s' of alerts gets none", c->name);
	return have;
}

static void configure(struct alerts *as, const struct config *c)
{
	struct destination *old[CONFIG_MAX_ALERTS];
	size_t n_old = as->n;

	memcpy(old, as->list, sizeof(old));
	as->n = 0;
	for (size_t i = 0; i < c->n_alerts; i++) {
		struct destination *d =
			make(as, take(old, n_old, c->alerts[i].name), &c->alerts[i]);

		if (d)
			as->list[as->n++] = d;
	}
	for (size_t i = 0; i < n_old; i++)
		if (old[i])
			destination__close(old[i], "no longer configured");
}

int alerts__start(struct agent *a, const struct config *c, struct err *err)
{
	struct alerts *as = calloc(1, sizeof(*as));
	int rc;

	if (!as)
		return err__set(err, -ENOMEM, "out of memory");
	rc = web_loop__open(&as->web, &a->loop, delivery__web_done, err);
	if (rc) {
		free(as);
		return rc;
	}
	as->agent = a;
	LIST_INIT(&as->trials);
	if (gethostname(as->host, sizeof(as->host) - 1))
		as->host[0] = '\0';
	snprintf(as->instance, sizeof(as->instance), "%s", c->instance);
	as->origin = (struct alert_origin){
		.host = as->host, .instance = as->instance, .run = a->started_at_ns};
	a->alerts = as;
	configure(as, c);
	return 0;
}

void alerts__configured(struct agent *a)
{
	configure(a->alerts, a->config);
}

static void on_web_closed(void *alerts)
{
	(void)alerts;
}

void alerts__stop(struct agent *a)
{
	struct alerts *as = a->alerts;
	struct trial *t;
	size_t n;

	if (!as)
		return;
	while ((t = LIST_FIRST(&as->trials))) {
		delivery__abandon(t->delivery);
		end_trial(t);
	}
	/* What they say at their end is not for each other. */
	n = as->n;
	as->n = 0;
	for (size_t i = 0; i < n; i++)
		destination__close(as->list[i], "fairleadd ends");
	web_loop__close(&as->web, on_web_closed, as);
}

void alerts__free(struct agent *a)
{
	free(a->alerts);
	a->alerts = NULL;
}

/* --- what people see -------------------------------------------------------------------------------- */

static json_t *time_or_none(uint64_t realtime_ns)
{
	return realtime_ns ? names__time(realtime_ns) : json_string("");
}

static json_t *destination_json(const struct destination *d)
{
	struct destination_status s;
	json_t *o;

	destination__status(d, &s);
	o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", s.name, "type",
		      s.exec ? "exec" : "webhook", "firing", (json_int_t)s.firing, "waiting",
		      (json_int_t)s.queued, "held", (json_int_t)s.held, "sent", (json_int_t)s.sent,
		      "failed", (json_int_t)s.failed, "dropped", (json_int_t)s.dropped, "summed_up",
		      (json_int_t)s.held_total, "passed", (json_int_t)s.passed);
	json_object_set_new(o, "sent_at", time_or_none(s.sent_at_ns));
	json_object_set_new(o, "fails_since", time_or_none(s.fails_since_ns));
	json_object_set_new(o, "error", json_string(s.error));
	return o;
}

json_t *alerts__json(const struct agent *a)
{
	json_t *list = json_array();

	for (size_t i = 0; a->alerts && i < a->alerts->n; i++)
		json_array_append_new(list, destination_json(a->alerts->list[i]));
	return list;
}

/* A family of metrics: a member of a status. */
struct family {
	const char *name, *help;
	enum prom_type type;
	size_t offset;
};

#define COUNTED(member) offsetof(struct destination_status, member)

static const struct family families[] = {
	{"fairlead_alerts_sent_total", "Alerts that the destination has got.", PROM_COUNTER,
	 COUNTED(sent)},
	{"fairlead_alerts_failed_total", "Tries to deliver an alert that failed.", PROM_COUNTER,
	 COUNTED(failed)},
	{"fairlead_alerts_dropped_total",
	 "Alerts that were given up: too old, or refused for what they are.", PROM_COUNTER,
	 COUNTED(dropped)},
	{"fairlead_alerts_summed_up_total", "Alerts that were told as a number in another one.",
	 PROM_COUNTER, COUNTED(held_total)},
	{"fairlead_alerts_waiting", "Alerts that wait for their delivery.", PROM_GAUGE,
	 COUNTED(queued)},
};

void alerts__metrics(const struct agent *a, struct prom *out, struct prom *labels)
{
	struct destination_status s;
	uint64_t now = agent__realtime_ns();

	if (!a->alerts || !a->alerts->n)
		return;
	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++) {
		prom__family(out, families[f].name, families[f].type, families[f].help);
		for (size_t i = 0; i < a->alerts->n; i++) {
			destination__status(a->alerts->list[i], &s);
			prom__integer(out, METRICS_LABELS(labels, "destination", s.name),
				      *(const uint64_t *)((const char *)&s + families[f].offset));
		}
	}
	prom__family(out, "fairlead_alerts_failing_seconds", PROM_GAUGE,
		     "For how long every try has failed; 0: the last one did not.");
	for (size_t i = 0; i < a->alerts->n; i++) {
		destination__status(a->alerts->list[i], &s);
		prom__seconds(out, METRICS_LABELS(labels, "destination", s.name),
			      s.fails_since_ns && now > s.fails_since_ns ? now - s.fails_since_ns
									 : 0);
	}
}
