/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who asks a routing daemon how often, over how many connections; a daemon of BIRD's kind on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/bgp.h"

#define UP "1002-up4 BGP --- up 1 Established\n0000 \n"
#define DOWN "1002-up4 BGP --- start 1 Active\n0000 \n"

static uv_loop_t loop;
static struct bgp_asks asks;
static uv_pipe_t listener, *peer; /* the last connection; NULL: it has ended */
static uv_timer_t limit;
static struct config_track_bgp session;
static unsigned int connections, questions;
static const char *answer;

struct counted {
	struct bgp_sub *sub;
	unsigned int n, up; /* answers */
	bool settles; /* with the first one */
	struct counted *cancels; /* whom it cancels with the first one */
	char text[256]; /* of the last one */
};

/* --- the daemon --------------------------------------------------------------------------------------- */

static void on_room(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
	static char room[1024];

	(void)h;
	(void)wanted;
	*buf = uv_buf_init(room, sizeof(room));
}

static void on_peer_closed(uv_handle_t *h)
{
	free(h);
}

static void end_peer(uv_pipe_t *p)
{
	if (peer == p)
		peer = NULL;
	if (!uv_is_closing((uv_handle_t *)p))
		uv_close((uv_handle_t *)p, on_peer_closed);
}

static void say(uv_stream_t *s, const char *text)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned int)strlen(text));

	assert_int_equal(uv_try_write(s, &buf, 1), (int)strlen(text));
}

static void on_command(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	if (n <= 0) {
		end_peer((uv_pipe_t *)s);
		return;
	}
	if (n == 9 && !memcmp(buf->base, "restrict\n", 9)) {
		say(s, "0016 Access restricted\n");
		return;
	}
	assert_int_equal(n, strlen("show protocols \"up4\"\n"));
	questions++;
	if (answer)
		say(s, answer);
}

static void on_connection(uv_stream_t *l, int status)
{
	assert_int_equal(status, 0);
	peer = malloc(sizeof(*peer));
	assert_non_null(peer);
	uv_pipe_init(&loop, peer, 0);
	assert_int_equal(uv_accept(l, (uv_stream_t *)peer), 0);
	connections++;
	say((uv_stream_t *)peer, "0001 BIRD ready.\n");
	uv_read_start((uv_stream_t *)peer, on_room, on_command);
}

/* --- the loop ----------------------------------------------------------------------------------------- */

static void on_limit(uv_timer_t *t)
{
	uv_stop(t->loop);
}

