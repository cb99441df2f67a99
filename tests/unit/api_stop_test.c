/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server that stops while requests are open, and while others come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"

#define MOST 8 /* requests that the agent is asked */
#define TURNS 20000 /* of the loop that anything may take */

struct fixture {
	uv_loop_t loop;
	uv_idle_t idle; /* so that a turn of the loop never waits */
	char dir[32], path[64];
	struct api *api;
	struct api_request *asked[MOST]; /* not answered yet */
	size_t n_asked;
	char reply[1024];
};

/* Answered when the test says so, as by a worker. */
static void op_metrics(void *ctx, struct api_request *request)
{
	struct fixture *f = ctx;

	assert_true(f->n_asked < MOST);
	f->asked[f->n_asked++] = request;
}

static void op_events(void *ctx, const struct api_events *what, struct api_request *request)
{
	(void)what;
	op_metrics(ctx, request);
}

static json_t *op_problems(void *ctx)
{
	(void)ctx;
	return json_array();
}

static const struct api_ops ops = {
	.metrics = op_metrics, .events = op_events, .problems = op_problems};

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err warning, err = {0};

	snprintf(f->dir, sizeof(f->dir), "/tmp/fl-stop-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	uv_loop_init(&f->loop);
	uv_idle_init(&f->loop, &f->idle);
	uv_idle_start(&f->idle, on_idle);
	if (api__new(&f->loop, f->path, "root", &ops, f, &f->api, &warning, &err))
		fail_msg("api__new: %s", err.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	api__free(f->api);
	uv_close((uv_handle_t *)&f->idle, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	rmdir(f->dir);
	free(f);
	return 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static int dial(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void ask(int fd, const char *target)
{
	char request[128];
	int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);

	assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
}

/* What has come of an answer; "" if the connection has ended without one. */
static const char *answer(struct fixture *f, int fd)
{
	ssize_t n = recv(fd, f->reply, sizeof(f->reply) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	f->reply[n] = '\0';
	return f->reply;
}

/* A client that has been answered, and whose connection stands. */
static int dial_in(struct fixture *f, const char *path)
{
	int fd = dial(path);
	char first;

	ask(fd, "/healthz");
	for (int i = 0; i < TURNS && recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_non_null(strstr(answer(f, fd), "200 OK"));
	return fd;
}

static void wait_asked(struct fixture *f, size_t n)
{
	for (int i = 0; i < TURNS && f->n_asked < n; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->n_asked, n);
}

/* One client waits for its answer, others have asked, and nobody has looked yet: then the server stops. */
static void stop_between(struct fixture *f, const char *path, void (*stop)(struct fixture *f))
{
	int waiting = dial_in(f, path), late[3];

	for (size_t i = 0; i < 3; i++)
		late[i] = dial_in(f, path);
	ask(waiting, "/metrics");
	wait_asked(f, 1);
	for (size_t i = 0; i < 3; i++)
		ask(late[i], "/metrics");
	stop(f);
	/* Nothing is asked of an agent that may have let go of what it would need for the answer. */
	assert_int_equal(f->n_asked, 1);
	assert_non_null(strstr(answer(f, waiting), "HTTP/1.1 503 "));
	for (size_t i = 0; i < 3; i++)
		assert_non_null(strstr(answer(f, late[i]), "HTTP/1.1 503 "));
	/* The answer is for nobody. */
	api_request__reply_text(f->asked, 1, strdup("{}"), 2, "application/json");
	close(waiting);
	for (size_t i = 0; i < 3; i++)
		close(late[i]);
}

static void stop_all(struct fixture *f)
{
	api__free(f->api);
	f->api = NULL;
}

static void test_agent_stops(void **state)
{
	struct fixture *f = *state;

	stop_between(f, f->path, stop_all);
}

/* A stream has got events that it has not sent yet: they are its last ones. */
static void test_stream_stops(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f->path);

	ask(fd, "/v1/events/stream");
	wait_asked(f, 1);
	api_request__reply(
		f->asked[0], 200,
		json_pack("{s:[{s:i, s:s}], s:i}", "events", "id", 1, "detail", "last", "next", 1));
	stop_all(f);
	assert_int_equal(f->n_asked, 1);
	assert_non_null(strstr(answer(f, fd), "\"last\""));
	close(fd);
}

static void stop_listener(struct fixture *f)
{
	struct err err;

	assert_int_equal(api__listen(f->api, -1, "", &err), 0);
}

/* Another configuration has no listener: the agent and its own socket go on. */
static void test_listener_stops(void **state)
{
	struct fixture *f = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char path[64];
	struct sockaddr_un address;
	struct err err;

	snprintf(path, sizeof(path), "%.40s/listener", f->dir);
	address = address_of(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(api__listen(f->api, fd, path, &err), 0);
	stop_between(f, path, stop_listener);
	unlink(path);
	close(dial_in(f, f->path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_agent_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stream_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listener_stops, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
