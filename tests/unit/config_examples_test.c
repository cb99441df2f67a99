/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The examples load, and what a few thousand damaged copies of them do: fail with problems or load
 * without, never both and never neither. Run from the root of the repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define EXAMPLES "configs/examples/*.yaml"
#define MUTANTS 2000 /* of each example */

static void test_load(void **state)
{
	glob_t g;

	(void)state;
	assert_int_equal(glob(EXAMPLES, 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 10);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct config_problems problems = {0};
		struct config *c = NULL;
		int err = config__load(g.gl_pathv[i], &c, &problems);
		char text[1024];

		for (size_t p = 0; p < problems.n; p++)
			print_error("%s\n",
				    config_problems__format(&problems, p, text, sizeof(text)));
		assert_int_equal(err, 0);
		assert_int_equal(problems.n, 0);
		assert_true(c->n_interfaces > 0 && c->n_services > 0);
		config__free(c);
		config_problems__free(&problems);
	}
	globfree(&g);
}

/* xorshift (Marsaglia 2003): the same mutants in every run */
static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void mutate(char *text, size_t len, uint64_t *seed)
{
	static const char marks[] = "&*[]{}:,-#\n\t \"'~0az|>!%\xff\xc3";
	size_t n = 1 + next(seed) % 6;

	while (n--) {
		size_t at = next(seed) % len, from = next(seed) % len, some = next(seed) % 40;

		switch (next(seed) % 3) {
		case 0:
			text[at] = (char)(text[at] ^ (1 << next(seed) % 8));
			break;
		case 1:
			text[at] = marks[next(seed) % (sizeof(marks) - 1)];
			break;
		default:
			if (at + some <= len && from + some <= len)
				memmove(text + at, text + from, some);
			break;
		}
	}
}

static void check_mutant(const char *text, size_t len)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	int err = config__parse("mutant", text, len, &c, &problems);

	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_null(c);
		assert_true(problems.n > 0 && problems.n <= 51);
	} else {
		assert_non_null(c);
		assert_int_equal(problems.n, 0);
	}
	for (size_t i = 1; i < problems.n && problems.list[i].line; i++) {
		const struct config_problem *a = &problems.list[i - 1], *b = a + 1;

		assert_true(a->line < b->line || (a->line == b->line && a->column <= b->column));
	}
	config__free(c);
	config_problems__free(&problems);
}

static void test_mutants(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	glob_t g;

	(void)state;
	assert_int_equal(glob(EXAMPLES, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		static char original[65536];
		FILE *f = fopen(g.gl_pathv[i], "re");
		size_t len;

		assert_non_null(f);
		len = fread(original, 1, sizeof(original), f);
		fclose(f);
		for (int m = 0; m < MUTANTS; m++) {
			/* Exactly as large as the text, so that a read beyond it is found. */
			char *copy = malloc(len);

			assert_non_null(copy);
			memcpy(copy, original, len);
			mutate(copy, len, &seed);
			check_mutant(copy, len - next(&seed) % (m % 8 ? 1 : len));
			free(copy);
		}
	}
	globfree(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_mutants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
