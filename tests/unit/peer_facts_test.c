/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fairlead/abi.h"
#include "peer/facts.h"

static uint64_t digest(const char *a, const char *b)
{
	struct peer_digest d;

	peer_digest__init(&d);
	peer_digest__add(&d, a, strlen(a));
	peer_digest__add(&d, b, strlen(b));
	return peer_digest__end(&d);
}

/* What of one service's configuration differs first; tables are none of it. */
static void test_difference(void **state)
{
	static const struct {
		struct peer_service there;
		const char *want;
	} rows[] = {
		{{1, 2, 3, 4, 9}, ""},
		{{9, 9, 9, 9, 5}, "address, ports, affinity or number of slots"},
		{{1, 9, 9, 9, 5}, "backends"},
		{{1, 2, 9, 9, 5}, "probe"},
		{{1, 2, 3, 9, 5}, "way of forwarding, times or health"},
	};
	const struct peer_service here = {1, 2, 3, 4, 5};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(peer_facts__difference(&here, &rows[i].there), rows[i].want);
}

/* As every machine has them: a change here makes peers of two versions differ. */
static void test_digest(void **state)
{
	(void)state;
	assert_true(digest("ab", "c") == digest("a", "bc"));
	assert_true(digest("", "") != digest("a", ""));
	assert_true(digest("ab", "") != digest("ba", ""));
	assert_true(digest("", "") == UINT64_C(0xf79c6f967ab6db0e));
	assert_true(digest("fair", "lead") == UINT64_C(0x1e0e6610134d4b54));
}

static void service(struct ledger *l, const char *name, uint64_t front, uint64_t backends,
		    uint64_t probe, uint64_t rest, uint64_t table)
{
	const struct peer_service s = {front, backends, probe, rest, table};
	struct peer_service back;

	assert_int_equal(peer_facts__set_service(l, name, &s), 0);
	assert_true(peer_facts__service(l, name, &back));
	assert_memory_equal(&back, &s, sizeof(s));
}

static void check_difference(const struct ledger *a, const struct ledger *b, const char *want)
{
	char text[PEER_DIFFERENCE_LEN] = "";

	assert_int_equal(peer_facts__same_config(a, b, text), !want);
	assert_string_equal(text, want ? want : "");
}

static void test_config(void **state)
{
	struct ledger *a = ledger__new(), *b = ledger__new();
	char name[FL_NAME_LEN], version[20];
	struct peer_service s;

	(void)state;
	check_difference(a, b, NULL);
	assert_string_equal(peer_facts__version(a, version, sizeof(version)), "");
	assert_int_equal(peer_facts__set_version(a, "1.2"), 0);
	assert_int_equal(peer_facts__set_version(b, "1.3"), 0);
	assert_string_equal(peer_facts__version(b, version, sizeof(version)), "1.3");
	service(a, "web", 1, 2, 3, 4, 5);
	assert_false(peer_facts__service(a, "we", &s));
	check_difference(a, b, "service 'web' is only here");
	assert_false(peer_facts__same_service(a, b, "web") ||
		     peer_facts__same_service(b, a, "web"));
	check_difference(b, a, "service 'web' is only there");
	service(b, "web", 1, 2, 3, 4, 6);
	check_difference(a, b, NULL);
	assert_true(peer_facts__same_service(a, b, "web"));
	assert_false(peer_facts__same_service(a, b, "we"));
	assert_int_equal(peer_facts__other_tables(a, b, name), 1);
	assert_string_equal(name, "web");
	service(b, "web", 9, 9, 3, 4, 5);
	check_difference(a, b, "service 'web': address, ports, affinity or number of slots");
	/* Tables of services that differ are no news. */
	assert_int_equal(peer_facts__other_tables(a, b, name), 0);
	assert_string_equal(name, "");
	service(b, "web", 1, 9, 9, 4, 5);
	check_difference(a, b, "service 'web': backends");
	service(b, "web", 1, 2, 9, 9, 5);
	check_difference(a, b, "service 'web': probe");
	assert_false(peer_facts__same_service(a, b, "web"));
	service(b, "web", 1, 2, 3, 9, 5);
	check_difference(a, b, "service 'web': way of forwarding, times or health");
	/* The first by name, wherever it is. */
	service(b, "dns", 1, 2, 3, 4, 5);
	check_difference(a, b, "service 'dns' is only there");
	service(a, "api", 1, 2, 3, 4, 5);
	check_difference(a, b, "service 'api' is only here");
	assert_int_equal(peer_facts__set_flow_key(a, 1), 0);
	check_difference(a, b, "service 'api' is only here");
	assert_int_equal(peer_facts__set_flow_key(b, 2), 0);
	check_difference(a, b, "flow_key");
	ledger__free(a);
	ledger__free(b);
}

