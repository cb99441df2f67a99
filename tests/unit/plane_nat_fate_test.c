/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a record of NAT has had its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "plane/nat_fate.h"

#define IDLE 900
#define NOW 100000

/* Flags of an entry of a pair, or of one alone; 0xffff: there is no such entry. */
#define NONE 0xffff
#define SEEN FL_NAT_SEEN
#define FIN FL_NAT_FIN
#define RST FL_NAT_RST
#define OTHER FL_NAT_FIN_OTHER

static const struct fate_loss lives;

static bool over(enum nat_kind kind, uint16_t flags, uint32_t age, uint16_t back, uint32_t back_age,
		 uint8_t proto)
{
	struct fl_nat_flow f = {.flags = flags, .seen_s = NOW - age};
	struct fl_nat_flow b = {.flags = back | FL_NAT_BACK, .seen_s = NOW - back_age};

	return nat_fate__over(kind, &f, back == NONE ? NULL : &b, proto, NOW, IDLE, &lives);
}

static const struct {
	const char *what;
	uint16_t flags, back;
	uint8_t proto;
	uint32_t life; /* seconds that it is kept */
} pairs[] = {
	{"answered TCP", SEEN, SEEN, IPPROTO_TCP, IDLE},
	{"answered UDP", SEEN, SEEN, IPPROTO_UDP, NAT_UDP_S},
	{"unanswered TCP", SEEN, 0, IPPROTO_TCP, NAT_UNANSWERED_S},
	{"unanswered UDP", SEEN, 0, IPPROTO_UDP, NAT_UNANSWERED_S},
	{"the client's FIN alone", SEEN | FIN, SEEN, IPPROTO_TCP, IDLE},
	{"the backend's FIN alone", SEEN, SEEN | FIN, IPPROTO_TCP, IDLE},
	{"both FINs", SEEN | FIN, SEEN | FIN, IPPROTO_TCP, NAT_FIN_S},
	{"a RST of the client", SEEN | RST, SEEN, IPPROTO_TCP, NAT_RST_S},
	{"a RST of the backend", SEEN, SEEN | RST, IPPROTO_TCP, NAT_RST_S},
	{"a RST after both FINs", SEEN | FIN, SEEN | FIN | RST, IPPROTO_TCP, NAT_RST_S},
	{"no entry of replies", SEEN, NONE, IPPROTO_TCP, NAT_UNANSWERED_S},
	/* What only an entry that stands alone has, means nothing in a pair. */
	{"FIN_OTHER in a pair", SEEN | FIN | OTHER, SEEN, IPPROTO_TCP, IDLE},
};

static void test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		uint32_t life = pairs[i].life;
		uint16_t f = pairs[i].flags, b = pairs[i].back;

		if (over(NAT_PAIR, f, life, b, life, pairs[i].proto) ||
		    !over(NAT_PAIR, f, life + 1, b, life + 1, pairs[i].proto))
			fail_msg("%s: not kept for %u s", pairs[i].what, life);
	}
}

/* One direction that speaks keeps both. */
static void test_younger_decides(void **state)
{
	(void)state;
	assert_false(over(NAT_PAIR, SEEN, IDLE + 100, SEEN, 3, IPPROTO_TCP));
	assert_false(over(NAT_PAIR, SEEN, 3, SEEN, IDLE + 100, IPPROTO_TCP));
	assert_true(over(NAT_PAIR, SEEN, IDLE + 100, SEEN, IDLE + 1, IPPROTO_TCP));
}

static const struct {
	const char *what;
	uint16_t flags;
	uint8_t proto;
	uint32_t life;
} lone[] = {
	{"one packet", 0, IPPROTO_TCP, NAT_UNANSWERED_S},
	{"TCP", SEEN, IPPROTO_TCP, IDLE},
	{"UDP", SEEN, IPPROTO_UDP, NAT_UDP_S},
	{"one FIN", SEEN | FIN, IPPROTO_TCP, IDLE},
	{"the other FIN", SEEN | OTHER, IPPROTO_TCP, IDLE},
	{"both FINs", SEEN | FIN | OTHER, IPPROTO_TCP, NAT_FIN_S},
	{"a RST", SEEN | RST, IPPROTO_TCP, NAT_RST_S},
};

static void test_lone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lone) / sizeof(*lone); i++) {
		uint16_t flags = lone[i].flags | FL_NAT_BACK;

		if (over(NAT_LONE, flags, lone[i].life, NONE, 0, lone[i].proto) ||
		    !over(NAT_LONE, flags, lone[i].life + 1, NONE, 0, lone[i].proto))
			fail_msg("%s: not kept for %u s", lone[i].what, lone[i].life);
	}
}

/* What stands alone by accident goes soon, whatever it has seen. */
static void test_orphan(void **state)
{
	(void)state;
	assert_false(over(NAT_ORPHAN, SEEN, NAT_ORPHAN_S, NONE, 0, IPPROTO_TCP));
	assert_true(over(NAT_ORPHAN, SEEN, NAT_ORPHAN_S + 1, NONE, 0, IPPROTO_TCP));
}

