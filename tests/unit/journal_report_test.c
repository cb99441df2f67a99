/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Availability from changes of states: what counts as up, and what nobody knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "journal/report.h"

#define S 1000 /* a second, ms */
#define T0 INT64_C(1700000000000) /* wall's clock at mono 0, unless a test says else */
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* A run whose clock was never set: it began at `from` s and was last heard at `to` s. */
#define RUN(from, to)                                                                        \
	{                                                                                    \
		.start_mono_ms = (from)*S, .last_mono_ms = (to)*S, .last_at_ms = T0 + (to)*S \
	}

static struct report_sum sum_of(const struct report_run *runs, size_t n_runs,
				const struct report_change *changes, size_t n, int64_t from,
				int64_t to)
{
	const struct report_window w = {T0 + from * S, T0 + to * S};
	struct report_sum sum;

	assert_int_equal(report__sum(runs, n_runs, changes, n, 1, &w, 1, &sum), 0);
	return sum;
}

static void is(const struct report_sum *s, int64_t up, int64_t down, int64_t unknown, int64_t out)
{
	assert_int_equal(s->up_ms, up * S);
	assert_int_equal(s->down_ms, down * S);
	assert_int_equal(s->unknown_ms, unknown * S);
	assert_int_equal(s->out_ms, out * S);
}

static void test_one_run(void **state)
{
	static const struct report_run runs[] = {RUN(0, 1000)};
	static const struct report_change changes[] = {
		{0, 0, 100 * S, REPORT_UNKNOWN}, {0, 0, 110 * S, REPORT_UP},
		{0, 0, 400 * S, REPORT_DOWN},	 {0, 0, 420 * S, REPORT_DOWN},
		{0, 0, 430 * S, REPORT_UP},	 {0, 0, 500 * S, REPORT_OUT},
		{0, 0, 600 * S, REPORT_UP},	 {0, 0, 990 * S, REPORT_DOWN},
	};
	struct report_sum s = sum_of(runs, 1, changes, COUNT(changes), 0, 1000);

	(void)state;
	/* Before its first word it was not there; what is open goes on until the run's end. */
	is(&s, 290 + 70 + 390, 30 + 10, 10, 100);
	assert_int_equal(s.outages, 2);
	assert_int_equal(s.longest_ms, 30 * S);
	assert_true(fabs(report__availability(&s) - 750.0 / 790) < 1e-12);
	/* Windows cut. */
	s = sum_of(runs, 1, changes, COUNT(changes), 410, 425);
	is(&s, 0, 15, 0, 0);
	assert_int_equal(s.outages, 1);
	assert_int_equal(s.longest_ms, 15 * S);
	s = sum_of(runs, 1, changes, COUNT(changes), 430, 500);
	is(&s, 70, 0, 0, 0);
	assert_int_equal(s.outages, 0);
	/* What is to come is nobody's. */
	s = sum_of(runs, 1, changes, COUNT(changes), 990, 5000);
	is(&s, 0, 10, 0, 0);
	s = sum_of(runs, 1, changes, COUNT(changes), 5000, 6000);
	is(&s, 0, 0, 0, 0);
	assert_true(report__availability(&s) < 0);
}

static void test_not_running(void **state)
{
	static const struct report_run runs[] = {RUN(0, 100), RUN(300, 400), RUN(450, 500)};
	static const struct report_change changes[] = {
		{0, 0, 0, REPORT_UP},
		{1, 0, 310 * S, REPORT_UP},
		{2, 0, 450 * S, REPORT_DOWN},
	};
	struct report_sum s = sum_of(runs, 3, changes, 3, 0, 500);

	(void)state;
	/* 100..310 and 400..450: nobody watched, and up it was not by that. */
	is(&s, 100 + 90, 50, 210 + 50, 0);
	/* One that is not seen again is not unknown for ever after. */
	s = sum_of(runs, 3, changes, 2, 0, 500);
	is(&s, 100 + 90, 0, 210, 0);
	/* Down before and after: twice, since nobody knows what was between. */
	static const struct report_change twice[] = {
		{0, 0, 50 * S, REPORT_DOWN},
		{1, 0, 300 * S, REPORT_DOWN},
	};
	s = sum_of(runs, 3, twice, 2, 0, 500);
	is(&s, 0, 50 + 100, 200, 0);
	assert_int_equal(s.outages, 2);
	assert_int_equal(s.longest_ms, 100 * S);
}

