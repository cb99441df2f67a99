/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict: stories told result by result, and every short sequence against a simple model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "health/health.h"
#include "health_steps.h"

#define LENGTH 9 /* of the sequences that are all tried, of three kinds of results */
#define SEQUENCES 19683 /* 3 to the power of LENGTH */

/*
 * Each story: the results, '+', '-' or 'r' (refused), and what is so after each of them: the state
 * (U D S ?), then the change ('.' none, 'u' went up, 'd' down, 's' suspect), then whether it is settled
 * (s) or counting (c).
 */
static const struct {
	const char *what;
	uint32_t rise, fall;
	enum fl_health start;
	const char *results;
	const char *states, *changes, *settled;
} stories[] = {
	{"the first success makes UP at once", 3, 3, FL_HEALTH_UNKNOWN, "+", "U", "u", "s"},
	{"unknown falls after `fall`", 1, 3, FL_HEALTH_UNKNOWN, "---", "??D", "..d", "ccs"},
	{"unknown falls at once", 1, 1, FL_HEALTH_UNKNOWN, "-", "D", "d", "s"},
	{"unknown, failures, then up", 3, 3, FL_HEALTH_UNKNOWN, "--+-", "??UU", "..u.", "ccsc"},
	{"up falls after `fall`", 2, 3, FL_HEALTH_UP, "---", "UUD", "..d", "ccs"},
	{"up falls at once", 2, 1, FL_HEALTH_UP, "-", "D", "d", "s"},
	{"a success ends a streak", 2, 3, FL_HEALTH_UP, "--+--", "UUUUU", ".....", "ccscc"},
	{"up stays up", 2, 2, FL_HEALTH_UP, "+++", "UUU", "...", "sss"},
	{"down rises after `rise`", 3, 2, FL_HEALTH_DOWN, "+++", "DDU", "..u", "ccs"},
	{"down rises at once", 1, 2, FL_HEALTH_DOWN, "+", "U", "u", "s"},
	{"a failure ends a streak", 3, 2, FL_HEALTH_DOWN, "++-++", "DDDDD", ".....", "ccscc"},
	{"down stays down", 2, 2, FL_HEALTH_DOWN, "---", "DDD", "...", "sss"},
	{"there and back", 2, 2, FL_HEALTH_UP, "--++--", "UDDUUD", ".d.u.d", "cscscs"},
	{"a flapper moves nothing", 2, 2, FL_HEALTH_UP, "-+-+-+", "UUUUUU", "......", "cscscs"},
	{"a refusal makes suspect at once", 2, 3, FL_HEALTH_UP, "r", "S", "s", "c"},
	{"suspect falls after `fall`", 2, 3, FL_HEALTH_UP, "r--", "SSD", "s.d", "ccs"},
	{"refusals count like failures", 2, 3, FL_HEALTH_UP, "rrr", "SSD", "s.d", "ccs"},
	{"a refusal after a failure", 2, 3, FL_HEALTH_UP, "-r-", "USD", ".sd", "ccs"},
	{"suspect, and one success", 3, 3, FL_HEALTH_UP, "r+", "SU", "su", "cs"},
	{"a success forgets the failures", 3, 2, FL_HEALTH_UP, "r+-+", "SUUU", "su..", "cscs"},
	{"a refusal with fall 1", 2, 1, FL_HEALTH_UP, "r", "D", "d", "s"},
	{"a refusal while down", 2, 2, FL_HEALTH_DOWN, "+r++", "DDDU", "...u", "cscs"},
	{"unknown and refused", 2, 2, FL_HEALTH_UNKNOWN, "rr", "?D", ".d", "cs"},
	{"adopted suspect", 2, 3, FL_HEALTH_SUSPECT, "--+", "SSU", "..u", "ccs"},
	{"a flapper with rise 1, fall 1", 1, 1, FL_HEALTH_UP, "-+-+", "DUDU", "dudu", "ssss"},
};

static enum fl_health state_of(char c)
{
	return c == 'U'	  ? FL_HEALTH_UP
	       : c == 'D' ? FL_HEALTH_DOWN
	       : c == 'S' ? FL_HEALTH_SUSPECT
			  : FL_HEALTH_UNKNOWN;
}

static enum health_result result_of(char c)
{
	return c == '+' ? HEALTH_OK : c == '-' ? HEALTH_FAILED : HEALTH_REFUSED;
}

