/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As many machines as there may be, 32, and one more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "config_parsed.h"

static char text[16384];

/* The others of n + 1 machines, as peers and as those of a unicast group. */
static const char *others(size_t n, size_t n_vrrp)
{
	size_t at = (size_t)snprintf(text, sizeof(text),
				     HEAD "peers:\n  listen: 10.0.0.1\n  key_file: /k\n  list:\n");

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "    - {name: lb%zu, address: 10.0.1.%zu}\n", i + 2, i + 2);
	at += (size_t)snprintf(
		text + at, sizeof(text) - at,
		"vrrp: [{name: a, interface: eth0, vrid: 1, addresses: [192.0.2.1], peers: [10.0.1.2");
	for (size_t i = 1; i < n_vrrp; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", 10.0.1.%zu", i + 2);
	snprintf(text + at, sizeof(text) - at, "]}]\n");
	return text;
}

static void test_most(void **state)
{
	struct config *c = parse(others(31, 31));

	(void)state;
	assert_int_equal(c->n_peers, 31);
	assert_string_equal(c->peers[30].name, "lb32");
	assert_int_equal(c->vrrp[0].n_peers, 31);
	config__free(c);
}

static void refused(const char *yaml, const char *want)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[1024];

	assert_true(config__parse("f", yaml, strlen(yaml), &c, &problems) != 0);
	config_problems__format(&problems, 0, line, sizeof(line));
	if (!strstr(line, want))
		fail_msg("%s", line);
	config_problems__free(&problems);
}

static void test_one_more(void **state)
{
	(void)state;
	refused(others(32, 31), "peers.list: holds 32 peers, at most 31 fit");
	refused(others(31, 32), "vrrp[0].peers: holds 32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