static void test_removed(void **state)
{
	static const struct report_run runs[] = {RUN(0, 100), RUN(300, 400)};
	static const struct report_change changes[] = {
		{0, 0, 0, REPORT_UP},
		{0, 0, 60 * S, REPORT_GONE},
		{1, 0, 350 * S, REPORT_UP},
	};
	struct report_sum s = sum_of(runs, 2, changes, 3, 0, 400);

	(void)state;
	is(&s, 60 + 50, 0, 0, 0);
}

static void test_clock_jumps(void **state)
{
	/* It was an hour behind until it was set; the run's clock says 100 s all the same. */
	static const struct report_run runs[] = {
		{.start_mono_ms = 0, .last_mono_ms = 100 * S, .last_at_ms = T0 + 3700 * S},
	};
	static const struct report_change changes[] = {
		{0, 0, 0, REPORT_UP},
		{0, 0, 40 * S, REPORT_DOWN},
		{0, 0, 50 * S, REPORT_UP},
	};
	struct report_sum s = sum_of(runs, 1, changes, 3, 0, 4000);

	(void)state;
	is(&s, 90, 10, 0, 0);
	/* And all of it is where the right clock has it. */
	s = sum_of(runs, 1, changes, 3, 3640, 3650);
	is(&s, 0, 10, 0, 0);
}

static void test_overlapping_runs(void **state)
{
	/* The first one's clock was 50 s ahead when it ended; the second began by a right one. */
	static const struct report_run runs[] = {
		{.start_mono_ms = 0, .last_mono_ms = 100 * S, .last_at_ms = T0 + 150 * S},
		{.start_mono_ms = 110 * S, .last_mono_ms = 210 * S, .last_at_ms = T0 + 210 * S},
	};
	static const struct report_change changes[] = {
		{0, 0, 0, REPORT_UP},
		{0, 0, 90 * S, REPORT_DOWN}, /* at 140, where it is the second's time */
		{1, 0, 110 * S, REPORT_UP},
	};
	struct report_sum s = sum_of(runs, 2, changes, 3, 0, 300);

	(void)state;
	/* 50..110 and 110..210: no second is counted twice. */
	is(&s, 60 + 100, 0, 0, 0);
	assert_int_equal(s.outages, 0);
}

static void test_gap(void **state)
{
	static const struct report_run runs[] = {RUN(0, 100)};
	static const struct report_change changes[] = {
		{0, 0, 0, REPORT_UP},
		{0, 1, 0, REPORT_GONE},
		{0, REPORT_EVERYTHING, 20 * S, REPORT_UNKNOWN},
		{0, 0, 50 * S, REPORT_DOWN},
	};
	const struct report_window w = {T0, T0 + 100 * S};
	struct report_sum s[2];

	(void)state;
	assert_int_equal(report__sum(runs, 1, changes, 4, 2, &w, 1, s), 0);
	is(&s[0], 20, 50, 30, 0);
	is(&s[1], 0, 0, 0, 0);
}

static void test_windows(void **state)
{
	static const struct report_run runs[] = {RUN(0, 1000)};
	static const struct report_change changes[] = {
		{0, 1, 0, REPORT_UP},
		{0, 0, 500 * S, REPORT_UP},
		{0, 1, 900 * S, REPORT_DOWN},
	};
	const struct report_window w[] = {{T0, T0 + 1000 * S}, {T0 + 800 * S, T0 + 950 * S}};
	struct report_sum s[4];

	(void)state;
	assert_int_equal(report__sum(runs, 1, changes, 3, 2, w, 2, s), 0);
	is(&s[0], 500, 0, 0, 0);
	is(&s[1], 150, 0, 0, 0);
	is(&s[2], 900, 100, 0, 0);
	is(&s[3], 100, 50, 0, 0);
}

