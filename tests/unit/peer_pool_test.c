/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools of full NAT as peers tell each other, and which of them are a danger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "peer/pool.h"

static struct addr v4(uint8_t last)
{
	return addr__from_bytes(AF_INET, (uint8_t[4]){192, 0, 2, last});
}

static struct addr v6(uint8_t last)
{
	return addr__from_bytes(AF_INET6, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = last});
}

/* What one makes of the other, each way the same. */
static enum peer_pools compare(const struct peer_pool *a, const struct peer_pool *b)
{
	struct ledger *here = ledger__new(), *there = ledger__new();
	enum peer_pools said;

	assert_true(here && there);
	if (a)
		assert_int_equal(peer_pool__tell(here, a), 0);
	if (b)
		assert_int_equal(peer_pool__tell(there, b), 0);
	said = peer_pool__compare(here, there);
	assert_int_equal(peer_pool__compare(there, here), said);
	ledger__free(here);
	ledger__free(there);
	return said;
}

/* IPv4 comes before IPv6; nothing else changes on the way, with as many as there may be. */
static void test_told(void **state)
{
	struct peer_pool p = {.first = 1024, .last = 16895}, back;
	struct ledger *l = ledger__new();

	(void)state;
	assert_non_null(l);
	assert_false(peer_pool__read(l, &back));
	for (uint8_t i = 0; i < FL_SNAT_ADDRS; i++) {
		p.addrs[p.n++] = v6(i);
		p.addrs[p.n++] = v4(i);
	}
	assert_int_equal(peer_pool__tell(l, &p), 0);
	assert_true(peer_pool__read(l, &back));
	assert_int_equal(back.first, 1024);
	assert_int_equal(back.last, 16895);
	assert_int_equal(back.n, 2 * FL_SNAT_ADDRS);
	for (uint8_t i = 0; i < FL_SNAT_ADDRS; i++) {
		struct addr four = v4(i), six = v6(i);

		assert_true(addr__equal(&back.addrs[i], &four));
		assert_true(addr__equal(&back.addrs[FL_SNAT_ADDRS + i], &six));
	}
	ledger__free(l);
}

static void test_compare(void **state)
{
	struct peer_pool a = {.first = 1000, .last = 1999, .n = 2, .addrs = {v4(1), v6(1)}};
	struct peer_pool b = {.first = 2000, .last = 2999, .n = 2, .addrs = {v6(1), v4(1)}};
	struct peer_pool none = {.first = 1000, .last = 1999};

	(void)state;
	assert_int_equal(compare(&a, &b), PEER_POOLS_SHARED);
	b.first = 1999;
	assert_int_equal(compare(&a, &b), PEER_POOLS_OVERLAP);
	/* One address is enough. */
	b.n = 1;
	assert_int_equal(compare(&a, &b), PEER_POOLS_OVERLAP);
	b.first = 2000;
	assert_int_equal(compare(&a, &b), PEER_POOLS_APART);
	b.addrs[0] = v6(2);
	b.first = 1000;
	assert_int_equal(compare(&a, &b), PEER_POOLS_APART);
	assert_int_equal(compare(&a, &none), PEER_POOLS_UNTOLD);
	assert_int_equal(compare(&a, NULL), PEER_POOLS_UNTOLD);
}

/* What a peer tells may be anything. */
static void test_odd(void **state)
{
	uint8_t value[6 + 4 + 16] = {0x04, 0, 0x05, 0, 1, 1};
	struct ledger *l = ledger__new();
	struct peer_pool p;

	(void)state;
	for (size_t len = 0; len <= sizeof(value); len++) {
		assert_int_equal(ledger__put(l, "n", 1, value, len), 0);
		assert_int_equal(peer_pool__read(l, &p), len == sizeof(value));
	}
	for (size_t i = 4; i < 6; i++) {
		uint8_t many[LEDGER_VALUE_MAX] = {0};

		many[i] = FL_SNAT_ADDRS + 1;
		assert_int_equal(ledger__put(l, "n", 1, many, sizeof(many)), 0);
		assert_false(peer_pool__read(l, &p));
	}
	ledger__free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