/* An entry that somebody has begun to delete is left to them, unless nothing has come of it. */
static void test_dead(void **state)
{
	(void)state;
	for (enum nat_kind kind = NAT_PAIR; kind <= NAT_ORPHAN; kind++) {
		const uint16_t flags = RST | FL_NAT_DEAD;

		assert_false(over(kind, flags, NAT_DEAD_S, NONE, 0, IPPROTO_TCP));
		assert_true(over(kind, flags, NAT_DEAD_S + 1, NONE, 0, IPPROTO_TCP));
	}
}

/* A packet between the reading of the clock and of the entry is not 136 years old. */
static void test_from_the_future(void **state)
{
	struct fl_nat_flow f = {.flags = RST, .seen_s = NOW + 2};

	(void)state;
	assert_false(nat_fate__over(NAT_ORPHAN, &f, NULL, IPPROTO_TCP, NOW, IDLE, &lives));
	assert_false(nat_fate__over(NAT_PAIR, &f, NULL, IPPROTO_TCP, NOW, IDLE, &lives));
	assert_false(nat_fate__over(NAT_LONE, &f, NULL, IPPROTO_TCP, NOW, IDLE, &lives));
}

/* Is it over, with a backend that is gone since 11 s, and was to be kept for 10? */
static bool over_by_loss(enum nat_kind kind, bool given_up, uint8_t proto, uint32_t age,
			 uint32_t back_age)
{
	const struct fate_loss loss = {NOW - 11, 10, given_up}, early = {NOW - 10, 10, given_up};
	struct fl_nat_flow f = {.flags = SEEN, .seen_s = NOW - age};
	struct fl_nat_flow b = {.flags = SEEN | FL_NAT_BACK, .seen_s = NOW - back_age};
	const struct fl_nat_flow *back = kind == NAT_PAIR ? &b : NULL;

	assert_false(nat_fate__over(kind, &f, back, proto, NOW, IDLE, &early));
	return nat_fate__over(kind, &f, back, proto, NOW, IDLE, &loss);
}

/* As in move_fate_test: who speaks may know better than a probe, where TCP would tell him. */
static void test_backend_gone(void **state)
{
	(void)state;
	for (enum nat_kind kind = NAT_PAIR; kind <= NAT_LONE; kind++) {
		assert_false(over_by_loss(kind, false, IPPROTO_TCP, 10, 10));
		assert_true(over_by_loss(kind, false, IPPROTO_TCP, 11, 11));
		assert_true(over_by_loss(kind, false, IPPROTO_UDP, 0, 0));
		assert_true(over_by_loss(kind, true, IPPROTO_TCP, 0, 0));
	}
	assert_false(over_by_loss(NAT_PAIR, false, IPPROTO_TCP, 11, 10));
	assert_false(over_by_loss(NAT_PAIR, false, IPPROTO_TCP, 10, 11));
}

static void test_other_key(void **state)
{
	struct fl_nat_flow f = {.saddr = {1}, .daddr = {2}, .sport = 3, .dport = 4};
	struct fl_nat_key want = {.saddr = {2}, .daddr = {1}, .sport = 4, .dport = 3, .proto = 17};
	struct fl_nat_key k = nat_fate__other(&f, 17);

	(void)state;
	assert_memory_equal(&k, &want, sizeof(k));
}

/* Both entries of a pair in one: FIN of each side apart, the rest of either. */
static void test_both(void **state)
{
	struct fl_nat_flow c = {.sport = 7, .backend = 3, .seen_s = NOW - 5}, b = c, both;

	(void)state;
	b.flags = FL_NAT_BACK;
	b.seen_s = NOW - 2;
	both = nat_fate__both(&c, &b);
	assert_int_equal(both.flags, 0);
	assert_int_equal(both.seen_s, NOW - 2);
	assert_int_equal(both.sport, 7);
	c.flags = FL_NAT_FIN | FL_NAT_SEEN;
	c.seen_s = NOW;
	both = nat_fate__both(&c, &b);
	assert_int_equal(both.flags, FL_NAT_FIN | FL_NAT_SEEN_OTHER);
	assert_int_equal(both.seen_s, NOW);
	c.flags = 0;
	b.flags = FL_NAT_BACK | FL_NAT_FIN | FL_NAT_SEEN;
	assert_int_equal(nat_fate__both(&c, &b).flags, FL_NAT_FIN_OTHER | FL_NAT_SEEN);
	b.flags = FL_NAT_BACK | FL_NAT_RST | FL_NAT_HERE;
	assert_int_equal(nat_fate__both(&c, &b).flags, FL_NAT_RST | FL_NAT_HERE);
	c.flags = FL_NAT_RST | FL_NAT_HERE;
	b.flags = FL_NAT_BACK;
	assert_int_equal(nat_fate__both(&c, &b).flags, FL_NAT_RST | FL_NAT_HERE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),	     cmocka_unit_test(test_younger_decides),
		cmocka_unit_test(test_lone),	     cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_dead),	     cmocka_unit_test(test_from_the_future),
		cmocka_unit_test(test_backend_gone), cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
