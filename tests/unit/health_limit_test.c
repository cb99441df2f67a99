/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits: each input of a small range, and backends whose load follows from what they take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/limit.h"

#define OF 20

/* Less when over the limit, one more when well below, else the same; never out of range. */
static void test_every_step(void **state)
{
	(void)state;
	for (uint8_t cap = 0; cap <= OF; cap++) {
		for (uint8_t parts = 0; parts <= cap; parts++) {
			for (uint32_t per_s = 0; per_s <= 300; per_s++) {
				uint8_t next = limit__parts(cap, parts, OF, per_s, 100);

				if (per_s > 100) {
					assert_true(next < parts || (!next && !parts));
					assert_in_range(next * per_s, parts * 100 >= per_s ? 1 : 0,
							parts * 100);
					assert_true((next + 1u) * per_s > parts * 100);
				} else {
					assert_int_equal(next, cap + (per_s < 90 && cap < OF));
				}
			}
		}
	}
}

/* Load in proportion to its parts: it settles below the limit, near it, and comes back when there is less. */
static void test_settles(void **state)
{
	(void)state;
	for (uint32_t full = 50; full <= 5000; full += 50) {
		uint8_t cap = OF;

		for (int i = 0; i < 60; i++)
			cap = limit__parts(cap, cap, OF, full * cap / (double)OF, 100);
		/* One part more or less is what it can swing by. */
		assert_true(cap * full <= 100 * OF + full);
		assert_true((cap + 2) * full > 90 * OF || cap == OF);
		for (int i = 0; i < OF; i++)
			cap = limit__parts(cap, cap, OF, 10 * cap / (double)OF, 100);
		assert_int_equal(cap, OF);
	}
}

static void test_full(void **state)
{
	(void)state;
	for (uint32_t flows = 0; flows <= 30; flows++) {
		assert_int_equal(limit__is_full(false, flows, 20), flows > 20);
		assert_int_equal(limit__is_full(true, flows, 20), flows >= 18);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_step),
		cmocka_unit_test(test_settles),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
