/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server of the API on a real loop, an agent that says what it was asked, and clients that are threads and write
 * raw bytes, as api_http_test.c and api_shared_test.c have them. Include after cmocka.
 */
#ifndef FAIRLEAD_TEST_API_SERVE_H
#define FAIRLEAD_TEST_API_SERVE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "core/prom.h"

#define MAX_CLIENTS 4

struct client {
	pthread_t thread;
	struct fixture *fixture;
	const char *request;
	bool hang_up; /* leave without reading the reply */
	char reply[8192];
};

struct fixture {
	uv_loop_t loop;
	uv_async_t done;
	unsigned int running;
	char dir[64], path[96];
	struct api *api;
	struct err warning;
	struct client clients[MAX_CLIENTS];
	/* what the agent was asked */
	struct api_request *applies[MAX_CLIENTS];
	_Atomic unsigned int n_applies; /* clients look at it */
	unsigned int answer_at; /* applies are answered when so many are there */
	bool apply_now;
	char backend[128], service[64];
	struct api_word word;
	bool now;
	unsigned int n_metrics; /* how often the text was made */
	bool unfit, no_memory;
	bool slow; /* a status takes longer than a turn of the API may */
	uv_prepare_t turn;
	unsigned int in_turn, most_in_turn; /* statuses that were asked for in a turn of the loop */
	unsigned int statuses;
	char last[64]; /* the service that was asked for last */
	uint32_t uid; /* who asked for an apply */
};

/* An answer as text, at once. */
static inline void reply_text(struct api_request *request, char *text, const char *type)
{
	api_request__reply_text(&request, 1, text, text ? strlen(text) : 0, type);
}

static inline void op_metrics(void *ctx, struct api_request *request)
{
	struct fixture *f = ctx;
	char *text = f->no_memory ? NULL : malloc(32);

	f->n_metrics++;
	if (text)
		snprintf(text, 32, "made %u\n", f->n_metrics);
	reply_text(request, text, PROM_CONTENT_TYPE);
}

static inline json_t *op_problems(void *ctx)
{
	const struct fixture *f = ctx;

	return f->unfit ? json_pack("[s]", "it is broken") : json_array();
}

static inline json_t *op_timings(void *ctx)
{
	(void)ctx;
	return json_pack("{s:{}}", "loop");
}

static inline void op_status(void *ctx, const char *service, const char *backend,
			     struct api_request *request)
{
	struct fixture *f = ctx;
	json_t *o = service || backend
			    ? json_pack("{s:s?, s:s?}", "service", service, "backend", backend)
			    : json_pack("{s:s}", "instance", "main");
	char *text = json_dumps(o, JSON_COMPACT);
	uint64_t until_ns = uv_hrtime() + 6000000;

	json_decref(o);
	snprintf(f->last, sizeof(f->last), "%s", service ? service : "");
	f->in_turn++;
	f->statuses++;
	while (f->slow && uv_hrtime() < until_ns)
		;
	if (!f->answer_at) {
		reply_text(request, text, "application/json");
		return;
	}
	f->applies[f->n_applies++] = request;
	if (f->n_applies == f->answer_at)
		api_request__reply_text(f->applies, f->n_applies, f->no_memory ? NULL : text,
					strlen(text), "application/json");
	if (f->n_applies != f->answer_at || f->no_memory)
		free(text);
}

static inline void op_rates(void *ctx, const char *layout, const char *known,
			    struct api_request *request)
{
	json_t *o = json_pack("{s:s, s:s}", "layout", layout, "known", known);

	(void)ctx;
	reply_text(request, json_dumps(o, JSON_COMPACT), "application/json");
	json_decref(o);
}

static inline int op_say(void *ctx, const char *backend, const char *service,
			 const struct api_word *word, json_t **out, struct err *err)
{
	struct fixture *f = ctx;

	if (!strcmp(backend, "nobody"))
		return err__set(err, -ENOENT, "no service has a backend '%s'", backend);
	snprintf(f->backend, sizeof(f->backend), "%s", backend);
	snprintf(f->service, sizeof(f->service), "%s", service ? service : "-");
	f->word = *word;
	*out = json_pack("{s:i, s:[s]}", "changed", 1, "services", "web");
	return 0;
}