static void test_nonsense(void **state)
{
	static const struct report_run runs[] = {RUN(0, 100)};
	static const struct report_change no_run[] = {{1, 0, 0, REPORT_UP}};
	static const struct report_change no_subject[] = {{0, 1, 0, REPORT_UP}};
	static const struct report_change back[] = {{0, 0, 5, REPORT_UP}, {0, 0, 4, REPORT_UP}};
	const struct report_window w = {T0, T0 + S};
	struct report_sum s;

	(void)state;
	assert_int_equal(report__sum(runs, 1, no_run, 1, 1, &w, 1, &s), -EINVAL);
	assert_int_equal(report__sum(runs, 1, no_subject, 1, 1, &w, 1, &s), -EINVAL);
	assert_int_equal(report__sum(runs, 1, back, 2, 1, &w, 1, &s), -EINVAL);
	assert_int_equal(report__sum(NULL, 0, NULL, 0, 1, &w, 1, &s), 0);
	is(&s, 0, 0, 0, 0);
}

/* Whatever happens, the parts of a window are not more than the window. */
static void test_random(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 500; round++) {
		struct report_run runs[4];
		struct report_change changes[64];
		struct report_window w[3];
		struct report_sum sums[9];
		int64_t mono = 0;
		size_t n = 0;

		for (size_t i = 0; i < 4; i++) {
			runs[i].start_mono_ms = mono;
			for (int k = 0; k < 16; k++) {
				changes[n++] = (struct report_change){
					i,
					(size_t)rand() % 4 == 3 ? REPORT_EVERYTHING
								: (size_t)rand() % 3,
					mono, (enum report_state)(rand() % 5)};
				if (changes[n - 1].subject == REPORT_EVERYTHING)
					changes[n - 1].state = REPORT_UNKNOWN;
				mono += rand() % 1000;
			}
			runs[i].last_mono_ms = mono;
			runs[i].last_at_ms = T0 + mono + rand() % 20000 - 10000;
			mono += rand() % 5000;
		}
		for (size_t i = 0; i < 3; i++) {
			w[i].from_ms = T0 + rand() % 60000 - 10000;
			w[i].to_ms = w[i].from_ms + rand() % 60000;
		}
		assert_int_equal(report__sum(runs, 4, changes, n, 3, w, 3, sums), 0);
		for (size_t i = 0; i < 9; i++) {
			const struct report_sum *s = &sums[i];

			assert_in_range(s->up_ms + s->down_ms + s->unknown_ms + s->out_ms, 0,
					w[i % 3].to_ms - w[i % 3].from_ms);
			assert_true(s->up_ms >= 0 && s->down_ms >= 0 && s->unknown_ms >= 0 &&
				    s->out_ms >= 0);
			assert_true(s->longest_ms <= s->down_ms);
			assert_true((s->outages == 0) == (s->down_ms == 0));
		}
	}
}

static void test_figures(void **state)
{
	struct report_sum s = {.up_ms = 999, .down_ms = 1};
	const struct report_window year = {0, INT64_C(365) * 86400 * S};

	(void)state;
	assert_true(fabs(report__nines(&s) - 3) < 1e-9);
	s.down_ms = 0;
	assert_true(isinf(report__nines(&s)));
	s.up_ms = 0;
	assert_true(report__nines(&s) < 0);
	/* 99.95 %: 4 h 22 min 48 s a year. */
	assert_int_equal(report__budget_ms(&year, 0.9995), 15768 * S);
	assert_int_equal(report__state("up"), REPORT_UP);
	assert_int_equal(report__state("starting"), REPORT_UP);
	assert_int_equal(report__state("serving"), REPORT_UP);
	assert_int_equal(report__state("suspect"), REPORT_DOWN);
	assert_int_equal(report__state("not serving"), REPORT_DOWN);
	assert_int_equal(report__state("draining"), REPORT_OUT);
	assert_int_equal(report__state("disabled"), REPORT_OUT);
	assert_int_equal(report__state("removed"), REPORT_GONE);
	assert_int_equal(report__state("unknown"), REPORT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_run),		 cmocka_unit_test(test_not_running),
		cmocka_unit_test(test_removed),		 cmocka_unit_test(test_clock_jumps),
		cmocka_unit_test(test_overlapping_runs), cmocka_unit_test(test_gap),
		cmocka_unit_test(test_windows),		 cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_random),		 cmocka_unit_test(test_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