static enum health_change change_of(char c)
{
	return c == 'u'	  ? HEALTH_WENT_UP
	       : c == 'd' ? HEALTH_WENT_DOWN
	       : c == 's' ? HEALTH_WENT_SUSPECT
			  : HEALTH_SAME;
}

/* States that are a verdict, to be changed by a streak only. */
static bool is_sure(enum fl_health state)
{
	return state == FL_HEALTH_UP || state == FL_HEALTH_DOWN;
}

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		struct health_rules rules = counting(stories[i].rise, stories[i].fall);
		struct health h = known(stories[i].start, FL_ADMIN_NONE);

		assert_int_equal(strlen(stories[i].results), strlen(stories[i].settled));
		assert_int_equal(health__settled(&h), is_sure(stories[i].start));
		for (size_t r = 0; stories[i].results[r]; r++) {
			struct health_time now = at(1 + r, 1 + r);
			enum health_change c =
				take(&h, &rules, result_of(stories[i].results[r]), &now);

			if (h.state != state_of(stories[i].states[r]) ||
			    c != change_of(stories[i].changes[r]) ||
			    health__settled(&h) != (stories[i].settled[r] == 's'))
				fail_msg("%s: after result %zu: state %d, change %d, streak %u",
					 stories[i].what, r + 1, (int)h.state, (int)c, h.streak);
		}
	}
}

/* --- every sequence ----------------------------------------------------------------------------------- */

/* The rules of health.h read off the whole past, without a counter to get wrong. */
struct model {
	enum fl_health state;
	size_t changed_at; /* results before it are no evidence any more */
	size_t since; /* the result that made it what it is; 0: none */
};

/* How many results at the end of results[from..n) are equal to `ok`. */
static uint32_t run_length(const enum health_result *results, size_t from, size_t n, bool ok)
{
	uint32_t length = 0;

	while (n > from && (results[n - 1] == HEALTH_OK) == ok) {
		length++;
		n--;
	}
	return length;
}

static enum health_change model__result(struct model *m, const enum health_result *results,
					size_t n, uint32_t rise, uint32_t fall)
{
	uint32_t good = run_length(results, m->changed_at, n, true);
	uint32_t bad = run_length(results, m->changed_at, n, false);
	enum fl_health next = m->state;

	if (m->state != FL_HEALTH_UP && good >= (m->state == FL_HEALTH_DOWN ? rise : 1))
		next = FL_HEALTH_UP;
	else if (m->state != FL_HEALTH_DOWN && bad >= fall)
		next = FL_HEALTH_DOWN;
	else if (m->state == FL_HEALTH_UP && results[n - 1] == HEALTH_REFUSED)
		next = FL_HEALTH_SUSPECT;
	if (next == m->state)
		return HEALTH_SAME;
	m->state = next;
	m->since = n;
	/* Failures before it went on to be SUSPECT still count. */
	if (next == FL_HEALTH_SUSPECT)
		return HEALTH_WENT_SUSPECT;
	m->changed_at = n;
	return next == FL_HEALTH_UP ? HEALTH_WENT_UP : HEALTH_WENT_DOWN;
}

/* Results that speak against the state, in a row until now. */
static uint32_t model__streak(const struct model *m, const enum health_result *results, size_t n)
{
	if (!is_sure(m->state))
		return run_length(results, m->changed_at, n,
				  false); /* a success would have ended it */
	return run_length(results, m->changed_at, n, m->state == FL_HEALTH_DOWN);
}

static void compare(const struct health *h, const struct model *m,
		    const enum health_result *results, size_t n)
{
	uint32_t streak = model__streak(m, results, n);
	uint64_t since = m->since ? real_of(m->since) : BORN;

	assert_int_equal(h->state, m->state);
	assert_int_equal(h->streak, streak);
	assert_int_equal(h->since_ns, since);
	assert_int_equal(h->first_bad_ns, streak ? mono_of(n - streak + 1) : 0);
	assert_int_equal(health__settled(h), is_sure(m->state) && !streak);
	assert_int_equal(health__is_well(h), m->state == FL_HEALTH_UP);
}

static void run_sequence(uint32_t digits, size_t len, uint32_t rise, uint32_t fall,
			 enum fl_health start)
{
	struct model m = {.state = start};
	enum health_result results[LENGTH];
	struct health_rules rules = counting(rise, fall);
	struct health h = known(start, FL_ADMIN_NONE);

