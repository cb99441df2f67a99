/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/keys.h"

#define A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B "fFfefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0"

static char path[] = "/tmp/fairlead-keys-XXXXXX";

static int read_text(const char *text, mode_t mode, struct peer_keys *k, struct err *err)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return peer_keys__read(path, k, err);
}

static void test_good(void **state)
{
	struct peer_keys one, two, other;
	struct err err;

	(void)state;
	assert_int_equal(read_text(A, 0600, &one, &err), 0);
	assert_int_equal(one.n, 1);
	for (int i = 0; i < PEER_KEY_LEN; i++)
		assert_int_equal(one.key[0].bytes[i], i);
	assert_int_equal(read_text("# old\n\n" A " \r\n# new\n" B "\n", 0640, &two, &err), 0);
	assert_int_equal(two.n, 2);
	assert_memory_equal(&two.key[0], &one.key[0], sizeof(one.key[0]));
	assert_int_equal(two.key[1].bytes[0], 0xff);
	assert_int_not_equal(two.key[1].hint, two.key[0].hint);
	assert_int_equal(read_text(B, 0400, &other, &err), 0);
	assert_memory_equal(&other.key[0], &two.key[1], sizeof(one.key[0]));
	peer_keys__wipe(&two);
	assert_int_equal(two.n, 0);
	assert_int_equal(two.key[1].bytes[0], 0);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *says; /* PATH stands for the file's */
	} rows[] = {
		{"", 0600, "has no key: make one with `openssl rand -hex 32 >"},
		{"# none\n", 0600, "has no key"},
		{"secret\n", 0600, "line 1 of the key file"},
		{A "00\n", 0600, "a key is 64 hexadecimal digits"},
		{"\n" A "\nx" A "\n", 0600, "line 3 of the key file"},
		{"g" A, 0600, "line 1"},
		{A "\n" A "\n", 0600, "line 2"},
		{A "\n" A "\n", 0600, "the same key again"},
		{A "\n" B "\n" A "\n", 0600, "line 3"},
		{A "\n" B "\n" A "\n", 0600, "there can be two keys only"},
		{A, 0604, "can be read or written by others: `chmod 600 "},
		{A, 0620, "can be read or written by others"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct peer_keys k = {.n = 7};
		struct err err;

		assert_true(read_text(rows[i].text, rows[i].mode, &k, &err) < 0);
		assert_non_null(strstr(err.text, rows[i].says));
		assert_non_null(strstr(err.text, path));
		/* What is in the file is nobody's business. */
		assert_null(strstr(err.text, "secret"));
		assert_null(strstr(err.text, "0001"));
		assert_int_equal(k.n, 7);
	}
}

static void test_no_file(void **state)
{
	struct peer_keys k;
	struct err err;

	(void)state;
	assert_int_equal(peer_keys__read("/nowhere/key", &k, &err), -2);
	assert_string_equal(err.text, "the key file /nowhere/key cannot be opened: No such file or "
				      "directory");
	assert_true(peer_keys__read("/dev/null", &k, &err) < 0);
	assert_string_equal(err.text, "the key file /dev/null is no regular file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_no_file),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests_name("peer_keys", tests, NULL, NULL);
	unlink(path);
	return failed;
}
