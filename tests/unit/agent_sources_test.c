/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of source entries: made of lists, laid over each other, and what leads from one to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/source_set.h"

#define ALLOW FL_SRC_ALLOW
#define DENY FL_SRC_DENY

/* "7 10.0.0.0/8": the scope and the prefix; "*" is everybody. */
static struct plane_source entry(const char *text, uint32_t flags)
{
	struct addr_prefix p = {.len = 0};
	char prefix[64];
	uint32_t scope;

	assert_int_equal(sscanf(text, "%u %63s", &scope, prefix), 2);
	if (strcmp(prefix, "*") != 0)
		assert_int_equal(addr__parse_net(prefix, &p), 0);
	return (struct plane_source){source_key__of(scope, &p), flags};
}

static void add(struct source_set *s, const char *text, uint32_t flags)
{
	struct plane_source e = entry(text, flags);

	assert_int_equal(source_set__add(s, &e), 0);
}

/* "0 10.0.0.0/8 2, ..." in the set's order. */
static const char *show(const struct source_set *s)
{
	static char buf[4][1024];
	static unsigned int turn;
	char *out = buf[turn++ % 4], text[ADDR_PREFIX_STRLEN];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < s->n; i++) {
		struct addr_prefix p;
		uint32_t scope = source_key__scope(&s->list[i].key, &p);

		n += (size_t)snprintf(out + n, sizeof(buf[0]) - n, "%s%u %s %u", i ? ", " : "",
				      scope, p.len ? addr_prefix__format(&p, text) : "*",
				      s->list[i].flags);
	}
	return out;
}

static void test_lists(void **state)
{
	struct addr_prefix allow[2], deny[1];
	struct config_sources c = {
		.allow = allow, .n_allow = 2, .deny = deny, .n_deny = 1, .monitor = true};
	struct source_set s = {0};

	(void)state;
	addr__parse_net("192.0.2.0/24", &allow[0]);
	addr__parse_net("2001:db8::/32", &allow[1]);
	addr__parse_net("192.0.2.7", &deny[0]);
	assert_int_equal(source_set__add_lists(&s, 3, &c), 0);
	source_set__sort(&s);
	assert_string_equal(show(&s), "3 * 6, 3 192.0.2.0/24 1, 3 192.0.2.7 6, 3 2001:db8::/32 1");
	source_set__free(&s);

	/* Without an allow list there is no rest; without monitor denials are denials. */
	c = (struct config_sources){.deny = deny, .n_deny = 1};
	assert_int_equal(source_set__add_lists(&s, 0, &c), 0);
	source_set__sort(&s);
	assert_string_equal(show(&s), "0 192.0.2.7 2");
	source_set__free(&s);

	c = (struct config_sources){0};
	assert_int_equal(source_set__add_lists(&s, 0, &c), 0);
	assert_int_equal(s.n, 0);
	source_set__free(&s);
}

