/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many who ask at once: one answer for those who wait for the same, and a turn of the loop for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "api_serve.h"

static const char status[] = "GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/* One text for all who wait for it, of whom one has gone. */
static void test_shared(void **state)
{
	struct fixture *f = *state;

	f->answer_at = 3;
	start_client(f, 2, status, true);
	serve(f, 0);
	pthread_join(f->clients[2].thread, NULL);
	assert_int_equal(f->n_applies, 1);
	start_client(f, 0, status, false);
	start_client(f, 1, status, false);
	serve(f, 2);
	for (int i = 0; i < 2; i++) {
		assert_non_null(strstr(f->clients[i].reply, " 200 "));
		assert_non_null(strstr(f->clients[i].reply, "{\"instance\":\"main\"}"));
	}
	/* It is of nobody who asks afterwards. */
	f->answer_at = 0;
	expect(f, "GET /v1/status?service=web", "200", "\"service\":\"web\"");
}

static void test_shared_without_memory(void **state)
{
	struct fixture *f = *state;

	f->answer_at = 2;
	f->no_memory = true;
	start_client(f, 0, status, false);
	start_client(f, 1, status, false);
	serve(f, 2);
	for (int i = 0; i < 2; i++)
		assert_non_null(strstr(f->clients[i].reply, "the agent is out of memory"));
}

/* A text that is there only when the API is no more. */
static void test_shared_after_the_end(void **state)
{
	struct fixture *f = *state;

	f->answer_at = 2;
	start_client(f, 0, status, false);
	while (!f->n_applies)
		uv_run(&f->loop, UV_RUN_ONCE);
	api__free(f->api);
	f->api = NULL;
	serve(f, 1);
	assert_non_null(strstr(f->clients[0].reply, " 503 "));
	reply_text(f->applies[0], strdup("{}"), "application/json");
}

enum { REPLY_LEN = 512 };

/* What comes on a socket, which is closed; the loop turns meanwhile. */
static const char *receive(struct fixture *f, int fd, char reply[REPLY_LEN])
{
	ssize_t n;

	while ((n = recv(fd, reply, REPLY_LEN - 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_true(n > 0);
	reply[n] = '\0';
	close(fd);
	return reply;
}

/* Who has all of the loop's time gets a part of it; a newcomer is behind those that wait. */
static void test_turns(void **state)
{
	enum { N = 6 };
	static const char first[] = "GET /v1/status?service=first HTTP/1.1\r\nHost: a\r\n"
				    "Connection: close\r\n\r\n";
	static const char late[] = "GET /v1/status?service=late HTTP/1.1\r\nHost: a\r\n"
				   "Connection: close\r\n\r\n";
	struct fixture *f = *state;
	char reply[REPLY_LEN];
	int fds[N];

	f->slow = true;
	for (int i = 0; i < N - 1; i++) {
		fds[i] = dial(f->path);
		assert_int_equal(send(fds[i], first, strlen(first), 0), strlen(first));
	}
	while (!f->last[0])
		uv_run(&f->loop, UV_RUN_ONCE);
	fds[N - 1] = dial(f->path);
	assert_int_equal(send(fds[N - 1], late, strlen(late), 0), strlen(late));
	while (strcmp(f->last, "late"))
		uv_run(&f->loop, UV_RUN_ONCE);
	f->slow = false;
	assert_int_equal(f->statuses, N);
	for (int i = 0; i < N; i++)
		assert_non_null(strstr(receive(f, fds[i], reply), " 200 "));
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->most_in_turn, 1);
}

/* The API ends while requests wait for their turn. */
static void test_turns_end(void **state)
{
	enum { N = 5 };
	struct fixture *f = *state;
	char reply[REPLY_LEN];
	int fds[N], unavailable = 0;

	f->slow = true;
	for (int i = 0; i < N; i++) {
		fds[i] = dial(f->path);
		assert_int_equal(send(fds[i], status, strlen(status), 0), strlen(status));
	}
	while (!f->in_turn)
		uv_run(&f->loop, UV_RUN_ONCE);
	f->slow = false;
	api__free(f->api);
	f->api = NULL;
	for (int i = 0; i < N; i++)
		unavailable += strstr(receive(f, fds[i], reply), " 503 ") != NULL;
	assert_true(unavailable > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_after_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