/* Which service a change is about. */
static void test_service_of(void **state)
{
	static const struct {
		const char *key;
		size_t key_len;
		const char *want;
	} rows[] = {
		{"sweb", 4, "web"},
		{"bweb\0b1", 7, "web"},
		{"bweb", 4, "web"},
		{"xweb", 4, ""},
		{"kweb", 4, ""},
		{"s", 1, ""},
		{"b\0b1", 4, ""},
		{"", 0, ""},
		{"sa-name-that-has-just-31-bytes-xx", 32, "a-name-that-has-just-31-bytes-x"},
		{"sa-name-that-has-just-31-bytes-xx", 33, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char name[FL_NAME_LEN] = "before";

		assert_string_equal(peer_facts__service_of(rows[i].key, rows[i].key_len, name),
				    rows[i].want);
		assert_string_equal(name, rows[i].want);
	}
}

static void note(void *ctx, const char *name, const char *id, uint8_t ours, uint8_t theirs)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s/%s %u %u; ", name, id, ours, theirs);
}

static void test_disputes(void **state)
{
	struct ledger *a = ledger__new(), *b = ledger__new();
	char told[200] = "";
	uint8_t health = 9;

	(void)state;
	assert_int_equal(peer_facts__set_backend(a, "web", "b1", 1), 0);
	assert_int_equal(peer_facts__set_backend(a, "web", "b2", 1), 0);
	assert_int_equal(peer_facts__set_backend(a, "web", "b3", 1), 0);
	assert_int_equal(peer_facts__set_backend(b, "web", "b1", 1), 0);
	assert_int_equal(peer_facts__set_backend(b, "web", "b2", 2), 0);
	assert_int_equal(peer_facts__set_backend(b, "we", "bb1", 2), 0);
	assert_true(peer_facts__backend(b, "web", "b2", &health));
	assert_int_equal(health, 2);
	assert_false(peer_facts__backend(b, "web", "b3", &health));
	peer_facts__disputes(a, b, note, told);
	assert_string_equal(told, "web/b2 1 2; ");
	ledger__free(a);
	ledger__free(b);
}

/* What is taken: nothing, records, flows of NAT as well; a later version may take more. */
static void test_records(void **state)
{
	static const struct {
		uint8_t value[2];
		size_t len;
		bool nat;
	} told[] = {{{0}, 0, false}, {{0}, 1, false}, {{2}, 1, false}, {{3, 9}, 2, true}};
	struct ledger *l = ledger__new();

	(void)state;
	assert_false(peer_facts__records(l));
	assert_false(peer_facts__nat_records(l));
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
		assert_int_equal(ledger__put(l, "r", 1, told[i].value, told[i].len), 0);
		assert_true(peer_facts__records(l));
		assert_int_equal(peer_facts__nat_records(l), told[i].nat);
	}
	assert_int_equal(peer_facts__set_records(l), 0);
	assert_true(peer_facts__records(l) && peer_facts__nat_records(l));
	ledger__free(l);
}

