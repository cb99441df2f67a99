/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mistakes and what is said of each: one row a file, with every message that it must bring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define MAX_TOLD 8

struct mistake {
	const char *text;
	const char *told[MAX_TOLD]; /* in this order, and nothing else */
};

/* A file up to its first service, and one up to the service's backends (on line 5). */
#define HEAD "interfaces: [eth0]\nservices:\n"
#define WEB HEAD "  - {name: web, vip: 192.0.2.10, port: 80,\n"
#define POOL "     backends: [{id: b1, address: 10.0.0.1}]"
#define PROBE(keys) WEB POOL ",\n     probe: {" keys "}}\n"
#define BACKENDS(list) WEB "     backends: [" list "]}\n"

/* A file with a key at its top (line 2), and one with more keys of a service (line 4). */
#define TOP(keys) "interfaces: [eth0]\n" keys "\n"
#define KEYS(keys) WEB "     " keys ",\n" POOL "}\n"
#define MODE(keys, list) WEB "     " keys ",\n     backends: [" list "]}\n"
/* One more service, two lines long. */
#define ON(name, vip, port) \
	"  - {name: " name ", vip: " vip ", port: " port ", probe: {port: 1},\n" POOL "}\n"

static const struct mistake files[] = {
#include "config_mistakes.h"
#include "config_mistakes_alerts.h"
#include "config_mistakes_services.h"
#include "config_mistakes_sources.h"
#include "config_mistakes_vip.h"
#include "config_mistakes_vrrp.h"
};

static void check(const struct mistake *m)
{
	struct config_problems problems = {0};
	struct config *untouched = (struct config *)&problems, *c = untouched;
	int err = config__parse("f", m->text, strlen(m->text), &c, &problems);
	char text[1024];
	size_t n = 0;

	while (n < MAX_TOLD && m->told[n])
		n++;
	for (size_t i = 0; i < problems.n || i < n; i++) {
		const char *want = i < n ? m->told[i] : "(nothing)";
		const char *got =
			i < problems.n ? config_problems__format(&problems, i, text, sizeof(text))
				       : "(nothing)";

		if (strcmp(want, got) != 0)
			fail_msg("in\n%s\nwanted %s\n   got %s", m->text, want, got);
	}
	assert_int_equal(err, -EINVAL);
	assert_ptr_equal(c, untouched);
	config_problems__free(&problems);
}

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		check(&files[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
