/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/apply.h"
#include "agent/impact.h"
#include "agent/lateness.h"
#include "config/diff.h"
#include "peer/ledger.h"

/* A question on its way between the loop and the worker. */
struct diff {
	struct agent *agent;
	struct api_request *request;
	bool now;
	char *path; /* of the agent's file, or what else the text is called */
	char *text, *running; /* the one to be applied, NULL: the file's; and the one that runs */
	size_t len, running_len;
	struct ledger **offers;
	size_t n_offers;
	uint64_t config_ns; /* of the running one, agent.loaded_at_ns */
	uv_work_t work;
	struct config *have, *next;
	struct config_changes changes;
	struct config_problems problems;
	bool *touched; /* each service of `next` */
	struct service_key *keys; /* of all of them, sorted */
	size_t at; /* the service that is looked at */
	struct impact *impact;
	double expected; /* records, by those that were looked at */
	json_t *services;
	int rc;
	struct err err;
};

static void free_diff(struct diff *d)
{
	config__free(d->have);
	config__free(d->next);
	config_changes__free(&d->changes);
	config_problems__free(&d->problems);
	seating__free_offers(d->offers, d->n_offers);
	impact__free(d->impact);
	json_decref(d->services);
	free(d->touched);
	free(d->keys);
	free(d->path);
	free(d->text);
	free(d->running);
	free(d);
}

/* Ends it with an answer, and frees it. */
static void answer(struct diff *d, unsigned int status, json_t *object)
{
	d->agent->diff = NULL;
	api_request__reply(d->request, status, object);
	free_diff(d);
}

static void fail(struct diff *d, unsigned int status, const char *text)
{
	answer(d, status, json_pack("{s:s}", "error", text));
}

/* --- on the worker ------------------------------------------------------------------------------ */

static int compare_keys(const void *a, const void *b)
{
	const struct service_key *x = a, *y = b;
	int c = memcmp(&x->key, &y->key, sizeof(x->key));

	return c ? c : (int)x->port_last - (int)y->port_last;
}

/* The changes of services stand at the end, by name. */
static int compare_change(const void *name, const void *change)
{
	return strcmp(name, ((const struct config_change *)change)->service);
}

static bool is_changed(const struct diff *d, const char *service)
{
	return bsearch(service, d->changes.list, d->changes.n, sizeof(*d->changes.list),
		       compare_change) != NULL;
}

/* Whether it is by them that entries of backends become others, too. */
static bool is_encap_changed(const struct diff *d)
{
	for (size_t i = 0; i < d->changes.n; i++) {
		if (strncmp(d->changes.list[i].what, "encap.", 6) == 0)
			return true;
	}
	return false;
}

static int find_touched(struct diff *d)
{
	bool all = is_encap_changed(d);
	size_t n = d->next->n_services;

	d->touched = calloc(n + 1, sizeof(*d->touched));
	d->keys = calloc(n + 1, sizeof(*d->keys));
	if (!d->touched || !d->keys)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		d->touched[i] = all || is_changed(d, d->next->services[i].name);
		d->keys[i] = service__key(&d->next->services[i]);
	}
	qsort(d->keys, n, sizeof(*d->keys), compare_keys);
	return 0;
}

static void read_on_worker(uv_work_t *work)
{
	struct diff *d = work->data;
	struct config_problems none = {0};

	if (!d->text)
		d->rc = config__read(d->path, &d->text, &d->len, &d->problems);
	if (!d->rc)
		d->rc = config__parse(d->path, d->text, d->len, &d->next, &d->problems);
	if (d->rc)
		return;
	/* What runs was parsed before, so it is one; the tree of it is the loop's. */
	d->rc = config__parse(d->path, d->running, d->running_len, &d->have, &none);
	config_problems__free(&none);
	if (!d->rc)
		d->rc = config__diff(d->have, d->next, &d->changes);
	if (!d->rc)
		d->rc = find_touched(d);
	if (d->rc)
		err__set(&d->err, d->rc, "comparing with what runs: %s", strerror(-d->rc));
}

