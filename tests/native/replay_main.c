/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_main.c - every stored input of a program is a test: the seeds, and what fuzzing once found.
 *
 * FL_CORPUS names the folder that tests/native/seeds.py has filled.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "judge.h"

#define INPUT_MAX 65536

static char folder[512];

void judge__wrong(const struct judged *j, const char *rule)
{
	judge__show(j);
	fail_msg("%s", rule);
	abort();
}

static void test_input(void **state)
{
	static uint8_t data[INPUT_MAX];
	const char *name = *state;
	char path[1024];
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("cannot open %s", path);
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	input__run(data, size);
}

/* Inputs that all fail early prove nothing. */
static void test_all_ways_gone(void **state)
{
	const char *missed = input__missed();

	(void)state;
	if (missed)
		fail_msg("the inputs never came to %s", missed);
}

static int is_input(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(void)
{
	const char *corpus = getenv("FL_CORPUS");
	struct CMUnitTest *tests;
	struct dirent **files;
	int n, failed;

	snprintf(folder, sizeof(folder), "%s/%s", corpus ? corpus : ".", input_name);
	n = scandir(folder, &files, is_input, alphasort);
	tests = calloc((size_t)(n < 0 ? 0 : n) + 1, sizeof(*tests));
	if (n <= 0 || !tests) {
		fprintf(stderr, "no inputs in %s: run `make native`\n", folder);
		return 1;
	}
	for (int i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){.name = files[i]->d_name,
					       .test_func = test_input,
					       .initial_state = files[i]->d_name};
	tests[n] = (struct CMUnitTest)cmocka_unit_test(test_all_ways_gone);
	failed = _cmocka_run_group_tests(input_name, tests, (size_t)n + 1, NULL, NULL);
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	free(tests);
	return failed;
}
