/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON as text: commas, escapes, and what a backend may have said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/jtext.h"

static void expect(struct jtext *t, const char *text)
{
	assert_false(t->failed);
	assert_int_equal(t->len, strlen(text));
	assert_memory_equal(t->text, text, t->len);
	free(t->text);
	*t = (struct jtext){0};
}

static void test_members(void **state)
{
	struct jtext t = {0};

	(void)state;
	jtext__mark(&t, '{');
	jtext__integer(&t, "none", 0);
	jtext__integer(&t, "most", UINT64_MAX);
	jtext__boolean(&t, "yes", true);
	jtext__boolean(&t, "no", false);
	jtext__key(&t, "list");
	jtext__mark(&t, '[');
	jtext__string(&t, NULL, "a");
	jtext__string(&t, NULL, "");
	jtext__mark(&t, ']');
	jtext__key(&t, "raw");
	jtext__raw(&t, "null", 4);
	jtext__mark(&t, '}');
	expect(&t, "{\"none\":0,\"most\":18446744073709551615,\"yes\":true,\"no\":false,"
		   "\"list\":[\"a\",\"\"],\"raw\":null}");
}

static void test_strings(void **state)
{
	static const struct {
		const char *value, *json;
	} cases[] = {
		{"<img src=x onerror=alert(1)>", "\"<img src=x onerror=alert(1)>\""},
		{"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""},
		{"\n\t\x01\x1f", "\"\\u000a\\u0009\\u0001\\u001f\""},
		{"\x7f", "\"\x7f\""},
		{"grün – 例 \xf0\x9f\x90\xa7", "\"grün – 例 \xf0\x9f\x90\xa7\""},
		/* no UTF-8: a lone byte, one that is cut off, a surrogate, an overlong slash */
		{"a\xff"
		 "b",
		 "\"a?b\""},
		{"\xe2\x82", "\"??\""},
		{"\xed\xa0\x80", "\"???\""},
		{"\xc0\xaf", "\"??\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jtext t = {0};

		jtext__string(&t, NULL, cases[i].value);
		/* The first of a text has no comma before it. */
		expect(&t, cases[i].json);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		double value;
		const char *json;
	} cases[] = {
		{0, "0.0"},
		{1, "1.0"},
		{-3, "-3.0"},
		{0.25, "0.25"},
		{1.0 / 3, "0.33333333333333331"},
		{-0.5, "-0.5"},
		{0.05, "0.050000000000000003"},
		{1.0 / 65536, "0.0000152587890625"},
		{65535.0 / 65536, "0.9999847412109375"},
		{3.0 / 4096, "0.000732421875"},
		{1.0 / 131072, "7.62939453125e-06"},
		{123456789012345, "123456789012345.0"},
		{1e15, "1000000000000000.0"},
		{1e300, "1.0000000000000001e+300"},
		{NAN, "null"},
		{INFINITY, "null"},
		{-INFINITY, "null"},
	};
	struct jtext t = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		jtext__real(&t, NULL, cases[i].value);
		expect(&t, cases[i].json);
	}
	jtext__mark(&t, '{');
	jtext__signed(&t, "least", INT64_MIN);
	jtext__signed(&t, "minus", -1);
	jtext__signed(&t, "most", INT64_MAX);
	jtext__null(&t, "none");
	jtext__real(&t, "half", 0.5);
	jtext__mark(&t, '}');
	expect(&t, "{\"least\":-9223372036854775808,\"minus\":-1,\"most\":9223372036854775807,"
		   "\"none\":null,\"half\":0.5}");
}

static void test_growth(void **state)
{
	struct jtext t = {0};

	(void)state;
	jtext__mark(&t, '[');
	for (unsigned int i = 0; i < 100000; i++)
		jtext__integer(&t, NULL, i % 10);
	jtext__mark(&t, ']');
	assert_false(t.failed);
	assert_int_equal(t.len, 2 * 100000 + 1);
	assert_memory_equal(t.text + t.len - 5, ",8,9]", 5);
	free(t.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
