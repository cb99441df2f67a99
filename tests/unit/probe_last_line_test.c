/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "probe/last_line.h"

static void test_pieces(void **state)
{
	static const struct {
		const char *output, *line;
	} rows[] = {
		{"", ""},
		{"one", "one"},
		{"one\n", "one"},
		{"one\ntwo\n", "two"},
		{"one\n\n\n", "one"},
		{"one\ntwo", "two"},
		{"\n\n", ""},
		{"a\tb\x01\n", "a?b?"},
		{"\xc3\xa9\n", "??"},
		{"one\ntwo\nthree", "three"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t piece = 1; piece < 12; piece++) {
			struct last_line l = {.len = 0};
			size_t len = strlen(rows[i].output);

			for (size_t at = 0; at < len; at += piece)
				last_line__add(&l, rows[i].output + at,
					       len - at < piece ? len - at : piece);
			assert_string_equal(last_line__text(&l), rows[i].line);
		}
	}
}

static void test_long_line(void **state)
{
	struct last_line l = {.len = 0};
	char a[1000];

	(void)state;
	memset(a, 'a', sizeof(a));
	for (int i = 0; i < 3; i++)
		last_line__add(&l, a, sizeof(a));
	assert_int_equal(strlen(last_line__text(&l)), LAST_LINE_LEN - 1);
	last_line__add(&l, "\nb", 2);
	assert_string_equal(last_line__text(&l), "b");
	last_line__add(&l, "\n", 1);
	assert_string_equal(last_line__text(&l), "b");
}

static void test_percent(void **state)
{
	static const struct {
		const char *line;
		int percent; /* -1: none */
	} rows[] = {
		{"0", 0},    {"75", 75},  {"100%", 100}, {"50% busy", 50}, {"7\tx", 7},
		{"007", 7},  {"101", -1}, {"", -1},	 {"x", -1},	   {"-1", -1},
		{"75x", -1}, {" 5", -1},  {"1000", -1},	 {"5.5", -1},	   {"%", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int percent = -1;

		assert_int_equal(last_line__percent(rows[i].line, &percent), rows[i].percent >= 0);
		assert_int_equal(percent, rows[i].percent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
