/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of tokens: what is one, and who may read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/tokens.h"

#define A "0123456789abcdef"
#define B "fedcba9876543210-._~+/=="

static char path[64];

static void put(const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void good(const char *text, size_t n, const char *first, const char *second)
{
	struct tokens t;
	struct err err = {0};

	put(text, strlen(text), 0600);
	if (tokens__read(path, &t, &err))
		fail_msg("'%s': %s", text, err.text);
	assert_int_equal(t.n, n);
	assert_string_equal(t.text[0], first);
	if (second)
		assert_string_equal(t.text[1], second);
	tokens__wipe(&t);
	assert_string_equal(t.text[0], "");
}

static void bad_file(int code, const char *sentence)
{
	struct tokens t;
	struct err err = {0};

	assert_int_equal(tokens__read(path, &t, &err), code);
	assert_non_null(strstr(err.text, sentence));
	assert_non_null(strstr(err.text, path));
	assert_null(strstr(err.text, "0123"));
	assert_int_equal(t.n, 0);
	assert_string_equal(t.text[0], "");
}

static void bad(const char *text, size_t len, int code, const char *sentence)
{
	put(text, len, 0600);
	bad_file(code, sentence);
}

static void test_lines(void **state)
{
	(void)state;
	good(A "\n", 1, A, NULL);
	good(A, 1, A, NULL);
	good("# old\n" A " \t\r\n\n#new\n" B "\n\n", 2, A, B);
	bad("", 0, -EINVAL, "has no token");
	bad("\n# " A "\n", 20, -EINVAL, "has no token");
	bad(A "\n" B "\n" A "\n", 59, -E2BIG, "line 3");
	bad("0123456789abcde\n", 16, -EINVAL, "line 1");
	bad(A "\n0123456789abcdef g\n", 36, -EINVAL, "line 2");
	bad("0123456789\0bcdef\n", 17, -EINVAL, "is no text");
}

static void test_words(void **state)
{
	static const char *const none[] = {"=0123456789abcdef", "0123456789abcdef=0",
					   "0123456789abcde\"", "================"};
	char text[TOKEN_MAX + 2] = "";

	(void)state;
	memset(text, 'a', TOKEN_MIN);
	good(text, 1, text, NULL);
	memset(text, 'a', TOKEN_MAX);
	good(text, 1, text, NULL);
	text[TOKEN_MAX] = 'a';
	bad(text, TOKEN_MAX + 1, -EINVAL, "line 1");
	bad(text, TOKEN_MIN - 1, -EINVAL, "line 1");
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		bad(none[i], strlen(none[i]), -EINVAL, "line 1");
}

static void test_files(void **state)
{
	static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
	static char long_text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(*open_modes); i++) {
		put(A, strlen(A), open_modes[i]);
		bad_file(-EACCES, "others than its owner");
	}
	put(A, strlen(A), 0400);
	memset(long_text, '#', sizeof(long_text));
	bad(long_text, sizeof(long_text), -EINVAL, "too long");
	unlink(path);
	bad_file(-ENOENT, "cannot be opened");
	assert_int_equal(mkfifo(path, 0600), 0);
	bad_file(-EINVAL, "no regular file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_files),
	};
	int rc;

	snprintf(path, sizeof(path), "/tmp/fl-tokens-%d", (int)getpid());
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