static inline int op_backend(void *ctx, const char *backend, const char *service, json_t **out,
			     struct err *err)
{
	(void)ctx;
	if (!strcmp(backend, "nobody"))
		return err__set(err, -ENOENT, "there is no backend '%s'", backend);
	*out = json_pack("{s:[{s:s, s:s}]}", "services", "name", service ? service : "all", "id",
			 backend);
	return 0;
}

static inline void op_apply(void *ctx, const struct api_apply *what, struct api_request *request)
{
	struct fixture *f = ctx;

	f->now = what->now;
	f->uid = what->uid;
	if (f->apply_now) {
		api_request__reply(request, 409, json_pack("{s:s}", "error", "busy"));
		return;
	}
	f->applies[f->n_applies++] = request;
	if (f->n_applies != f->answer_at)
		return;
	for (unsigned int i = 0; i < f->n_applies; i++)
		api_request__reply(f->applies[i], 200, json_pack("{s:i}", "order", i));
	f->n_applies = 0;
}

static const struct api_ops ops = {
	.metrics = op_metrics,
	.problems = op_problems,
	.status = op_status,
	.rates = op_rates,
	.timings = op_timings,
	.say = op_say,
	.backend = op_backend,
	.apply = op_apply,
};

static inline int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void *client_main(void *arg)
{
	struct client *c = arg;
	size_t n = 0;
	ssize_t got;
	int fd = dial(c->fixture->path);

	send(fd, c->request, strlen(c->request), MSG_NOSIGNAL);
	if (!c->hang_up) {
		while ((got = read(fd, c->reply + n, sizeof(c->reply) - 1 - n)) > 0)
			n += (size_t)got;
		c->reply[n] = '\0';
	} else {
		/* Until the request is read and suspended. */
		for (int ms = 0; ms < 10000 && !c->fixture->n_applies; ms++)
			usleep(1000);
	}
	close(fd);
	uv_async_send(&c->fixture->done);
	__atomic_sub_fetch(&c->fixture->running, 1, __ATOMIC_SEQ_CST);
	uv_async_send(&c->fixture->done);
	return NULL;
}

static inline void on_done(uv_async_t *async)
{
	(void)async; /* it only ends the loop's wait */
}

static inline void on_turn(uv_prepare_t *turn)
{
	struct fixture *f = turn->data;

	if (f->in_turn > f->most_in_turn)
		f->most_in_turn = f->in_turn;
	f->in_turn = 0;
}

static inline void start_client(struct fixture *f, unsigned int i, const char *request,
				bool hang_up)
{
	struct client *c = &f->clients[i];

	c->fixture = f;
	c->request = request;
	c->hang_up = hang_up;
	__atomic_add_fetch(&f->running, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
}

/* Runs the loop until all of the first n clients have left. */
static inline void serve(struct fixture *f, unsigned int n)
{
	while (__atomic_load_n(&f->running, __ATOMIC_SEQ_CST))
		uv_run(&f->loop, UV_RUN_ONCE);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(f->clients[i].thread, NULL);
}

static inline const char *ask(struct fixture *f, const char *request)
{
	start_client(f, 0, request, false);
	serve(f, 1);
	return f->clients[0].reply;
}

static inline void expect(struct fixture *f, const char *line, const char *status, const char *text)
{
	char request[4096];
	const char *reply;

	snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		 line);
	reply = ask(f, request);
	if (strncmp(reply + strlen("HTTP/1.1 "), status, 3) || !strstr(reply, text))
		fail_msg("%.80s: expected %s and '%s', got:\n%s", line, status, text, reply);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = {0};

	snprintf(f->dir, sizeof(f->dir), "/tmp/fl-api-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/run/main.sock", f->dir);
	uv_loop_init(&f->loop);
	uv_async_init(&f->loop, &f->done, on_done);
	uv_prepare_init(&f->loop, &f->turn);
	f->turn.data = f;
	uv_prepare_start(&f->turn, on_turn);
	if (api__new(&f->loop, f->path, "no-such-group", &ops, f, &f->api, &f->warning, &err))
		fail_msg("api__new: %s", err.text);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	char dir[80];

	api__free(f->api);
	uv_close((uv_handle_t *)&f->done, NULL);
	uv_close((uv_handle_t *)&f->turn, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	snprintf(dir, sizeof(dir), "%s/run", f->dir);
	rmdir(dir);
	rmdir(f->dir);
	free(f);
	return 0;
}

#endif