static void test_vrrp(void **state)
{
	struct ledger *l = ledger__new();
	enum peer_vrrp_state s = PEER_VRRP_OFF;
	uint8_t priority = 0;

	(void)state;
	assert_false(peer_facts__vrrp(l, "web", &s, &priority));
	assert_int_equal(peer_facts__set_vrrp(l, "web", PEER_VRRP_BACKUP, 100), 0);
	assert_true(peer_facts__vrrp(l, "web", &s, &priority));
	assert_int_equal(s, PEER_VRRP_BACKUP);
	assert_int_equal(priority, 100);
	assert_false(peer_facts__vrrp(l, "we", &s, &priority));
	/* Of a later version: a state that is not known, more behind it; and what is too short. */
	assert_int_equal(ledger__put(l, "gweb", 4, "\3\144", 2), 0);
	assert_false(peer_facts__vrrp(l, "web", &s, &priority));
	assert_int_equal(ledger__put(l, "gweb", 4, "\2\310more", 6), 0);
	assert_true(peer_facts__vrrp(l, "web", &s, &priority));
	assert_int_equal(s, PEER_VRRP_ACTIVE);
	assert_int_equal(priority, 200);
	assert_int_equal(ledger__put(l, "gweb", 4, "\2", 1), 0);
	assert_false(peer_facts__vrrp(l, "web", &s, &priority));
	ledger__free(l);
}

/* Keys and values of a later version, or of a peer that is beside itself. */
static void test_strange(void **state)
{
	static const struct {
		const char *key;
		size_t key_len, len;
	} rows[] = {
		{"x", 1, 0},
		{"s", 1, 40},
		{"sweb", 4, 39},
		{"s\0a", 3, 40},
		{"sa-name-that-is-longer-than-31-bytes", 36, 40},
		{"b", 1, 1},
		{"bweb", 4, 1},
		{"bweb\0b1", 7, 0},
		{"ba-name-that-is-longer-than-31-bytes\0x", 38, 1},
		{"k", 1, 3},
		{"v", 1, 0},
	};
	struct ledger *a = ledger__new(), *b = ledger__new();
	char text[PEER_DIFFERENCE_LEN], name[FL_NAME_LEN], told[200] = "";
	uint8_t value[40];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(value, 1, sizeof(value));
		assert_int_equal(ledger__put(a, rows[i].key, rows[i].key_len, value, rows[i].len),
				 0);
		memset(value, 2, sizeof(value));
		if (rows[i].key[0] != 'k')
			assert_int_equal(
				ledger__put(b, rows[i].key, rows[i].key_len, value, rows[i].len),
				0);
	}
	assert_true(peer_facts__same_config(a, b, text));
	assert_true(peer_facts__same_config(b, a, text));
	assert_int_equal(peer_facts__other_tables(a, b, name), 0);
	peer_facts__disputes(a, b, note, told);
	assert_string_equal(told, "");
	peer_facts__version(a, name, sizeof(name));
	ledger__free(a);
	ledger__free(b);
}

/* Of either sign, and of no other length: what a later version says otherwise is not known. */
static void test_clock(void **state)
{
	static const int64_t clocks[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1764421456000000};
	struct ledger *l = ledger__new();
	int64_t us = 5;

	(void)state;
	assert_false(peer_facts__clock(l, &us));
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		assert_int_equal(peer_facts__set_clock(l, clocks[i]), 0);
		assert_true(peer_facts__clock(l, &us));
		assert_true(us == clocks[i]);
	}
	assert_int_equal(ledger__put(l, "w", 1, "123456789", 9), 0);
	assert_false(peer_facts__clock(l, &us));
	assert_int_equal(ledger__put(l, "w", 1, "1234567", 7), 0);
	assert_false(peer_facts__clock(l, &us));
	ledger__free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),	   cmocka_unit_test(test_config),
		cmocka_unit_test(test_difference), cmocka_unit_test(test_service_of),
		cmocka_unit_test(test_disputes),   cmocka_unit_test(test_records),
		cmocka_unit_test(test_vrrp),	   cmocka_unit_test(test_strange),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests_name("peer_facts", tests, NULL, NULL);
}
