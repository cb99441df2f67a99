/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/timing.h"

/* The bucket that a duration goes to, by what has changed. */
static unsigned int bucket_of(uint64_t ns)
{
	struct timing t = {0};

	timing__add(&t, ns);
	for (unsigned int b = 0; b < TIMING_BUCKETS; b++) {
		if (t.buckets[b])
			return b;
	}
	fail();
	return 0;
}

/* Every duration is below its bucket's bound, not below the one before, and that is an eighth less at most. */
static void test_bounds(void **state)
{
	(void)state;
	for (uint64_t us = 1; us < UINT64_C(1) << 31; us += us / 50 + 1) {
		unsigned int b = bucket_of(us * 1000 + 999);

		assert_true(us < timing__below_us(b));
		assert_true(us >= timing__below_us(b - 1));
		assert_true((timing__below_us(b) - us) * 8 <= us + 8);
		assert_int_equal(bucket_of(us * 1000), b);
	}
	for (unsigned int b = 1; b < TIMING_BUCKETS; b++)
		assert_true(timing__below_us(b) > timing__below_us(b - 1));
	assert_int_equal(bucket_of(0), 0);
	assert_int_equal(bucket_of(999), 0);
	assert_int_equal(bucket_of(UINT64_MAX), TIMING_BUCKETS - 1);
	assert_int_equal(timing__below_us(TIMING_BUCKETS - 1), UINT64_MAX);
}

static void test_sums(void **state)
{
	struct timing t = {0};

	(void)state;
	timing__add(&t, 5000);
	timing__add(&t, 9000);
	timing__add(&t, 1500);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.sum_ns, 15500);
	assert_int_equal(t.max_ns, 9000);
	assert_int_equal(t.last_ns, 1500);
}

static void test_quantiles(void **state)
{
	struct timing t = {0};

	(void)state;
	assert_int_equal(timing__quantile_us(&t, 500), 0);
	for (uint64_t us = 0; us < 1000; us++)
		timing__add(&t, us * 1000);
	assert_int_equal(timing__quantile_us(&t, 0), 1);
	assert_int_equal(timing__quantile_us(&t, 1), 1);
	assert_int_equal(timing__quantile_us(&t, 5), 5);
	/* 500 are less than 512: the bucket from 480. */
	assert_int_equal(timing__quantile_us(&t, 500), 512);
	/* Of the last bucket that counts, the longest is known. */
	assert_int_equal(timing__quantile_us(&t, 990), 1000);
	assert_int_equal(timing__quantile_us(&t, 1000), 1000);
	timing__add(&t, UINT64_MAX);
	assert_int_equal(timing__quantile_us(&t, 990), 1024);
	assert_int_equal(timing__quantile_us(&t, 1000), UINT64_MAX / 1000 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
