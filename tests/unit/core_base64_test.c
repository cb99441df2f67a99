/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64: the vectors of RFC 4648 10, every byte, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "core/base64.h"

static void test_vectors(void **state)
{
	static const char *const vectors[][2] = {{"", ""},
						 {"f", "Zg=="},
						 {"fo", "Zm8="},
						 {"foo", "Zm9v"},
						 {"foob", "Zm9vYg=="},
						 {"fooba", "Zm9vYmE="},
						 {"foobar", "Zm9vYmFy"}};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		size_t n = strlen(vectors[i][0]), len = strlen(vectors[i][1]), got = 99;
		uint8_t data[16];
		char text[16];

		assert_int_equal(BASE64_LEN(n), len);
		base64__encode((const uint8_t *)vectors[i][0], n, text);
		assert_memory_equal(text, vectors[i][1], len);
		assert_int_equal(base64__decode(text, len, data, &got), 0);
		assert_int_equal(got, n);
		assert_memory_equal(data, vectors[i][0], n);
	}
}

static void test_bytes(void **state)
{
	uint8_t data[768], back[768];
	char text[BASE64_LEN(768)];
	size_t got = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	base64__encode(data, sizeof(data), text);
	assert_int_equal(base64__decode(text, sizeof(text), back, &got), 0);
	assert_int_equal(got, sizeof(data));
	assert_memory_equal(back, data, sizeof(data));
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"Zg=",      "Zg",   "Zh==", "Zm9=", "Z===", "====",
					  "Zg==Zg==", "Zm-v", "Zm_v", "Zm v", "Zm=v", "Zm\n="};
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t out[16];

		assert_int_equal(base64__decode(bad[i], strlen(bad[i]), out, &n), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("core_base64", tests, NULL, NULL);
}
