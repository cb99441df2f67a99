/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments as people name them, and figures of a report as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report_text.h"
#include "cli/since.h"

#define NOW INT64_C(1700000000123)

static void test_since(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* negative: refused */
	} cases[] = {
		{"90s", NOW - 90000},
		{"15m", NOW - 900000},
		{"36h", NOW - 129600000},
		{"7d", NOW - 604800000},
		{"0d", NOW},
		{"250ms", NOW - 250},
		{"2023-11-14T22:13:20Z", INT64_C(1700000000000)},
		{"2023-11-14T22:13:20.500Z", INT64_C(1700000000000)},
		{"2023-11-14", INT64_C(1699920000000)},
		{"", -1},
		{"yesterday", -1},
		{"7", -1},
		{"-7d", -1},
		{"7days", -1},
		{"1000000d", -1},
		{"99999d", -1},
		{"2023-11-14T22:13:20", -1},
		{"2023-13-14", -1},
		{"1969-12-31", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t ms = -1;
		int rc = since__parse(cases[i].text, NOW, &ms);

		if (rc != (cases[i].ms < 0 ? -EINVAL : 0) || ms != cases[i].ms)
			fail_msg("'%s': %d, %lld", cases[i].text, rc, (long long)ms);
	}
}

static void check(const char *window, const char *percent, const char *nines)
{
	json_t *w = json_loads(window, 0, NULL);
	char buf[REPORT_TEXT_LEN];

	assert_non_null(w);
	assert_string_equal(report_text__percent(w, buf), percent);
	assert_string_equal(report_text__nines(w, buf), nines);
	json_decref(w);
}

static void test_figures(void **state)
{
	(void)state;
	check("{\"percent\": 100.0, \"nines\": null, \"down_s\": 0.0}", "100%", "all");
	check("{\"percent\": null, \"nines\": null, \"down_s\": 0.0}", "-", "-");
	check("{\"percent\": 99.95, \"nines\": 3.30103, \"down_s\": 5.0}", "99.9500%", "3.3");
	/* Rounded down: nobody has what he has not. */
	check("{\"percent\": 99.99999, \"nines\": 6.99, \"down_s\": 0.001}", "99.9999%", "6.9");
	check("{\"percent\": 99.9999999999999, \"nines\": 12.0, \"down_s\": 0.001}", "99.9999%",
	      "12.0");
	check("{\"percent\": 0.0, \"nines\": 0.0, \"down_s\": 9.0}", "0.0000%", "0.0");
}

static void test_spans(void **state)
{
	static const struct {
		double s;
		const char *text;
	} cases[] = {
		{0, "0"},	{0.0004, "0"},	  {0.35, "350ms"},     {12.44, "12.4s"},
		{192, "3m12s"}, {-192, "-3m12s"}, {86400 * 2, "2d0h"}, {-0.0001, "0"},
	};
	char buf[REPORT_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(report_text__span(cases[i].s, buf), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
