/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docs/configuration.md has a row for each key that the tables of user/config/schema.c know, and
 * for no other. The keys are taken from the message about an unknown one. Run from the root of the
 * repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define KNOWN "known here: "
#define STRANGE "nothing-like-a-key: 1"

/* A heading of the page, and a file with an unknown key in the section that it describes. */
static const struct {
	const char *heading, *text;
} sections[] = {
	{"## Top level\n", STRANGE "\n"},
	{"## `api`\n", "api: {" STRANGE "}\n"},
	{"## `log`\n", "log: {" STRANGE "}\n"},
	{"## `encap`\n", "encap: {" STRANGE "}\n"},
	{"## `peers`\n", "peers: {" STRANGE "}\n"},
	{"## `peers.list[]`\n", "peers: {list: [{" STRANGE "}]}\n"},
	{"## `sources`, `services[].sources`\n", "sources: {" STRANGE "}\n"},
	{"## `sources`, `services[].sources`\n", "services: [{sources: {" STRANGE "}}]\n"},
	{"## `snat`\n", "snat: {" STRANGE "}\n"},
	{"## `events`\n", "events: {" STRANGE "}\n"},
	{"## `journal`\n", "journal: {" STRANGE "}\n"},
	{"## `alerts[]`\n", "alerts: [{" STRANGE "}]\n"},
	{"## `alerts[].webhook`\n", "alerts: [{webhook: {" STRANGE "}}]\n"},
	{"## `anycast`\n", "anycast: {" STRANGE "}\n"},
	{"## `bfd[]`\n", "bfd: [{" STRANGE "}]\n"},
	{"## `vrrp[]`\n", "vrrp: [{" STRANGE "}]\n"},
	{"## `vrrp[].track`\n", "vrrp: [{track: {" STRANGE "}}]\n"},
	{"## `vrrp[].track.commands[]`\n", "vrrp: [{track: {commands: [{" STRANGE "}]}}]\n"},
	{"## `vrrp[].track.bgp[]`\n", "vrrp: [{track: {bgp: [{" STRANGE "}]}}]\n"},
	{"## `services[]`\n", "services: [{" STRANGE "}]\n"},
	{"## `services[].limits`\n", "services: [{limits: {" STRANGE "}}]\n"},
	{"## `services[].backends[]`\n", "services: [{backends: [{" STRANGE "}]}]\n"},
	{"## `services[].probe`\n", "services: [{probe: {" STRANGE "}}]\n"},
};

/* The keys of a section as "a, b, c". */
static void known_keys(const char *text, char *keys, size_t len)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	const char *known = NULL;

	assert_int_not_equal(config__parse("f", text, strlen(text), &c, &problems), 0);
	for (size_t i = 0; i < problems.n && !known; i++)
		known = strstr(problems.list[i].text, KNOWN);
	assert_non_null(known);
	snprintf(keys, len, "%s", known + strlen(KNOWN));
	config_problems__free(&problems);
}

/* The same from the rows of the page, "| `a` | …", between the heading and the next one. */
static void told_keys(const char *page, const char *heading, char *keys, size_t len)
{
	const char *at = strstr(page, heading), *end;
	size_t n = 0;

	if (!at)
		fail_msg("no %s", heading);
	at += strlen(heading);
	end = strstr(at, "\n## ");
	keys[0] = '\0';
	while ((at = strstr(at, "\n| `")) && (!end || at < end)) {
		at += strlen("\n| `");
		n += (size_t)snprintf(keys + n, len - n, "%s%.*s", n ? ", " : "",
				      (int)strcspn(at, "`"), at);
		assert_true(n < len);
	}
}

static void test_keys(void **state)
{
	static char page[65536];
	char known[1024], told[1024];
	FILE *f = fopen("docs/configuration.md", "re");
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	page[n] = '\0';
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		known_keys(sections[i].text, known, sizeof(known));
		told_keys(page, sections[i].heading, told, sizeof(told));
		assert_string_equal(told, known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
