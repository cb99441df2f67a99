/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time thread: timers in order, sources before timers, calls, notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "vip/rt.h"

#define MS 1000000ULL

/* What happened on the thread, in order; read after rt__call(). */
static struct rig {
	uv_loop_t loop;
	struct rt *rt;
	char log[256];
	struct rt_timer timers[4];
	struct rt_source source;
	int pipe[2];
	struct rt_note notes[2];
	int ran[2];
} rig;

static void add(char c)
{
	size_t n = strlen(rig.log);

	if (n + 1 < sizeof(rig.log))
		rig.log[n] = c;
}

static void fire(void *ctx, uint64_t now_ns)
{
	struct rt_timer *t = ctx;

	assert_true(now_ns >= t->due_ns);
	add((char)('0' + (t - rig.timers)));
}

static void on_input(void *ctx, uint64_t now_ns)
{
	char c;

	(void)now_ns;
	assert_ptr_equal(ctx, &rig);
	if (read(rig.pipe[0], &c, 1) == 1)
		add(c);
}

static void count(void *ctx)
{
	(*(int *)ctx)++;
}

static int setup(void **state)
{
	struct err warning, err;

	(void)state;
	memset(&rig, 0, sizeof(rig));
	uv_loop_init(&rig.loop);
	for (size_t i = 0; i < 4; i++)
		rig.timers[i] = (struct rt_timer){.fire = fire, .ctx = &rig.timers[i]};
	for (size_t i = 0; i < 2; i++)
		rig.notes[i] = (struct rt_note){.run = count, .ctx = &rig.ran[i]};
	if (pipe(rig.pipe) || rt__start(&rig.loop, &rig.rt, &warning, &err))
		return -1;
	rig.source = (struct rt_source){.ready = on_input, .ctx = &rig, .fd = rig.pipe[0]};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rt__quiet(rig.rt);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	rt__stop(rig.rt);
	close(rig.pipe[0]);
	close(rig.pipe[1]);
	return uv_loop_close(&rig.loop);
}

/* How much the thread has logged, asked of itself. */
static int logged(void *ctx)
{
	(void)ctx;
	return (int)strlen(rig.log);
}

/* Until the thread has logged n characters, 5 s at most. */
static void wait_for(size_t n)
{
	for (int i = 0; i < 5000; i++) {
		if (rt__call(rig.rt, logged, NULL) >= (int)n)
			return;
		usleep(1000);
	}
	fail_msg("only \"%s\" happened", rig.log);
}

static int arm_unordered(void *ctx)
{
	uint64_t now = rt__now_ns();

	(void)ctx;
	rt__arm(rig.rt, &rig.timers[0], now + 30 * MS);
	rt__arm(rig.rt, &rig.timers[1], now + 10 * MS);
	rt__arm(rig.rt, &rig.timers[2], now + 20 * MS);
	rt__arm(rig.rt, &rig.timers[3], now + 15 * MS);
	rt__disarm(rig.rt, &rig.timers[3]);
	/* Armed again: only the last time counts. */
	rt__arm(rig.rt, &rig.timers[0], now + 5 * MS);
	return 0;
}

static void test_order(void **state)
{
	(void)state;
	rt__call(rig.rt, arm_unordered, NULL);
	wait_for(3);
	usleep(20000);
	wait_for(3);
	assert_string_equal(rig.log, "012");
}

static int watch(void *ctx)
{
	(void)ctx;
	return rt__watch(rig.rt, &rig.source);
}

/* The thread stands still: input comes, and a timer is missed. */
static void stand_still(void *ctx, uint64_t now_ns)
{
	(void)ctx;
	rt__arm(rig.rt, &rig.timers[1], now_ns + MS);
	usleep(5000);
	assert_int_equal(write(rig.pipe[1], "i", 1), 1);
}

static int arm_still(void *ctx)
{
	(void)ctx;
	rig.timers[0].fire = stand_still;
	rt__arm(rig.rt, &rig.timers[0], rt__now_ns());
	return 0;
}

static void test_sources_before_timers(void **state)
{
	(void)state;
	assert_int_equal(rt__call(rig.rt, watch, NULL), 0);
	rt__call(rig.rt, arm_still, NULL);
	wait_for(2);
	assert_string_equal(rig.log, "i1");
}

static void read_and_leave(void *ctx, uint64_t now_ns)
{
	on_input(ctx, now_ns);
	rt__unwatch(rig.rt, &rig.source);
}

static void test_unwatched(void **state)
{
	(void)state;
	rig.source.ready = read_and_leave;
	assert_int_equal(rt__call(rig.rt, watch, NULL), 0);
	assert_int_equal(write(rig.pipe[1], "xyz", 3), 3);
	wait_for(1);
	usleep(5000);
	wait_for(1);
	assert_string_equal(rig.log, "x");
}

