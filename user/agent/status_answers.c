/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/status_answers.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/told.h"

#define SLICE_NS 4000000 /* of work; then it is the others' turn, */
#define REST_MS 4 /* for so long */
#define BETWEEN_LOOKS 16 /* backends between two looks at the clock */

struct status_answer {
	TAILQ_ENTRY(status_answer) entry;
	struct agent *agent;
	char *service, *backend; /* what was asked for; NULL: all */
	struct api_request **requests;
	size_t n_requests;
	struct status_pen pen;
	uint64_t
		config_ns; /* of the configuration that it is of, agent.loaded_at_ns; 0: not begun */
	const struct service
		*at; /* the next one, valid under that configuration; NULL: none is left */
	size_t member; /* of its backends, the next one */
};

static void free_answer(struct status_answer *w)
{
	free(w->requests);
	free(w->service);
	free(w->backend);
	free(w->pen.out.text);
	free(w);
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* --- the text -------------------------------------------------------------------------------------- */

static const struct service *wanted_from(const struct status_answer *w, const struct service *s)
{
	while (s && w->service && strcmp(s->name, w->service) != 0)
		s = TAILQ_NEXT(s, entry);
	return s;
}

/* Or anew: another configuration has come into force meanwhile. */
static void begin(struct status_answer *w)
{
	struct agent *a = w->agent;

	w->config_ns = a->loaded_at_ns;
	w->pen.out.len = 0;
	told__open(&w->pen.out, status__frame(a));
	jtext__open(&w->pen.out, "services", '[');
	w->at = wanted_from(w, TAILQ_FIRST(&a->services));
	w->member = 0;
}

static void end(struct status_answer *w)
{
	jtext__raw(&w->pen.out, "],", 2);
	told__rest(&w->pen.out, status__totals(w->agent));
}

/* The service's next backends; false: its time was over before all were written. */
static bool write_backends(struct status_answer *w, uint64_t until_ns)
{
	const struct service *s = w->at;
	size_t n = 0;
	const struct member **list = told__members(s, &n);
	bool over = false;

	w->pen.out.failed |= !list;
	while (list && w->member < n && !over) {
		const struct member *m = list[w->member++];

		if (!w->backend || strcmp(member__id(m), w->backend) == 0)
			status__write_member(&w->pen, w->agent, m);
		/* Backends that have left are no more in the next turn what they are in this one. */
		over = w->member % BETWEEN_LOOKS == 0 && w->member < s->n_members &&
		       uv_hrtime() > until_ns;
	}
	free(list);
	return !over;
}

/* True: the text is whole, or there is no memory for it. */
static bool go_on(struct status_answer *w)
{
	uint64_t until_ns = uv_hrtime() + SLICE_NS;

	if (w->config_ns != w->agent->loaded_at_ns)
		begin(w);
	while (w->at && !w->pen.out.failed) {
		if (uv_hrtime() > until_ns)
			return false;
		if (!w->member) {
			jtext__key(&w->pen.out, NULL);
			told__open(&w->pen.out, status__service_frame(w->agent, w->at));
			jtext__open(&w->pen.out, "backends", '[');
		}
		if (!write_backends(w, until_ns))
			return false;
		jtext__raw(&w->pen.out, "]}", 2);
		w->at = wanted_from(w, TAILQ_NEXT(w->at, entry));
		w->member = 0;
	}
	end(w);
	return true;
}

/* --- who waits ------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void finish(struct status_answer *w)
{
	struct jtext *out = &w->pen.out;

	TAILQ_REMOVE(&w->agent->status_answers.list, w, entry);
	if (out->failed) {
		free(out->text);
		out->text = NULL;
	}
	api_request__reply_text(w->requests, w->n_requests, out->text, out->len,
				"application/json");
	out->text = NULL;
	free_answer(w);
}

static void rest(struct agent *a)
{
	if (!a->stopping && !TAILQ_EMPTY(&a->status_answers.list)) {
		/* The rest begins now, not when the loop's turn did. */
		uv_update_time(&a->loop);
		uv_timer_start(&a->status_answers.timer, on_timer, REST_MS, 0);
	}
}

static void turn(struct agent *a)
{
	struct status_answer *w = TAILQ_FIRST(&a->status_answers.list);

	if (go_on(w))
		finish(w);
	rest(a);
}

static void on_timer(uv_timer_t *timer)
{
	turn(timer->data);
}

static struct status_answer *find(struct agent *a, const char *service, const char *backend)
{
	struct status_answer *w;

	/* What is begun already may be older than what the client has done before it asked. */
	TAILQ_FOREACH (w, &a->status_answers.list, entry) {
		if (!w->config_ns && is_same(w->service, service) && is_same(w->backend, backend))
			return w;
	}
	return NULL;
}

static struct status_answer *add(struct agent *a, const char *service, const char *backend)
{
	struct status_answer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->agent = a;
	w->service = service ? strdup(service) : NULL;
	w->backend = backend ? strdup(backend) : NULL;
	if ((service && !w->service) || (backend && !w->backend)) {
		free_answer(w);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&a->status_answers.list, w, entry);
	return w;
}

static int join(struct status_answer *w, struct api_request *request)
{
	struct api_request **more =
		realloc(w->requests, (w->n_requests + 1) * sizeof(struct api_request *));

	if (!more)
		return -1;
	w->requests = more;
	w->requests[w->n_requests++] = request;
	return 0;
}

void status_answers__ask(struct agent *a, const char *service, const char *backend,
			 struct api_request *request)
{
	bool idle = TAILQ_EMPTY(&a->status_answers.list);
	struct status_answer *w = find(a, service, backend);

	if (!w)
		w = add(a, service, backend);
	if (!w || join(w, request)) {
		/* Nobody else waits for one that was made for this request. */
		if (w && !w->n_requests) {
			TAILQ_REMOVE(&a->status_answers.list, w, entry);
			free_answer(w);
		}
		api_request__reply(request, 500, NULL);
		return;
	}
	if (idle)
		turn(a);
}

void status_answers__init(struct agent *a)
{
	TAILQ_INIT(&a->status_answers.list);
	uv_timer_init(&a->loop, &a->status_answers.timer);
	a->status_answers.timer.data = a;
}

void status_answers__stop(struct agent *a)
{
	struct status_answer *w;

	while ((w = TAILQ_FIRST(&a->status_answers.list))) {
		TAILQ_REMOVE(&a->status_answers.list, w, entry);
		for (size_t i = 0; i < w->n_requests; i++)
			api_request__reply(w->requests[i], 503,
					   json_pack("{s:s}", "error", "the agent is stopping"));
		free_answer(w);
	}
	uv_close((uv_handle_t *)&a->status_answers.timer, NULL);
}
