/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Durations as people write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/duration.h"

static const struct {
	const char *text;
	int rc;
	uint64_t ms;
} cases[] = {
	{"500ms", 0, 500},
	{"0s", 0, 0},
	{"2s", 0, 2000},
	{"15m", 0, 900000},
	{"24h", 0, 86400000},
	{"99999999999999999999h", 0, UINT64_MAX},
	{"18446744073709551615ms", 0, UINT64_MAX},
	{"18446744073709551615s", 0, UINT64_MAX},
	{"500", -EDOM, 1},
	{"", -EINVAL, 1},
	{"s", -EINVAL, 1},
	{"1d", -EINVAL, 1},
	{"01s", -EINVAL, 1},
	{"-1s", -EINVAL, 1},
	{"1 s", -EINVAL, 1},
	{"1.5s", -EINVAL, 1},
	{"1ss", -EINVAL, 1},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ms = 1;

		if (duration__parse(cases[i].text, &ms) != cases[i].rc || ms != cases[i].ms)
			fail_msg("'%s' is %llu ms", cases[i].text, (unsigned long long)ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