static void again(void *ctx, uint64_t now_ns)
{
	struct rt_timer *t = ctx;

	(void)now_ns;
	add('a');
	if (strlen(rig.log) < 40)
		rt__arm(rig.rt, t, t->due_ns > 100 * MS ? t->due_ns - 100 * MS : 1);
}

static int arm_greedy(void *ctx)
{
	uint64_t now = rt__now_ns();

	(void)ctx;
	rig.timers[0].fire = again;
	rt__watch(rig.rt, &rig.source);
	rt__arm(rig.rt, &rig.timers[0], now);
	rt__arm(rig.rt, &rig.timers[1], now + 1);
	return write(rig.pipe[1], "i", 1) == 1 ? 0 : -1;
}

/* A timer that always arms itself for the past starves neither others nor sources. */
static void test_greedy_timer(void **state)
{
	(void)state;
	assert_int_equal(rt__call(rig.rt, arm_greedy, NULL), 0);
	wait_for(40);
	assert_non_null(strchr(rig.log, '1'));
	assert_true(strchr(rig.log, '1') - rig.log < 4);
	assert_non_null(strchr(rig.log, 'i'));
	assert_true(strchr(rig.log, 'i') - rig.log < 4);
}

static int tell_both(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < 1000; i++) {
		rt__tell(rig.rt, &rig.notes[0]);
		rt__tell(rig.rt, &rig.notes[1]);
	}
	return 0;
}

/* Reads one byte, and leaves it at that for a while. */
static void rest(void *ctx, uint64_t now_ns)
{
	on_input(ctx, now_ns);
	if (strlen(rig.log) == 1)
		rt__arm(rig.rt, &rig.timers[1], now_ns + MS / 2);
	rt__rest(rig.rt, &rig.source, now_ns);
}

static int flood(void *ctx)
{
	(void)ctx;
	rig.source.ready = rest;
	rt__watch(rig.rt, &rig.source);
	return (int)write(rig.pipe[1], "iii", 3);
}

static int unwatch_source(void *ctx)
{
	(void)ctx;
	rt__unwatch(rig.rt, &rig.source);
	return 0;
}

/* A source that rests is not asked though there is more, and then it is; one that rests can be taken out. */
static void test_rest(void **state)
{
	(void)state;
	assert_int_equal(rt__call(rig.rt, flood, NULL), 3);
	wait_for(4);
	/* Without a rest all of the input would come first. */
	assert_string_equal(rig.log, "i1ii");
	assert_int_equal(rt__call(rig.rt, unwatch_source, NULL), 0);
	usleep(5000);
	assert_int_equal(write(rig.pipe[1], "i", 1), 1);
	usleep(5000);
	assert_int_equal(rt__call(rig.rt, logged, NULL), 4);
}

static void test_notes(void **state)
{
	(void)state;
	rt__call(rig.rt, tell_both, NULL);
	assert_int_equal(rig.ran[0], 0);
	uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.ran[0], 1);
	assert_int_equal(rig.ran[1], 1);
	/* Told again after it ran: it runs again; the forgotten one does not. */
	rt__call(rig.rt, tell_both, NULL);
	rt__forget(rig.rt, &rig.notes[0]);
	uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.ran[0], 1);
	assert_int_equal(rig.ran[1], 2);
	rt__call(rig.rt, tell_both, NULL);
	uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.ran[0], 2);
	assert_int_equal(rig.ran[1], 3);
}

static int be_late(void *ctx)
{
	(void)ctx;
	rt__arm(rig.rt, &rig.timers[0], rt__now_ns() + MS);
	usleep(9000);
	return 0;
}

static void test_lateness(void **state)
{
	struct lateness_counts l;
	uint64_t late;

	(void)state;
	rt__call(rig.rt, be_late, NULL);
	wait_for(1);
	rt__lateness(rig.rt, &l);
	late = rt__take_lateness(rig.rt);
	assert_true(late >= 8 * MS);
	assert_int_equal(rt__take_lateness(rig.rt), 0);
	assert_int_equal(l.total, 1);
	assert_int_equal(l.max_ns, late);
	for (unsigned int i = 0; i < LATENESS_BUCKETS; i++)
		assert_int_equal(l.n[i],
				 late / 1000 < 1ULL << i && (!i || late / 1000 >= 1ULL << (i - 1)));
	rt__lately(rig.rt, &l);
	assert_int_equal(l.total, 1);
	assert_int_equal(l.max_ns, late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sources_before_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unwatched, setup, teardown),
		cmocka_unit_test_setup_teardown(test_greedy_timer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lateness, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
