/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Enough backends: stories, and every history of five steps against the sentences of enough.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "health/enough.h"

#define S UINT64_C(1000000000)

/* Each story: how many are usable, a step a second from second 1; whether they are enough then. */
static const struct {
	const char *what;
	struct enough_rules rules;
	const char *usable, *enough;
} stories[] = {
	{"without hysteresis", {2, 2, 0}, "0123210123", "0011100011"},
	{"the first time there is nothing to hold", {2, 3, 5000}, "01222", "00111"},
	{"once lost it takes more", {2, 3, 0}, "2221222232", "1110000011"},
	{"for a while", {2, 2, 3000}, "21222222", "10000111"},
	{"without a break", {2, 2, 3000}, "2122122222", "1000000011"},
	{"more, for a while", {2, 3, 2000}, "213233332", "100000111"},
	{"a flapper", {2, 2, 3000}, "212121212222", "100000000001"},
	{"what is between the two is enough while it is", {2, 3, 9000}, "32323232", "11111111"},
	{"lost again at once", {1, 1, 2000}, "1011101110", "1000100010"},
	{"never", {1, 1, 0}, "0000", "0000"},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		struct enough e = {0};

		assert_int_equal(strlen(stories[i].usable), strlen(stories[i].enough));
		for (size_t n = 0; stories[i].usable[n]; n++) {
			bool is =
				enough__follow(&e, &stories[i].rules,
					       (uint32_t)(stories[i].usable[n] - '0'), (n + 1) * S);

			if (is != (stories[i].enough[n] == '1') || is != e.is)
				fail_msg("%s: step %zu: %d", stories[i].what, n + 1, is);
		}
	}
}

/* --- every history --------------------------------------------------------------------------------------- */

#define STEPS 5
#define WAYS 12 /* of a step: 0 to 3 are usable; 0, 1 or 2 s after the last one */

/* Read off the whole past, without a state: steps[n] is what is so from at[n] on. */
static bool is_enough(const struct enough_rules *r, const uint32_t *usable, const uint64_t *at_ns,
		      const bool *was, size_t n)
{
	size_t from = n;
	bool ever = false;

	for (size_t i = 0; i < n; i++)
		ever |= was[i];
	if (!ever || was[n - 1])
		return usable[n] >= r->min;
	if (usable[n] < r->again)
		return false;
	/* The longest run of steps up to now, since it was lost, that had `again`. */
	while (from && usable[from - 1] >= r->again && !was[from - 1])
		from--;
	return at_ns[n] - at_ns[from] >= r->hold_ms * UINT64_C(1000000);
}

static void run(uint32_t digits, const struct enough_rules *rules)
{
	uint32_t usable[STEPS];
	uint64_t at_ns[STEPS], now_ns = S, due_ns;
	struct enough e = {0};
	bool was[STEPS];

	for (size_t n = 0; n < STEPS; n++, digits /= WAYS) {
		usable[n] = digits % 4;
		now_ns += digits / 4 % 3 * S;
		at_ns[n] = now_ns;
		was[n] = is_enough(rules, usable, at_ns, was, n);
		assert_int_equal(enough__follow(&e, rules, usable[n], now_ns), was[n]);
		due_ns = enough__due_ns(&e, rules);
		assert_int_equal(due_ns != UINT64_MAX,
				 !was[n] && e.lost && usable[n] >= rules->again);
		/* Woken for it, and not too late. */
		if (due_ns != UINT64_MAX) {
			struct enough later = e;

			assert_true(due_ns > now_ns);
			assert_false(enough__follow(&later, rules, usable[n], due_ns - 1));
			assert_true(enough__follow(&later, rules, usable[n], due_ns));
		}
	}
}

static void test_every_history(void **state)
{
	static const struct enough_rules rules[] = {
		{1, 1, 0}, {2, 2, 1000}, {1, 3, 2000}, {2, 3, 0}};
	uint32_t histories = 1;

	(void)state;
	for (int i = 0; i < STEPS; i++)
		histories *= WAYS;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		for (uint32_t digits = 0; digits < histories; digits++)
			run(digits, &rules[i]);
	}
}

/* A reload while it is lost. */
static void test_other_rules(void **state)
{
	const struct enough_rules strict = {3, 3, 10000}, easy = {1, 1, 1000};
	struct enough e = {0};

	(void)state;
	assert_true(enough__follow(&e, &strict, 3, S));
	assert_false(enough__follow(&e, &strict, 2, 2 * S));
	assert_true(enough__due_ns(&e, &easy) == UINT64_MAX);
	assert_false(enough__follow(&e, &easy, 2, 5 * S));
	assert_true(enough__due_ns(&e, &easy) == 6 * S);
	assert_true(enough__follow(&e, &easy, 2, 6 * S));
	/* And a stricter one, while they were enough. */
	assert_false(enough__follow(&e, &strict, 2, 7 * S));
	assert_true(e.lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_every_history),
		cmocka_unit_test(test_other_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
