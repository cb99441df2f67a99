/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much may move at once, and how long the rest takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "move/ramp.h"

static void test_budget(void **state)
{
	(void)state;
	assert_int_equal(ramp__budget(0, 0), UINT32_MAX); /* not measured: nothing is held back */
	assert_int_equal(ramp__budget(0, 1e9), UINT32_MAX);
	assert_int_equal(ramp__budget(1, 0), RAMP_RECORDS);
	assert_int_equal(ramp__budget(100, 0), RAMP_RECORDS / 100);
	assert_int_equal(ramp__budget(100, RAMP_RECORDS / 2), RAMP_RECORDS / 200);
	assert_int_equal(ramp__budget(100, RAMP_RECORDS), 0);
	assert_int_equal(ramp__budget(100, 10.0 * RAMP_RECORDS), 0);
	assert_int_equal(ramp__budget(1e-9, 0), UINT32_MAX);
	/* More than there is, and nothing else moves. */
	assert_int_equal(ramp__budget(10.0 * RAMP_RECORDS, 0), 1);
	assert_int_equal(ramp__budget(10.0 * RAMP_RECORDS, 5), 0);
}

static void test_seconds(void **state)
{
	(void)state;
	assert_int_equal(ramp__seconds(0, 100, 900), 0);
	assert_int_equal(ramp__seconds(1, 0, 900), 900);
	assert_int_equal(ramp__seconds(RAMP_RECORDS / 100, 100, 900), 900);
	assert_int_equal(ramp__seconds(3 * RAMP_RECORDS, 1, 900), 2700);
	assert_int_equal(ramp__seconds(UINT32_MAX, 1e12, 1e6), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