static void compute_on_worker(uv_work_t *work)
{
	struct diff *d = work->data;

	d->rc = impact__compute(d->impact, d->offers, d->n_offers, &d->err);
}

/* --- the answer --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} gates[] = {
	{"lease", offsetof(struct plane_gates, lease)},
	{"wild", offsetof(struct plane_gates, wild)},
	{"sources", offsetof(struct plane_gates, sources)},
	{"limits", offsetof(struct plane_gates, limits)},
	{"nat", offsetof(struct plane_gates, nat)},
	{"jumbo", offsetof(struct plane_gates, jumbo)},
	{"events", offsetof(struct plane_gates, events)},
	{"passive", offsetof(struct plane_gates, passive)},
	{"path", offsetof(struct plane_gates, path)},
	{"peers", offsetof(struct plane_gates, peers)},
};

/* What the program that is attached would be able to do that it can't, and the other way round. */
static json_t *program_json(struct agent *a, const struct config *next)
{
	const struct plane_gates have = plane__gates(a->plane);
	const struct plane_options o = admission__options(a, next);
	json_t *opens = json_array(), *closes = json_array();
	bool replaced = false;

	for (size_t i = 0; i < sizeof(gates) / sizeof(*gates); i++) {
		bool was = *(const bool *)((const char *)&have + gates[i].offset);
		bool is = *(const bool *)((const char *)&o.gates + gates[i].offset);

		if (was != is)
			json_array_append_new(is ? opens : closes, json_string(gates[i].name));
		replaced |= was != is;
	}
	return json_pack("{s:b, s:o, s:o}", "replaced", replaced, "opens", opens, "closes", closes);
}

static json_t *or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *changes_json(const struct config_changes *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++) {
		const struct config_change *one = &c->list[i];

		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind",
						      config_change__name(one->kind), "service",
						      or_null(one->service), "backend",
						      or_null(one->backend), "what",
						      or_null(one->what), "from",
						      or_null(one->from), "to", or_null(one->to)));
	}
	return list;
}

/* Whether an apply would have a sentence against it that has nothing to do with the file alone. */
static int refusal(const struct diff *d, struct err *err)
{
	const struct agent *a = d->agent;
	int rc = commit__check(a, d->next, err);

	if (!rc)
		rc = lateness__check(a, d->next, err);
	if (!rc && d->next->has_flow_key &&
	    memcmp(d->next->flow_key, plane__flow_key(a->plane), sizeof(d->next->flow_key)) != 0)
		rc = err__set(err, -EINVAL,
			      "flow_key cannot change while fairleadd runs: it decides where every "
			      "connection goes");
	return rc;
}

/* Those that no packet would find any more. */
static void add_removed(struct diff *d)
{
	const struct service *s;

	TAILQ_FOREACH (s, &d->agent->services, entry) {
		if (s->config && is_changed(d, s->name) &&
		    !bsearch(&s->key, d->keys, d->next->n_services, sizeof(*d->keys), compare_keys))
			json_array_append_new(d->services, impact__removed(s));
	}
}

static void tell(struct diff *d)
{
	struct err err = {0};
	json_t *refused;

	add_removed(d);
	refused = refusal(d, &err) ? json_string(err.text) : json_null();
	answer(d, 200,
	       json_pack("{s:b, s:o, s:o, s:O, s:o}", "changed", d->changes.n != 0, "refused",
			 refused, "changes", changes_json(&d->changes), "services", d->services,
			 "program", program_json(d->agent, d->next)));
}

static void report_problems(struct diff *d)
{
	json_t *list = json_array(), *object;
	char line[ERR_LEN];

	for (size_t i = 0; i < d->problems.n; i++)
		json_array_append_new(list, json_string(config_problems__format(
						    &d->problems, i, line, sizeof(line))));
	object = json_pack("{s:s+, s:o}", "error", "there are problems in ", d->path, "problems",
			   list);
	answer(d, d->rc == -EINVAL ? 400 : 500, object);
}