static void run_for(uint64_t ms)
{
	uv_update_time(&loop);
	uv_timer_start(&limit, on_limit, ms, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
}

/* Until there is one of them; a minute at most. */
static void run_until(const unsigned int *n)
{
	for (int i = 0; i < 12000 && !*n; i++)
		run_for(5);
	assert_true(*n);
}

static bool on_answer(void *ctx, bool up, const char *text)
{
	struct counted *c = ctx;

	c->n++;
	c->up += up;
	snprintf(c->text, sizeof(c->text), "%s", text);
	if (c->cancels)
		bgp_sub__cancel(c->cancels->sub);
	c->cancels = NULL;
	return c->settles;
}

static void subscribe(struct counted *c, bool settled)
{
	struct err err;

	assert_int_equal(
		bgp__subscribe(&loop, &asks, &session, settled, on_answer, c, &c->sub, &err), 0);
}

static int begin(void **state)
{
	(void)state;
	session = (struct config_track_bgp){.daemon = CONFIG_BGP_BIRD,
					    .session = "up4",
					    .interval_ms = 60000,
					    .timeout_ms = 60000};
	snprintf(session.socket, sizeof(session.socket), "/tmp/fairlead-bgp-%d.ctl", getpid());
	unlink(session.socket);
	connections = questions = 0;
	answer = UP;
	TAILQ_INIT(&asks);
	uv_loop_init(&loop);
	uv_timer_init(&loop, &limit);
	uv_pipe_init(&loop, &listener, 0);
	assert_int_equal(uv_pipe_bind(&listener, session.socket), 0);
	return uv_listen((uv_stream_t *)&listener, 8, on_connection);
}

/* Nothing is left: neither of what asks, nor of who was asked. */
static int end(void **state)
{
	(void)state;
	assert_true(TAILQ_EMPTY(&asks));
	uv_close((uv_handle_t *)&listener, NULL);
	uv_close((uv_handle_t *)&limit, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_null(peer);
	assert_int_equal(uv_loop_close(&loop), 0);
	unlink(session.socket);
	return 0;
}

/* --- tests -------------------------------------------------------------------------------------------- */

static void test_shared(void **state)
{
	struct counted a = {.settles = true}, b = {.settles = true}, c = {.settles = true};

	(void)state;
	subscribe(&a, false);
	subscribe(&b, false);
	run_until(&a.n);
	assert_int_equal(connections, 1);
	assert_int_equal(questions, 1);
	assert_true(a.up == 1 && b.up == 1);
	/* A settled one waits with the others; the last one's end is the connection's. */
	subscribe(&c, true);
	bgp_sub__cancel(a.sub);
	bgp_sub__cancel(b.sub);
	run_for(20);
	assert_int_equal(questions, 1);
	assert_non_null(peer);
	/* One that is not has it asked at once, over the same connection. */
	a.n = 0;
	subscribe(&a, false);
	run_until(&a.n);
	assert_true(connections == 1 && questions == 2 && c.n == 1);
	bgp_sub__cancel(a.sub);
	bgp_sub__cancel(c.sub);
	/* Another question of the same daemon has its own. */
	session.timeout_ms--;
	a.n = b.n = 0;
	subscribe(&a, false);
	session.timeout_ms--;
	subscribe(&b, false);
	run_until(&a.n);
	run_until(&b.n);
	assert_int_equal(connections, 3);
	bgp_sub__cancel(a.sub);
	bgp_sub__cancel(b.sub);
}

/* How long it takes until there were so many questions, ms. */
static uint64_t until_questions(unsigned int n)
{
	uint64_t began = uv_hrtime();

	for (int i = 0; i < 12000 && questions < n; i++)
		run_for(5);
	assert_int_equal(questions, n);
	return (uv_hrtime() - began) / 1000000;
}

/* While something is counted: four times in an interval. */
static void test_pace(void **state)
{
	struct counted a = {.settles = false};
	uint64_t ms;

	(void)state;
	session.interval_ms = 400;
	subscribe(&a, false);
	run_until(&a.n);
	ms = until_questions(5);
	assert_in_range(ms, 350, 1400);
	a.settles = true;
	until_questions(6);
	ms = until_questions(7);
	assert_true(ms >= 350);
	assert_int_equal(connections, 1);
	bgp_sub__cancel(a.sub);
}

/* A connection that ends counts when it does, not with the next question. */
static void test_closed(void **state)
{
	struct counted a = {.settles = true};

	(void)state;
	subscribe(&a, false);
	run_until(&a.n);
	a.n = 0;
	end_peer(peer);
	run_until(&a.n);
	assert_string_equal(a.text, "BIRD has closed the connection");
	assert_int_equal(a.up, 1);
	assert_int_equal(questions, 1);
	bgp_sub__cancel(a.sub);
}

static void test_unasked(void **state)
{
	struct counted a = {.settles = true};

	(void)state;
	subscribe(&a, false);
	run_until(&a.n);
	a.n = 0;
	say((uv_stream_t *)peer, "0000 \n");
	run_until(&a.n);
	assert_string_equal(a.text, "BIRD speaks without being asked");
	run_for(5);
	assert_null(peer);
	bgp_sub__cancel(a.sub);
}

static void test_silent(void **state)
{
	struct counted a = {.settles = true};

	(void)state;
	session.interval_ms = 1000;
	session.timeout_ms = 20;
	answer = NULL;
	subscribe(&a, false);
	run_until(&a.n);
	assert_string_equal(a.text, "BIRD does not answer within 20 ms");
	/* The next question has a connection of its own, and the late answer is nobody's. */
	answer = DOWN;
	a.n = 0;
	run_until(&a.n);
	assert_string_equal(a.text, "BIRD says \"start, 1 Active\"");
	assert_int_equal(connections, 2);
	bgp_sub__cancel(a.sub);
}

static void test_nobody(void **state)
{
	struct counted a = {.settles = true};

	(void)state;
	unlink(session.socket);
	subscribe(&a, false);
	assert_int_equal(a.n, 0);
	run_until(&a.n);
	assert_non_null(strstr(a.text, ": No such file or directory"));
	bgp_sub__cancel(a.sub);
}

/* Whoever cancels from within an answer: another one, itself, before its turn or after it. */
static void test_cancel_within(void **state)
{
	struct counted a = {.settles = true}, b = {.settles = true}, c = {.settles = true};

	(void)state;
	subscribe(&a, false);
	subscribe(&b, false);
	subscribe(&c, false);
	c.cancels = &a; /* the last one is told first */
	b.cancels = &b;
	run_until(&c.n);
	assert_true(a.n == 0 && b.n == 1 && c.n == 1);
	c.cancels = &c;
	c.n = 0;
	end_peer(peer);
	run_until(&c.n);
	assert_true(b.n == 1 && c.n == 1);
	assert_true(TAILQ_EMPTY(&asks));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_shared), TEST(test_pace),   TEST(test_closed),	TEST(test_unasked),
		TEST(test_silent), TEST(test_nobody), TEST(test_cancel_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