	for (size_t n = 1; n <= len; n++) {
		enum health_change got, want;
		struct health_time now;

		results[n - 1] = (enum health_result)(digits % 3);
		digits /= 3;
		now = at(mono_of(n), real_of(n));
		got = take(&h, &rules, results[n - 1], &now);
		want = model__result(&m, results, n, rise, fall);
		assert_int_equal(got, want);
		/* shorter sequences are prefixes of the longest: compared all the same, here */
		compare(&h, &m, results, n);
	}
}

static void test_all_sequences(void **state)
{
	static const enum fl_health starts[] = {FL_HEALTH_UNKNOWN, FL_HEALTH_UP, FL_HEALTH_DOWN,
						FL_HEALTH_SUSPECT};

	(void)state;
	for (uint32_t rise = 1; rise <= 3; rise++) {
		for (uint32_t fall = 1; fall <= 3; fall++) {
			for (int s = 0; s < 4; s++) {
				for (uint32_t digits = 0; digits < SEQUENCES; digits++)
					run_sequence(digits, LENGTH, rise, fall, starts[s]);
			}
		}
	}
}

/* --- thresholds ---------------------------------------------------------------------------------------- */

static void test_thresholds_lowered(void **state)
{
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);

	(void)state;
	feed(&h, 5, 5, false, 4);
	/* enough now, but a verdict needs a result */
	assert_int_equal(h.state, FL_HEALTH_UP);
	assert_int_equal(h.since_ns, BORN);
	assert_false(health__settled(&h));
	assert_int_equal(feed(&h, 2, 2, false, 1), HEALTH_WENT_DOWN);
	feed(&h, 2, 2, true, 1);
	assert_int_equal(h.state, FL_HEALTH_DOWN);
	assert_int_equal(feed(&h, 1, 1, true, 1), HEALTH_WENT_UP);
	/* the success that comes instead ends the streak */
	feed(&h, 5, 5, false, 4);
	assert_int_equal(feed(&h, 1, 1, true, 1), HEALTH_SAME);
	assert_true(health__settled(&h));
}

static void test_thresholds_raised(void **state)
{
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);

	(void)state;
	feed(&h, 2, 2, false, 1);
	feed(&h, 3, 4, false, 2);
	assert_int_equal(h.state, FL_HEALTH_UP);
	assert_int_equal(h.streak, 3); /* what was counted still counts */
	assert_int_equal(feed(&h, 3, 4, false, 1), HEALTH_WENT_DOWN);
	feed(&h, 3, 4, true, 2);
	assert_int_equal(h.state, FL_HEALTH_DOWN);
	assert_int_equal(feed(&h, 3, 4, true, 1), HEALTH_WENT_UP);
}

/* --- how it begins ------------------------------------------------------------------------------------- */

/* The configuration's word holds until a result says else, and is no verdict to rest on. */
static void test_begin(void **state)
{
	static const enum fl_health starts[] = {FL_HEALTH_UNKNOWN, FL_HEALTH_UP, FL_HEALTH_DOWN};
	struct health_time now = at(5, 6);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct health h;

		memset(&h, 0xa5, sizeof(h));
		health__begin(&h, starts[i], &now);
		assert_int_equal(h.state, starts[i]);
		assert_int_equal(h.admin, FL_ADMIN_NONE);
		assert_int_equal(h.since_ns, 6);
		assert_int_equal(h.turned_ns, 5);
		assert_int_equal(h.let_in_ns, 5);
		assert_int_equal(h.ruled, starts[i]);
		assert_int_equal(health__says(&h), FL_HEALTH_UNKNOWN);
		assert_int_equal(h.streak + h.flaps + h.held + h.ramping, 0);
		assert_int_equal(health__is_well(&h), starts[i] == FL_HEALTH_UP);
		assert_false(health__settled(&h));
	}
	/* up and well, down and failing: that is settled then */
	for (int up = 0; up < 2; up++) {
		struct health h;

		health__begin(&h, up ? FL_HEALTH_UP : FL_HEALTH_DOWN, &now);
		assert_int_equal(feed(&h, 2, 2, up, 1), HEALTH_SAME);
		assert_true(health__settled(&h));
		assert_int_equal(health__says(&h), up ? FL_HEALTH_UP : FL_HEALTH_DOWN);
	}
}

