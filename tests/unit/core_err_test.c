/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/err.h"

static void test_set(void **state)
{
	struct err e = {""};

	(void)state;
	assert_int_equal(err__set(&e, -ENOENT, "cannot open %s", "x"), -ENOENT);
	assert_string_equal(e.text, "cannot open x");
	assert_int_equal(err__set(NULL, -EPERM, "nobody listens"), -EPERM);
}

static void test_prefix(void **state)
{
	struct err e = {"no such device"};

	(void)state;
	assert_int_equal(err__prefix(&e, -ENODEV, "interface %s", "eth0"), -ENODEV);
	assert_int_equal(err__prefix(&e, -ENODEV, "attaching"), -ENODEV);
	assert_string_equal(e.text, "attaching: interface eth0: no such device");
	assert_int_equal(err__prefix(NULL, -EPERM, "nobody listens"), -EPERM);
}

/* Too long a sentence loses its end, never what was put in front of it. */
static void test_long(void **state)
{
	char text[2 * ERR_LEN];
	struct err e;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err__set(&e, -1, "%s", text);
	assert_int_equal(strlen(e.text), ERR_LEN - 1);
	err__prefix(&e, -1, "first");
	assert_memory_equal(e.text, "first: xxx", 10);
	err__prefix(&e, -1, "%s", text);
	assert_true(strlen(e.text) < ERR_LEN);
	assert_non_null(strstr(e.text, "x: first: xxx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
