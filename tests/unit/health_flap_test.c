/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from verdicts that change: hold-down of who flaps, slow start, what holds by others' word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "health/health.h"
#include "health_steps.h"

/* --- flapping -------------------------------------------------------------------------------------------- */

#define SECOND UINT64_C(1000000000)

static const struct health_rules damped = {
	.rise = 2,
	.fall = 1,
	.flap_hold_ms = 10000,
	.flap_hold_max_ms = 35000,
	.flap_forget_ms = 60000,
};

static enum health_change result_at(struct health *h, bool ok, uint64_t s)
{
	struct health_time now = at(s * SECOND, s * SECOND);

	return take(h, &damped, ok ? HEALTH_OK : HEALTH_FAILED, &now);
}

/* Seconds, probing once a second, from the first success to UP; it is UP then. */
static uint64_t rises_after(struct health *h, uint64_t *s)
{
	uint64_t first = *s;

	while (result_at(h, true, *s) != HEALTH_WENT_UP) {
		/* All but the hold is there: no need to ask faster. */
		assert_int_equal(health__settled(h), *s > first);
		(*s)++;
		assert_true(*s < first + 100);
	}
	return *s - first;
}

static void test_hold_doubles(void **state)
{
	static const uint64_t want[] = {1, 10, 20, 35, 35};
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);
	uint64_t s = 100;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		s += 5;
		assert_int_equal(result_at(&h, false, s), HEALTH_WENT_DOWN);
		s += 5;
		assert_int_equal(rises_after(&h, &s), want[i]);
	}
	/* UP long enough: forgotten */
	s += 60;
	assert_int_equal(result_at(&h, false, s), HEALTH_WENT_DOWN);
	assert_int_equal(h.flaps, 1);
	s++;
	assert_int_equal(rises_after(&h, &s), 1);
	/* a little less: not */
	s += 59;
	assert_int_equal(result_at(&h, false, s), HEALTH_WENT_DOWN);
	assert_int_equal(h.flaps, 2);
}

/* One failure, and all of the hold begins anew. */
static void test_hold_begins_anew(void **state)
{
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);
	uint64_t s = 100;

	(void)state;
	result_at(&h, false, s++);
	rises_after(&h, &s);
	result_at(&h, false, ++s);
	for (int i = 0; i < 9; i++)
		assert_int_equal(result_at(&h, true, ++s), HEALTH_SAME);
	assert_int_equal(result_at(&h, false, ++s), HEALTH_SAME);
	assert_true(health__settled(&h));
	s++;
	assert_int_equal(rises_after(&h, &s), 10);
}

/*
 * Every sequence of up to 8 results, every one of them 1 or 30 s after the last: the hold is never
 * shorter than said, for a count of falls by another way, and without it the verdict is the one of old.
 */
static void run_timed(uint32_t digits)
{
	const struct health_rules plain = counting(damped.rise, damped.fall);
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE), undamped = h;
	uint64_t s = 1000, up_at = 0, good_from = 0, falls = 0;

	for (int n = 0; n < 8; n++, digits /= 4) {
		bool ok = digits % 2;
		enum fl_health was = h.state;
		uint64_t hold = falls < 2 ? 0 : falls == 2 ? 10 : falls == 3 ? 20 : 35;
		struct health_time now;

		s += digits / 2 % 2 ? 30 : 1;
		now = at(s * SECOND, s * SECOND);
		take(&undamped, &plain, ok ? HEALTH_OK : HEALTH_FAILED, &now);
		result_at(&h, ok, s);
		good_from = !ok ? 0 : good_from ? good_from : s;
		assert_true(h.state != FL_HEALTH_UP || undamped.state == FL_HEALTH_UP);
		if (was == FL_HEALTH_UP && !ok) {
			assert_int_equal(h.state, FL_HEALTH_DOWN);
			falls = s - up_at >= 60 ? 1 : falls + 1;
		} else if (was == FL_HEALTH_DOWN) {
			bool due = undamped.state == FL_HEALTH_UP && good_from &&
				   s - good_from >= hold;

			assert_int_equal(h.state == FL_HEALTH_UP, due);
			up_at = h.state == FL_HEALTH_UP ? s : up_at;
		}
		assert_int_equal(h.flaps, falls);
	}
}

static void test_every_timing(void **state)
{
	(void)state;
	for (uint32_t digits = 0; digits < 1u << 16; digits++)
		run_timed(digits);
}

/* --- slow start ------------------------------------------------------------------------------------------ */