static void test_adoption(void **state)
{
	(void)state;
	for (int s = FL_HEALTH_UNKNOWN; s <= FL_HEALTH_SUSPECT; s++) {
		for (int a = FL_ADMIN_NONE; a <= FL_ADMIN_DISABLE; a++) {
			struct health h = known((enum fl_health)s, (enum fl_admin)a);

			assert_int_equal(health__is_well(&h), s == FL_HEALTH_UP && !a);
			assert_int_equal(health__is_lost(&h),
					 s == FL_HEALTH_DOWN || a == FL_ADMIN_DISABLE);
			assert_int_equal(health__settled(&h), is_sure((enum fl_health)s));
		}
	}
}

/* --- the operator ---------------------------------------------------------------------------------------- */

/* The name of each state: as it is, while the operator drains, and disabled. */
static void test_names(void **state)
{
	static const char *const names[][3] = {
		[FL_HEALTH_UNKNOWN] = {"unknown", "unknown", "disabled"},
		[FL_HEALTH_UP] = {"up", "draining", "disabled"},
		[FL_HEALTH_DOWN] = {"down", "down", "disabled"},
		[FL_HEALTH_SUSPECT] = {"suspect", "draining", "disabled"},
	};
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);

	(void)state;
	h.ramping = true;
	assert_string_equal(health__name(&h), "starting");
	for (int s = FL_HEALTH_UNKNOWN; s <= FL_HEALTH_SUSPECT; s++) {
		for (int a = FL_ADMIN_NONE; a <= FL_ADMIN_DISABLE; a++) {
			h = known((enum fl_health)s, (enum fl_admin)a);
			assert_string_equal(health__name(&h), names[s][a]);
		}
	}
}

static bool set_admin(struct health *h, enum fl_admin admin, uint64_t real_ns)
{
	struct health_time now = at(real_ns / 2, real_ns);

	return health__set_admin(h, admin, &now);
}

static void test_drain(void **state)
{
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);

	(void)state;
	assert_false(set_admin(&h, FL_ADMIN_NONE, 2000));
	assert_int_equal(h.since_ns, BORN);
	assert_true(set_admin(&h, FL_ADMIN_DRAIN, 2002));
	assert_int_equal(h.since_ns, 2002);
	assert_int_equal(h.let_in_ns, 0);
	assert_false(health__is_well(&h));
	assert_false(health__is_lost(&h));
	assert_true(health__settled(&h));
	assert_false(set_admin(&h, FL_ADMIN_DRAIN, 2004));
	assert_int_equal(h.since_ns, 2002);
	assert_true(set_admin(&h, FL_ADMIN_DISABLE, 2006));
	assert_true(health__is_lost(&h));
	assert_true(set_admin(&h, FL_ADMIN_NONE, 2008));
	assert_int_equal(h.since_ns, 2008);
	/* from here on slow start counts; for how long it has been up does not begin anew */
	assert_int_equal(h.let_in_ns, 1004);
	assert_int_equal(h.turned_ns, 0);
	assert_true(health__is_well(&h));
}

/* Probes go on while the operator drains: the verdict is there when it is wanted again. */
static void test_drain_across_health(void **state)
{
	struct health_rules rules = counting(2, 2);
	struct health h = known(FL_HEALTH_UP, FL_ADMIN_NONE);
	struct health_time now = at(50, 60);

	(void)state;
	take(&h, &rules, HEALTH_FAILED, &now);
	/* the operator's word neither ends nor feeds a streak */
	set_admin(&h, FL_ADMIN_DRAIN, 70);
	assert_int_equal(h.streak, 1);
	assert_int_equal(h.first_bad_ns, 50);
	now = at(80, 90);
	assert_int_equal(take(&h, &rules, HEALTH_FAILED, &now), HEALTH_WENT_DOWN);
	assert_int_equal(h.since_ns, 90);
	assert_int_equal(h.admin, FL_ADMIN_DRAIN);
	assert_true(set_admin(&h, FL_ADMIN_NONE, 100));
	assert_false(health__is_well(&h)); /* undrained, but down */
	assert_int_equal(h.let_in_ns, 80);
	set_admin(&h, FL_ADMIN_DRAIN, 110);
	feed(&h, 2, 2, true, 2);
	assert_int_equal(h.state, FL_HEALTH_UP);
	assert_false(health__is_well(&h)); /* up, but drained */
	assert_string_equal(health__name(&h), "draining");
	set_admin(&h, FL_ADMIN_NONE, 120);
	assert_true(health__is_well(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_all_sequences),
		cmocka_unit_test(test_thresholds_lowered),
		cmocka_unit_test(test_thresholds_raised),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_across_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