static void test_keys(void **state)
{
	struct addr_prefix p, back;
	struct fl_source_key k;

	(void)state;
	addr__parse_net("192.0.2.0/24", &p);
	k = source_key__of(258, &p);
	assert_int_equal(k.prefixlen, 32 + 96 + 24);
	assert_memory_equal(&k.scope, "\0\0\1\2", 4);
	assert_memory_equal(k.addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\0", 16);
	assert_int_equal(source_key__scope(&k, &back), 258);
	assert_true(addr_prefix__equal(&p, &back));
}

static void test_scopes_and_finding(void **state)
{
	struct source_set s = {0};
	struct plane_source e;
	size_t n;

	(void)state;
	/* 256 is behind 1 as a number, as bytes of the wrong order it would not be. */
	add(&s, "256 10.0.0.1", DENY);
	add(&s, "1 10.0.0.1", DENY);
	add(&s, "0 10.0.0.0/8", ALLOW);
	add(&s, "1 10.0.0.0/8", ALLOW);
	add(&s, "1 *", DENY);
	source_set__sort(&s);
	assert_string_equal(show(&s), "0 10.0.0.0/8 1, 1 * 2, 1 10.0.0.0/8 1, 1 10.0.0.1 2, "
				      "256 10.0.0.1 2");
	assert_ptr_equal(source_set__scope(&s, 1, &n), &s.list[1]);
	assert_int_equal(n, 3);
	assert_null(source_set__scope(&s, 2, &n));
	assert_int_equal(n, 0);
	e = entry("1 10.0.0.0/8", 0);
	assert_ptr_equal(source_set__find(&s, &e.key), &s.list[2]);
	e = entry("1 10.0.0.0/9", 0);
	assert_null(source_set__find(&s, &e.key));
	source_set__free(&s);
	assert_null(source_set__find(&s, &e.key));
}

/* The longest prefix that holds an address: the same as by looking at all of them. */
static void test_match(void **state)
{
	struct source_set s = {0};
	unsigned int seed = 3;
	struct addr a;

	(void)state;
	assert_int_equal(addr__parse("10.1.2.3", &a), 0);
	assert_null(source_set__match(&s, 0, &a));
	for (int i = 0; i < 300; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%d 10.%d.%d.0/%d", rand_r(&seed) % 3,
			 rand_r(&seed) % 4, (rand_r(&seed) % 4) << 6, 18 + rand_r(&seed) % 7);
		if (strstr(text, ".0.0/") || strstr(text, "/24") || strstr(text, "/23"))
			add(&s, text, DENY);
	}
	add(&s, "1 *", DENY);
	add(&s, "1 2001:db8::/33", ALLOW);
	add(&s, "2 10.1.2.3", ALLOW);
	source_set__sort(&s);
	for (uint32_t scope = 0; scope < 4; scope++) {
		for (int i = 0; i < 500; i++) {
			const struct plane_source *best = NULL;
			struct addr_prefix p;
			uint8_t b[4] = {10, (uint8_t)(rand_r(&seed) % 5), (uint8_t)rand_r(&seed),
					(uint8_t)(rand_r(&seed) % 2)};

			a = addr__from_bytes(AF_INET, b);
			for (size_t j = 0; j < s.n; j++) {
				if (source_key__scope(&s.list[j].key, &p) == scope &&
				    addr_prefix__holds(&p, &a) &&
				    (!best || best->key.prefixlen < s.list[j].key.prefixlen))
					best = &s.list[j];
			}
			assert_ptr_equal(source_set__match(&s, scope, &a), best);
		}
	}
	assert_int_equal(addr__parse("10.1.2.3", &a), 0);
	assert_int_equal(source_set__match(&s, 2, &a)->key.prefixlen, 160);
	assert_int_equal(addr__parse("2001:db8:7fff::1", &a), 0);
	assert_int_equal(source_set__match(&s, 1, &a)->flags, ALLOW);
	assert_int_equal(addr__parse("2001:db8:8000::1", &a), 0);
	assert_int_equal(source_set__match(&s, 1, &a)->key.prefixlen, 32);
	source_set__free(&s);
}

static void test_sort_drops_twins(void **state)
{
	struct source_set s = {0};

	(void)state;
	add(&s, "0 10.0.0.2", DENY);
	add(&s, "0 10.0.0.1", DENY);
	add(&s, "0 10.0.0.2", DENY);
	source_set__sort(&s);
	assert_string_equal(show(&s), "0 10.0.0.1 2, 0 10.0.0.2 2");
	source_set__free(&s);
}

static void test_reverse(void **state)
{
	static const char *const want[] = {"", "0 10.0.0.1 2", "0 10.0.0.2 2, 0 10.0.0.1 2",
					   "0 10.0.0.3 2, 0 10.0.0.2 2, 0 10.0.0.1 2"};

	(void)state;
	for (unsigned int n = 0; n < 4; n++) {
		struct source_set s = {0};

		for (unsigned int i = 1; i <= n; i++) {
			char text[32];

			snprintf(text, sizeof(text), "0 10.0.0.%u", i);
			add(&s, text, DENY);
		}
		source_set__reverse(&s);
		assert_string_equal(show(&s), want[n]);
		source_set__free(&s);
	}
}

