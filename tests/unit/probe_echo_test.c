/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "probe/echo.h"

#define ID 0x1234
#define TOKEN "\1\2\3\4\5\6\7\x8"

/* 192.0.2.1 to 198.51.100.2, as a router or the host itself returns it. */
#define IP4(protocol) "\x45\0\0\x54\0\0\x40\0\x40" protocol "\0\0\xc0\0\2\1\xc6\x33\x64\2"
#define IP6(next)                      \
	"\x60\0\0\0\0\x40" next "\x40" \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"

static bool parse(int family, const char *msg, size_t len, struct echo_news *out)
{
	return echo__parse(family, (const uint8_t *)msg, len, ID, out);
}

#define PARSE(family, msg, out) parse(family, msg, sizeof(msg) - 1, out)

static struct echo echo_of(uint16_t seq)
{
	struct echo e = {.id = ID, .seq = seq};

	memcpy(&e.token, TOKEN, 8);
	return e;
}

static void test_request(void **state)
{
	const struct echo e = echo_of(7);
	uint8_t out[ECHO_LEN];

	(void)state;
	echo__request(AF_INET, &e, out);
	/* RFC 1071: ~(0x0800 + 0x1234 + 7 + 0x0102 + 0x0304 + 0x0506 + 0x0708) */
	assert_memory_equal(out, "\x8\0\xd5\xb0\x12\x34\0\7" TOKEN "\0\0", 18);
	echo__request(AF_INET6, &e, out);
	assert_memory_equal(out, "\x80\0\0\0\x12\x34\0\7" TOKEN "\0\0", 18);
}

static void test_replies(void **state)
{
	struct echo_news n;
	uint64_t token;

	(void)state;
	memcpy(&token, TOKEN, 8);
	assert_true(PARSE(AF_INET, IP4("\1") "\0\0\0\0\x12\x34\x80\7" TOKEN, &n));
	assert_true(n.reply && n.has_token && n.seq == 0x8007 && n.token == token);
	assert_true(PARSE(AF_INET6, "\x81\0\0\0\x12\x34\x80\7" TOKEN, &n));
	assert_true(n.reply && n.has_token && n.seq == 0x8007 && n.token == token);
	assert_true(PARSE(AF_INET6,
			  "\x81\0\0\0\x12\x34\x80\7"
			  "\1\2\3\4\5\6\7",
			  &n));
	assert_false(n.has_token);
}

static void test_errors(void **state)
{
	struct addr target;
	struct echo_news n;

	(void)state;
	addr__parse("198.51.100.2", &target);
	assert_true(PARSE(AF_INET, IP4("\1") "\3\1\0\0\0\0\0\0" IP4("\1") "\x8\0\0\0\x12\x34\0\x9",
			  &n));
	assert_true(!n.reply && !n.has_token && n.seq == 9 && n.code == 1);
	assert_true(addr__equal(&n.target, &target));
	assert_string_equal(echo__clause(AF_INET, n.code), "host unreachable");
	addr__parse("2001:db8::2", &target);
	assert_true(PARSE(AF_INET6, "\1\3\0\0\0\0\0\0" IP6("\x3a") "\x80\0\0\0\x12\x34\0\x9" TOKEN,
			  &n));
	assert_true(!n.reply && n.has_token && n.seq == 9 && n.code == 3);
	assert_true(addr__equal(&n.target, &target));
	assert_string_equal(echo__clause(AF_INET6, n.code), "host unreachable");
}

/* What other programs and other protocols get. */
static void test_strangers(void **state)
{
	struct echo_news n;

	(void)state;
	assert_false(PARSE(AF_INET, IP4("\1") "\0\0\0\0\x12\x35\0\7" TOKEN, &n)); /* id */
	assert_false(PARSE(AF_INET, IP4("\1") "\x8\0\0\0\x12\x34\0\7" TOKEN, &n)); /* a request */
	assert_false(PARSE(AF_INET,
			   IP4("\1") "\x0b\0\0\0\0\0\0\0" IP4("\1") "\x8\0\0\0\x12\x34\0\7", &n));
	assert_false(PARSE(AF_INET,
			   IP4("\1") "\3\3\0\0\0\0\0\0" IP4("\x11") "\x8\0\0\0\x12\x34\0\7", &n));
	assert_false(
		PARSE(AF_INET, IP4("\1") "\3\3\0\0\0\0\0\0" IP4("\1") "\0\0\0\0\x12\x34\0\7", &n));
	assert_false(PARSE(AF_INET6, "\x80\0\0\0\x12\x34\0\7" TOKEN, &n));
	assert_false(PARSE(AF_INET6, "\1\4\0\0\0\0\0\0" IP6("\x11") "\x80\0\0\0\x12\x34\0\7", &n));
	assert_false(PARSE(AF_INET6, "\2\0\0\0\0\0\0\0" IP6("\x3a") "\x80\0\0\0\x12\x34\0\7", &n));
}

/* Each cut is about nothing, or still about the same request; no byte beyond it is read (SAN=1). */
static void test_cut_and_changed(void **state)
{
	static const char v4[] = IP4("\1") "\3\1\0\0\0\0\0\0" IP4("\1") "\x8\0\0\0\x12\x34\0\x9";
	static const char v6[] = "\1\3\0\0\0\0\0\0" IP6("\x3a") "\x80\0\0\0\x12\x34\0\x9";
	static const struct {
		int family;
		const char *msg;
		size_t len;
	} errors[] = {{AF_INET, v4, sizeof(v4) - 1}, {AF_INET6, v6, sizeof(v6) - 1}};
	struct echo_news n;

	(void)state;
	for (size_t e = 0; e < 2; e++) {
		for (size_t len = 0; len < errors[e].len; len++) {
			char *copy = test_malloc(len + 1);

			memcpy(copy, errors[e].msg, len);
			assert_false(parse(errors[e].family, copy, len, &n));
			for (size_t i = 0; i < len; i++) {
				copy[i] ^= 0x0f;
				parse(errors[e].family, copy, len, &n);
				copy[i] ^= 0x0f;
			}
			test_free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_errors),		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_cut_and_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
