/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of two configurations no table depends on: the first difference is named, and an older peer is not different. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <string.h>

#include "peer/alike.h"
#include "peer/facts.h"

static const struct peer_alike_all usual = {1, 2, 3};
static const struct peer_alike_group edge = {51, 7};
static const struct peer_alike_service web = {1, 2, 3, 4};

/* An agent with a service and a group. */
static struct ledger *agent(void)
{
	const struct peer_service s = {1, 2, 3, 4, 5};
	struct ledger *l = ledger__new();

	assert_int_equal(peer_facts__set_service(l, "web", &s), 0);
	assert_int_equal(peer_alike__set_all(l, &usual), 0);
	assert_int_equal(peer_alike__set_group(l, "edge", &edge), 0);
	assert_int_equal(peer_alike__set_service(l, "web", &web), 0);
	return l;
}

static void check(const struct ledger *a, const struct ledger *b, const char *want)
{
	char text[PEER_DIFFERENCE_LEN] = "";

	assert_int_equal(peer_alike__same(a, b, text), !want);
	assert_string_equal(text, want ? want : "");
}

static void test_each(void **state)
{
	static const struct {
		struct peer_alike_all all;
		const char *want;
	} alls[] = {{{9, 9, 9}, "sources"}, {{1, 9, 9}, "on_agent_loss"}, {{1, 2, 9}, "lease"}};
	static const struct {
		struct peer_alike_group group;
		const char *want;
	} groups[] = {{{9, 9}, "VRRP group 'edge': vrid"},
		      {{51, 9}, "VRRP group 'edge': addresses"}};
	static const struct {
		struct peer_alike_service service;
		const char *want;
	} services[] = {{{9, 9, 9, 9}, "service 'web': sources"},
			{{1, 9, 9, 9}, "service 'web': limits"},
			{{1, 2, 9, 9}, "service 'web': announce or min_up"},
			{{1, 2, 3, 9}, "service 'web': passive"}};
	struct ledger *a = agent(), *b = agent();

	(void)state;
	check(a, b, NULL);
	for (size_t i = 0; i < 4; i++) {
		peer_alike__set_service(b, "web", &services[i].service);
		check(a, b, services[i].want);
		check(b, a, services[i].want);
	}
	/* Before services come groups, and before them the whole. */
	for (size_t i = 0; i < 2; i++) {
		peer_alike__set_group(b, "edge", &groups[i].group);
		check(a, b, groups[i].want);
	}
	for (size_t i = 0; i < 3; i++) {
		peer_alike__set_all(b, &alls[i].all);
		check(a, b, alls[i].want);
	}
	ledger__free(a);
	ledger__free(b);
}

static void test_missing(void **state)
{
	const struct peer_service s = {1, 2, 3, 9, 5};
	struct ledger *a = agent(), *b = agent();

	(void)state;
	peer_alike__set_group(a, "core", &edge);
	peer_alike__set_group(b, "front", &edge);
	check(a, b, "VRRP group 'core' is only here");
	check(b, a, "VRRP group 'core' is only there");
	/* What tables depend on is told first. */
	peer_facts__set_service(b, "web", &s);
	check(a, b, "service 'web': way of forwarding, times or health");
	ledger__free(a);
	ledger__free(b);
}

/* One that tells nothing of it, less, or more than this version knows. */
static void test_other_versions(void **state)
{
	const struct peer_service s = {1, 2, 3, 4, 5};
	struct ledger *a = agent(), *b = ledger__new();
	uint64_t more[5] = {0};

	(void)state;
	peer_facts__set_service(b, "web", &s);
	check(a, b, NULL);
	check(b, a, NULL);
	peer_alike__set_all(b, &usual);
	check(a, b, "VRRP group 'edge' is only here");
	peer_alike__set_group(b, "edge", &edge);
	check(a, b, NULL);
	/* The same, and one digest behind it; the same without the last one. */
	more[0] = htobe64(1);
	more[1] = htobe64(2);
	more[2] = htobe64(3);
	more[3] = htobe64(4);
	more[4] = 77;
	assert_int_equal(ledger__put(b, "dweb", 4, more, sizeof(more)), 0);
	check(a, b, NULL);
	check(b, a, NULL);
	assert_int_equal(ledger__put(b, "dweb", 4, more, 3 * sizeof(*more)), 0);
	check(a, b, NULL);
	more[2] = 0;
	assert_int_equal(ledger__put(b, "dweb", 4, more, 3 * sizeof(*more)), 0);
	check(a, b, "service 'web': announce or min_up");
	/* What is no name, and what is no digest. */
	assert_int_equal(ledger__put(b, "dweb", 4, more, 3), 0);
	assert_int_equal(ledger__put(b, "hx\0y", 4, more, 3), 0);
	assert_int_equal(ledger__put(b, "ha-name-that-is-longer-than-31-bytes", 36, more, 3), 0);
	check(a, b, NULL);
	ledger__free(a);
	ledger__free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_other_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