static void test_overlay_and_without(void **state)
{
	struct source_set file = {0}, commands = {0}, out = {0};

	(void)state;
	add(&file, "0 10.0.0.0/8", DENY);
	add(&file, "0 10.1.0.0/16", ALLOW);
	add(&commands, "0 10.0.0.0/8", ALLOW | FL_SRC_RUNTIME);
	add(&commands, "5 10.0.0.0/8", DENY | FL_SRC_RUNTIME);
	assert_int_equal(source_set__overlay(&file, &commands, &out), 0);
	assert_string_equal(show(&out), "0 10.0.0.0/8 9, 0 10.1.0.0/16 1, 5 10.0.0.0/8 10");
	source_set__free(&out);
	assert_int_equal(source_set__without(&file, &commands, &out), 0);
	assert_string_equal(show(&out), "0 10.1.0.0/16 1");
	source_set__free(&out);
	source_set__free(&file);
	source_set__free(&commands);
}

static void test_diff_order(void **state)
{
	struct source_set have = {0}, want = {0};
	struct source_diff d;

	(void)state;
	add(&have, "0 10.0.0.0/8", DENY);
	add(&have, "0 10.2.0.0/16", ALLOW);
	add(&have, "0 172.16.0.0/12", DENY);
	add(&have, "7 *", DENY);
	add(&have, "7 10.0.0.1", ALLOW);
	add(&want, "0 172.16.0.0/12", DENY | FL_SRC_MONITOR);
	add(&want, "0 10.2.0.0/16", ALLOW);
	add(&want, "8 *", DENY);
	add(&want, "8 10.0.0.1", ALLOW);
	add(&want, "8 10.0.0.0/24", ALLOW);
	source_set__sort(&have);
	source_set__sort(&want);
	assert_int_equal(source_diff__make(&have, &want, &d), 0);
	assert_string_equal(show(&d.add), "8 10.0.0.1 1, 8 10.0.0.0/24 1, 8 * 2");
	assert_string_equal(show(&d.change), "0 172.16.0.0/12 6");
	assert_string_equal(show(&d.was), "0 172.16.0.0/12 2");
	assert_string_equal(show(&d.remove), "7 * 2, 0 10.0.0.0/8 2, 7 10.0.0.1 1");
	source_diff__free(&d);
	assert_int_equal(source_diff__make(&want, &want, &d), 0);
	assert_int_equal(d.add.n + d.change.n + d.was.n + d.remove.n, 0);
	source_diff__free(&d);
	source_set__free(&have);
	source_set__free(&want);
}

/* Whatever two sets are: applied to the first, the difference gives the second. */
static void test_diff_leads_there(void **state)
{
	unsigned int seed = 7;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct source_set sets[2] = {{0}, {0}}, kept = {0}, with = {0}, got = {0};
		struct source_diff d;

		for (int i = 0; i < 60; i++) {
			char text[48];

			snprintf(text, sizeof(text), "%d 10.%d.0.0/%d", rand_r(&seed) % 3,
				 rand_r(&seed) % 4, 16 + rand_r(&seed) % 3);
			add(&sets[rand_r(&seed) % 2], text, 1u << rand_r(&seed) % 4);
		}
		source_set__sort(&sets[0]);
		source_set__sort(&sets[1]);
		assert_int_equal(source_diff__make(&sets[0], &sets[1], &d), 0);
		source_set__sort(&d.add);
		source_set__sort(&d.remove);
		assert_int_equal(source_set__without(&sets[0], &d.remove, &kept), 0);
		assert_int_equal(source_set__overlay(&kept, &d.add, &with), 0);
		assert_int_equal(source_set__overlay(&with, &d.change, &got), 0);
		assert_int_equal(got.n, sets[1].n);
		assert_memory_equal(got.list, sets[1].list, got.n * sizeof(*got.list));
		source_diff__free(&d);
		source_set__free(&kept);
		source_set__free(&with);
		source_set__free(&got);
		source_set__free(&sets[0]);
		source_set__free(&sets[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_scopes_and_finding),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_sort_drops_twins),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_overlay_and_without),
		cmocka_unit_test(test_diff_order),
		cmocka_unit_test(test_diff_leads_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
