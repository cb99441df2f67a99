/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams of events and answers that are kept, against an agent that answers when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "api_turns.h"

#define STREAMS 32 /* that there can be */

struct fixture {
	struct turns server;
	struct api_events what; /* the last question */
	struct api_request *asked[4 * STREAMS]; /* not answered yet, by age */
	size_t n_asked, n_questions;
	bool hasty; /* at a question, the oldest one is answered */
	unsigned int n_overviews;
	char reply[65536];
};

static json_t *one_event(int id, const char *detail)
{
	return json_pack("{s:[{s:i, s:s}], s:i}", "events", "id", id, "detail", detail, "next", id);
}

static void reply(struct fixture *f, size_t i, unsigned int status, json_t *object)
{
	struct api_request *r = f->asked[i];

	f->n_asked--;
	memmove(&f->asked[i], &f->asked[i + 1], (f->n_asked - i) * sizeof(*f->asked));
	api_request__reply(r, status, object);
}

static void op_events(void *ctx, const struct api_events *what, struct api_request *request)
{
	struct fixture *f = ctx;

	f->what = *what;
	f->n_questions++;
	f->asked[f->n_asked++] = request;
	if (f->hasty)
		reply(f, 0, 200, one_event(8, ""));
}

static int op_overview(void *ctx, const char *service, char **text, size_t *len, struct err *err)
{
	struct fixture *f = ctx;

	f->n_overviews++;
	if (service && !strcmp(service, "nobody"))
		return err__set(err, -ENOENT, "there is no service 'nobody'");
	*text = malloc(32);
	*len = (size_t)snprintf(*text, 32, "{\"%s\":%u}", service ? service : "all",
				f->n_overviews);
	return 0;
}

static const struct api_ops ops = {.events = op_events, .overview = op_overview};

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
	/* What is owed is given, though nobody is there. */
	while (f->n_asked)
		reply(f, 0, 200, json_pack("{s:[], s:i}", "events", "next", 1));
	turns__end(&f->server);
	free(f);
	return 0;
}

static int dial(struct fixture *f, const char *target, const char *more)
{
	int fd = turns__dial(f->server.path);
	char request[512];
	int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target,
			 more);

	assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	f->reply[0] = '\0';
	return fd;
}

/* Runs the loop until so many questions were asked. */
static void until_asked(struct fixture *f, size_t n)
{
	uint64_t since_ns = uv_hrtime();

	while (f->n_questions < n) {
		if (!turns__one(&f->server, since_ns))
			fail_msg("%zu questions instead of %zu", f->n_questions, n);
	}
}

/* Runs the loop until that has come; NULL: until the other side has ended it. */
static void until_read(struct fixture *f, int fd, const char *text)
{
	uint64_t since_ns = uv_hrtime();
	size_t at = strlen(f->reply);

	while (!text || !strstr(f->reply, text)) {
		ssize_t n = read(fd, f->reply + at, sizeof(f->reply) - 1 - at);

		if (!n && !text)
			return;
		if (n > 0)
			at += (size_t)n;
		f->reply[at] = '\0';
		if (!turns__one(&f->server, since_ns) || (!n && text))
			fail_msg("no '%s' in:\n%s", text ? text : "end", f->reply);
	}
}

static void test_chain(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f, "/v1/events/stream?n=7", "");

	until_asked(f, 1);
	assert_false(f->what.has_since);
	assert_int_equal(f->what.n, 7);
	assert_int_equal(f->what.wait_ms, 0);
	assert_true(f->what.stream);
	reply(f, 0, 200, one_event(41, "a\nb"));
	/* A line end in the data would end the event. */
	until_read(f, fd, "id: 41\ndata: {\"id\":41,\"detail\":\"a\\nb\"}\n\n");
	assert_non_null(strstr(f->reply, "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr(f->reply, "retry: 2000\n\n"));
	until_asked(f, 2);
	assert_true(f->what.has_since);
	assert_int_equal(f->what.since, 41);
	assert_int_equal(f->what.wait_ms, 5000);
	reply(f, 0, 200, json_pack("{s:[], s:i}", "events", "next", 45));
	until_read(f, fd, "\n:\nid: 45\n\n");
	until_asked(f, 3);
	assert_int_equal(f->what.since, 45);
	reply(f, 0, 503, json_pack("{s:s}", "error", "the disk is gone"));
	until_read(f, fd, "\r\n0\r\n\r\n");
	assert_null(strstr(f->reply, "the disk is gone"));
	close(fd);
}

static void test_resumed(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f, "/v1/events/stream", "Last-Event-ID: 17\r\n");

	until_asked(f, 1);
	assert_true(f->what.has_since);
	assert_int_equal(f->what.since, 17);
	reply(f, 0, 503, json_pack("{s:s}", "error", "there is no journal"));
	until_read(f, fd, "there is no journal");
	assert_memory_equal(f->reply, "HTTP/1.1 503 ", 13);
	close(fd);
	for (size_t i = 0; i < 3; i++) {
		static const char *const wrong[] = {"Last-Event-ID: -1\r\n",
						    "Last-Event-ID: 1x\r\n",
						    "Last-Event-ID: 99999999999999999999\r\n"};

		fd = dial(f, "/v1/events/stream", wrong[i]);
		until_read(f, fd, "is not the number of an event");
		close(fd);
	}
	assert_int_equal(f->n_questions, 1);
}

