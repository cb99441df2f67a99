/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server that stops while requests are open, and while others come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include "api_turns.h"

#define MOST 8 /* requests that the agent is asked */

struct fixture {
	struct turns server;
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

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	turns__begin(&f->server, &ops, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	api__free(f->server.api);
	turns__end(&f->server);
	free(f);
	return 0;
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
	uint64_t since_ns = uv_hrtime();
	int fd = turns__dial(path);
	char first;

	ask(fd, "/healthz");
	while (recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1 &&
	       turns__one(&f->server, since_ns))
		;
	assert_non_null(strstr(answer(f, fd), "200 OK"));
	return fd;
}

static void wait_asked(struct fixture *f, size_t n)
{
	uint64_t since_ns = uv_hrtime();

	while (f->n_asked < n && turns__one(&f->server, since_ns))
		;
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
	api__free(f->server.api);
	f->server.api = NULL;
}

static void test_agent_stops(void **state)
{
	struct fixture *f = *state;

	stop_between(f, f->server.path, stop_all);
}

/* A stream has got events that it has not sent yet: they are its last ones. */
static void test_stream_stops(void **state)
{
	struct fixture *f = *state;
	int fd = turns__dial(f->server.path);

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

	assert_int_equal(api__listen(f->server.api, -1, "", &err), 0);
}

/* Another configuration has no listener: the agent and its own socket go on. */
static void test_listener_stops(void **state)
{
	struct fixture *f = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char path[64];
	struct sockaddr_un address;
	struct err err;

	snprintf(path, sizeof(path), "%.40s/listener", f->server.dir);
	address = turns__address(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(api__listen(f->server.api, fd, path, &err), 0);
	stop_between(f, path, stop_listener);
	unlink(path);
	close(dial_in(f, f->server.path));
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