/* --- from one service to the next ----------------------------------------------------------------- */

static void next_service(struct diff *d);

/* False: it is answered. */
static bool may_go_on(struct diff *d, int status)
{
	if (status == UV_ECANCELED || d->agent->stopping)
		fail(d, 503, "fairleadd is stopping");
	else if (d->agent->loaded_at_ns != d->config_ns)
		fail(d, 409,
		     "another configuration has come into force meanwhile: ask again, and the answer is "
		     "about that one");
	else if (d->problems.n)
		report_problems(d);
	else if (d->rc)
		fail(d, 500, d->err.text);
	else
		return true;
	return false;
}

static void after_compute(uv_work_t *work, int status)
{
	struct diff *d = work->data;

	if (!may_go_on(d, status))
		return;
	d->expected += impact__expects(d->impact);
	json_array_append_new(d->services, impact__json(d->impact));
	impact__free(d->impact);
	d->impact = NULL;
	d->at++;
	next_service(d);
}

static void next_service(struct diff *d)
{
	while (d->at < d->next->n_services && !d->touched[d->at])
		d->at++;
	if (d->at == d->next->n_services) {
		tell(d);
		return;
	}
	if (impact__look(d->agent, d->next, &d->next->services[d->at], d->now, d->expected,
			 &d->impact, &d->err)) {
		fail(d, 500, d->err.text);
		return;
	}
	if (uv_queue_work(&d->agent->loop, &d->work, compute_on_worker, after_compute))
		fail(d, 500, "out of memory");
}

static void after_read(uv_work_t *work, int status)
{
	struct diff *d = work->data;

	if (may_go_on(d, status))
		next_service(d);
}

/* --- asking ------------------------------------------------------------------------------------- */

/* NULL: it is NULL, or there is no memory. */
static char *copy(const char *text, size_t len)
{
	char *to = text ? malloc(len + 1) : NULL;

	if (!to)
		return NULL;
	memcpy(to, text, len);
	to[len] = '\0';
	return to;
}

/* What stands before the mistakes that it has. */
static char *name_of(const struct agent *a, const struct api_diff *what)
{
	char *name = NULL;

	if (!what->version)
		return strdup(a->config_path);
	return asprintf(&name, "version %lld", (long long)what->version) < 0 ? NULL : name;
}

static struct diff *new_diff(struct agent *a, const struct api_diff *what)
{
	struct diff *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	*d = (struct diff){
		.agent = a,
		.now = what->now,
		.path = name_of(a, what),
		.text = copy(what->text, what->len),
		.len = what->len,
		.running = copy(a->config_text, a->config_len),
		.running_len = a->config_len,
		.config_ns = a->loaded_at_ns,
		.expected = a->moves.expected,
		.services = json_array(),
	};
	if (!seating__offers(a, &d->offers, &d->n_offers) && d->path && d->running && d->services &&
	    (d->text || !what->text))
		return d;
	free_diff(d);
	return NULL;
}

void diff__ask(struct agent *a, const struct api_diff *what, struct api_request *request)
{
	struct diff *d;

	if (a->applying || a->diff) {
		api_request__reply(request, 409,
				   json_pack("{s:s}", "error",
					     a->applying
						     ? "a configuration is being applied: try "
						       "again when it is done"
						     : "another comparison is running: try again "
						       "when it is done"));
		return;
	}
	d = new_diff(a, what);
	if (!d) {
		api_request__reply(request, 500, json_pack("{s:s}", "error", "out of memory"));
		return;
	}
	d->request = request;
	d->work.data = d;
	a->diff = d;
	if (uv_queue_work(&a->loop, &d->work, read_on_worker, after_read))
		fail(d, 500, "out of memory");
}
