/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_talk.h"

#include "probe/talks.h"

static const struct config_probe args = {.kind = CONFIG_PROBE_MEMCACHED};

static void test_version(void **state)
{
	const struct turn turns[] = {{.says = "version\r\n", .answers = "VERSION 1.6.18\r\n"}};

	(void)state;
	TALK_CHECK(&talk_memcached, &args, NULL, turns, PROBE_OK, "memcached 1.6.18");
}

static void test_error(void **state)
{
	const struct turn turns[] = {{.says = "version\r\n", .answers = "ERROR\r\n"}};

	(void)state;
	TALK_CHECK(&talk_memcached, &args, NULL, turns, PROBE_FAILED,
		   "answers \"ERROR\" instead of its version");
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_memcached, &args, NULL, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