/* A client that leaves while the agent owes it an answer: nobody minds, and its place is free. */
static void test_leaves(void **state)
{
	struct fixture *f = *state;
	struct api_streams counts;
	int fd = dial(f, "/v1/events/stream", "");
	uint64_t since_ns = uv_hrtime();

	until_asked(f, 1);
	reply(f, 0, 200, one_event(1, ""));
	until_asked(f, 2);
	close(fd);
	api__streams(f->server.api, &counts);
	assert_int_equal(counts.open, 1);
	reply(f, 0, 200, one_event(2, ""));
	while (counts.open && turns__one(&f->server, since_ns)) {
		api__streams(f->server.api, &counts);
		if (f->n_asked) /* it has not noticed yet */
			reply(f, 0, 200, one_event(3, ""));
	}
	assert_int_equal(counts.open + counts.slow + counts.displaced, 0);
}

static void test_displaced(void **state)
{
	struct fixture *f = *state;
	int fds[STREAMS + 2];
	struct api_streams counts;

	for (size_t i = 0; i < STREAMS; i++) {
		fds[i] = dial(f, "/v1/events/stream", "");
		until_asked(f, i + 1);
	}
	/* The first one is in the middle of its stream, the second one has had no answer yet. */
	reply(f, 0, 200, one_event(1, ""));
	until_read(f, fds[0], "id: 1\n");
	until_asked(f, STREAMS + 1);
	fds[STREAMS] = dial(f, "/v1/events/stream", "");
	until_asked(f, STREAMS + 2);
	until_read(f, fds[0], "0\r\n\r\n");
	/* The second one gets its answer between its end and the loop's next turn. */
	f->hasty = true;
	fds[STREAMS + 1] = dial(f, "/v1/events/stream", "");
	until_asked(f, STREAMS + 3);
	f->hasty = false;
	until_read(f, fds[1], "another client has the place");
	assert_memory_equal(f->reply, "HTTP/1.1 503 ", 13);
	api__streams(f->server.api, &counts);
	assert_int_equal(counts.open, STREAMS);
	assert_int_equal(counts.displaced, 2);
	assert_int_equal(counts.slow, 0);
	/* What is still owed to them is thrown away. */
	while (f->n_asked)
		reply(f, 0, 200, one_event(9, ""));
	f->reply[0] = '\0';
	until_read(f, fds[STREAMS + 1], "id: 9\n");
	for (size_t i = 0; i < STREAMS + 2; i++)
		close(fds[i]);
}

/* The agent stops while one waits and one is not begun: both end, and nothing is lost or freed twice. */
static void test_stops(void **state)
{
	struct fixture *f = *state;
	int begun = dial(f, "/v1/events/stream", ""), waits;

	until_asked(f, 1);
	reply(f, 0, 200, one_event(1, ""));
	until_asked(f, 2);
	waits = dial(f, "/v1/events/stream", "");
	until_asked(f, 3);
	api__free(f->server.api);
	f->server.api = NULL;
	until_read(f, begun, "\r\n0\r\n\r\n");
	f->reply[0] = '\0';
	until_read(f, waits, "the agent is stopping");
	close(begun);
	close(waits);
}

static void expect(struct fixture *f, const char *target, const char *text)
{
	int fd = dial(f, target, "Connection: close\r\n");

	until_read(f, fd, NULL);
	if (!strstr(f->reply, text))
		fail_msg("%s: no '%s' in:\n%s", target, text, f->reply);
	close(fd);
}

/* An answer is made once between two ticks, for each service; a refusal is nobody else's. */
static void test_kept(void **state)
{
	struct fixture *f = *state;

	expect(f, "/v1/overview", "{\"all\":1}");
	expect(f, "/v1/overview", "{\"all\":1}");
	expect(f, "/v1/overview?service=web", "{\"web\":2}");
	expect(f, "/v1/overview?service=%77eb", "{\"web\":2}");
	expect(f, "/v1/overview", "{\"all\":1}");
	expect(f, "/v1/overview?service=nobody", "HTTP/1.1 404 ");
	expect(f, "/v1/overview?service=nobody", "there is no service 'nobody'");
	assert_int_equal(f->n_overviews, 4);
	api__tick(f->server.api);
	expect(f, "/v1/overview", "{\"all\":5}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_displaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