static void test_ramp(void **state)
{
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);
	uint32_t last = 1;

	(void)state;
	h.let_in_ns = 7 * SECOND;
	assert_int_equal(health__ramp(&h, 60000, 20, 7 * SECOND), 20);
	h.ramping = true;
	assert_int_equal(health__ramp(&h, 0, 20, 7 * SECOND), 20);
	/* a clock that was read earlier */
	assert_int_equal(health__ramp(&h, 60000, 20, 6 * SECOND), 1);
	for (uint64_t ms = 0; ms <= 60000; ms += 10) {
		uint32_t parts = health__ramp(&h, 60000, 20, 7 * SECOND + ms * 1000000);

		assert_in_range(parts, last, last + 1);
		assert_in_range(parts, ms * 19 / 60000, 2 + ms * 19 / 60000);
		last = parts;
	}
	assert_int_equal(last, 20);
	/* an hour is the longest */
	assert_int_equal(health__ramp(&h, 3600000, 20, 7 * SECOND + 3599 * SECOND), 19);
	/* suspicion does not begin it anew, a fall ends it */
	feed(&h, 1, 2, false, 1);
	h.state = h.ruled = FL_HEALTH_SUSPECT;
	feed(&h, 1, 2, true, 1);
	assert_true(h.state == FL_HEALTH_UP && h.ramping && h.let_in_ns == 7 * SECOND);
	feed(&h, 1, 1, false, 1);
	assert_false(h.ramping);
}

/* --- what holds, and what the probes here say -------------------------------------------------------------- */

/* Every sequence of six rulings: who is let in, and when; the probes' own count is not touched. */
static void run_rulings(uint32_t digits)
{
	static const enum fl_health kinds[] = {FL_HEALTH_UP, FL_HEALTH_DOWN, FL_HEALTH_SUSPECT};
	struct health h = known(FL_HEALTH_UNKNOWN, FL_ADMIN_NONE);
	uint64_t let_in = 0, since = BORN;
	bool was_up = false; /* since it was down, or began */

	h.streak = 2;
	h.turned_ns = 3;
	for (uint64_t n = 1; n <= 6; n++, digits /= 3) {
		enum fl_health next = kinds[digits % 3], was = h.ruled;
		struct health_time now = at(mono_of(n), real_of(n));
		enum health_change change;

		h.ramping = true;
		change = health__rule(&h, next, &now);
		assert_int_equal(change, next == was		  ? HEALTH_SAME
					 : next == FL_HEALTH_UP	  ? HEALTH_WENT_UP
					 : next == FL_HEALTH_DOWN ? HEALTH_WENT_DOWN
								  : HEALTH_WENT_SUSPECT);
		since = next == was ? since : now.real_ns;
		if (next != was && (next == FL_HEALTH_DOWN || (next == FL_HEALTH_UP && !was_up))) {
			let_in = now.mono_ns;
			assert_false(h.ramping);
		} else {
			assert_true(h.ramping);
		}
		was_up = next == FL_HEALTH_UP || (next == FL_HEALTH_SUSPECT && was_up);
		assert_int_equal(h.let_in_ns, let_in);
		assert_int_equal(h.since_ns, since);
		assert_int_equal(h.ruled, next);
		assert_int_equal(health__is_well(&h), next == FL_HEALTH_UP);
		assert_int_equal(health__is_lost(&h), next == FL_HEALTH_DOWN);
		assert_true(h.state == FL_HEALTH_UNKNOWN && h.streak == 2 && h.turned_ns == 3);
		assert_int_equal(health__says(&h), FL_HEALTH_UNKNOWN);
	}
}

static void test_every_ruling(void **state)
{
	(void)state;
	for (uint32_t digits = 0; digits < 729; digits++)
		run_rulings(digits);
}

/* A hold-down is a vote, and no more: ruled up, it falls and counts its flaps as before. */
static void test_overruled_flapper(void **state)
{
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);
	struct health_time now = at(100 * SECOND, 1);

	(void)state;
	for (uint64_t s = 100; s < 140; s += 10) {
		now.mono_ns = s * SECOND;
		health__result(&h, &damped, HEALTH_FAILED, &now);
		health__rule(&h, FL_HEALTH_UP, &now);
		now.mono_ns += SECOND;
		health__result(&h, &damped, HEALTH_OK, &now);
		now.mono_ns += SECOND;
		health__result(&h, &damped, HEALTH_OK, &now);
	}
	assert_int_equal(h.flaps, 2); /* since then it is held down, by its own probes' word */
	assert_int_equal(health__says(&h), FL_HEALTH_DOWN);
	assert_true(health__is_well(&h));
	assert_int_equal(h.let_in_ns, 0);
	assert_int_equal(health__hold_ms(&h, &damped), 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold_doubles), cmocka_unit_test(test_hold_begins_anew),
		cmocka_unit_test(test_every_timing), cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_every_ruling), cmocka_unit_test(test_overruled_flapper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
