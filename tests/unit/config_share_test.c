/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What peers have in common of two files, and what stays each machine's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/share.h"

static const char lb1[] = "# the first machine\n"
			  "instance: one\n"
			  "\n"
			  "# who may come\n"
			  "# at all\n"
			  "sources:\n"
			  "  deny: [10.0.0.0/8]\n"
			  "# not at night\n"
			  "\n"
			  "interfaces: [eth0]\n"
			  "services:\n"
			  "  # the web\n"
			  "  - {name: web}\n"
			  "\n"
			  "# the end";
static const char common[] = "# who may come\n# at all\nsources:\n  deny: [10.0.0.0/8]\n"
			     "services:\n  # the web\n  - {name: web}\n";

static char *take(const char *text, size_t *len)
{
	struct err err = {0};
	char *out = NULL;

	assert_int_equal(config_share__take(text, strlen(text), &out, len, &err), 0);
	assert_int_equal(strlen(out), *len);
	return out;
}

static char *put(const char *own, const char *shared)
{
	struct err err = {0};
	char *out = NULL;
	size_t len;

	assert_int_equal(
		config_share__put(own, strlen(own), shared, strlen(shared), &out, &len, &err), 0);
	out = realloc(out, len + 1);
	out[len] = '\0';
	return out;
}

static void test_take(void **state)
{
	size_t len;
	char *out = take(lb1, &len);

	(void)state;
	assert_string_equal(out, common);
	free(out);
	out = take("instance: one\n", &len);
	assert_int_equal(len, 0);
	free(out);
	/* The last line has no end. */
	out = take("services: []", &len);
	assert_string_equal(out, "services: []\n");
	free(out);
}

static void check_put(const char *own, const char *want)
{
	char *out = put(own, common), *twice = put(out, common);
	size_t len;
	char *again = take(out, &len);

	assert_string_equal(out, want);
	assert_string_equal(again, common);
	free(again);
	again = take(twice, &len);
	assert_string_equal(again, common);
	free(twice);
	free(again);
	free(out);
}

static void test_put(void **state)
{
	char want[1024];

	(void)state;
	/* In the place of what was there; comments stay with what they are about. */
	snprintf(want, sizeof(want), "instance: two\n\n%s\n# of the machine\ninterfaces: [eth1]\n",
		 common);
	check_put("instance: two\n# old\nservices: []\n# of the machine\ninterfaces: [eth1]\n",
		  want);
	snprintf(want, sizeof(want), "instance: two\n# more\n\n%s\n", common);
	check_put("instance: two\n# more", want);
	snprintf(want, sizeof(want), "a: 1\n\n%s\nb: 2\n", common);
	check_put("a: 1\nsources: {}\nb: 2\nservices: []\n", want);
}

/* Nothing in common takes away what there was. */
static void test_put_nothing(void **state)
{
	char *out = put("instance: two\nservices: []\n", "");

	(void)state;
	assert_null(strstr(out, "services"));
	free(out);
}

static void refused(const char *own, const char *shared, const char *words)
{
	struct err err = {0};
	char *out = NULL;
	size_t len;

	assert_int_equal(
		config_share__put(own, strlen(own), shared, strlen(shared), &out, &len, &err),
		-EINVAL);
	assert_non_null(strstr(err.text, words));
	assert_null(out);
}

static void test_refused(void **state)
{
	(void)state;
	refused("{instance: two, services: []}\n", common, "has to begin a line");
	refused("- a\n", common, "has to begin a line");
	refused("instance: [\n", common, "line ");
	/* More than what is shared, and what begins nothing. */
	refused("instance: two\n", "services: []\ninstance: one\n", "can't stand");
	refused("instance: two\n", "services: *web\n", "line ");
	refused("instance: two\n", "services: []\n---\nservices: []\n", "line ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_nothing),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
