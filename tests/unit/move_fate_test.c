/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a record is past its time, and who has how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "move/fate.h"
#include "move/tally.h"

#define NOW 5000
#define IDLE 900
#define A FL_FLOW_ACTIVE
#define D FL_FLOW_DYING
#define YOUNG FL_FLOW_YOUNG
#define FIN FL_FLOW_FIN
#define RST FL_FLOW_RST

/* Each life, to the second: kept at `s` without a packet, past its time one later. */
static const struct {
	const char *what;
	uint32_t flags;
	uint16_t gone_s;
	bool crowded;
	uint32_t s;
} lives[] = {
	{"a connection", 0, 0, false, IDLE},
	{"one that ends", FIN, 0, false, FATE_FIN_S},
	{"one that is reset", RST, 0, false, FATE_RST_S},
	{"both", FIN | RST, 0, false, FATE_RST_S},
	{"its backend is gone", 0, 10, false, 10},
	{"gone, but for longer than a reset lives", RST, 600, false, FATE_RST_S},
	{"a young one", YOUNG, 0, false, IDLE},
	{"a young one in a crowd", YOUNG, 0, true, FATE_CROWDED_S},
	{"an old one in a crowd", 0, 0, true, IDLE},
};

static void test_lives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(*lives); i++) {
		struct fate given = {
			.now_s = NOW,
			.idle_s = IDLE,
			.loss = {.since_s = NOW - 2000, .hold_s = lives[i].gone_s},
			.crowded = lives[i].crowded,
		};
		struct fl_flow f = {.state = A | lives[i].flags, .seen_s = NOW - lives[i].s};

		if (fate__of(&f, &given) != FATE_KEEP)
			fail_msg("%s goes early", lives[i].what);
		f.seen_s--;
		if (fate__of(&f, &given) != FATE_MARK)
			fail_msg("%s is not marked", lives[i].what);
		f.state = D | lives[i].flags;
		if (fate__of(&f, &given) != FATE_DELETE)
			fail_msg("%s is not deleted", lives[i].what);
	}
}

/* It was marked, and then its service's idle became longer, or its backend came back. */
static void test_marked_and_in_time(void **state)
{
	struct fate given = {.now_s = NOW, .idle_s = IDLE};
	struct fl_flow f = {.state = D, .seen_s = NOW - 20};

	(void)state;
	assert_int_equal(fate__of(&f, &given), FATE_KEEP);
}

static void test_dead(void **state)
{
	struct fate given = {.now_s = NOW, .idle_s = IDLE};
	struct fl_flow f = {.state = FL_FLOW_DEAD, .seen_s = NOW};

	(void)state;
	assert_int_equal(fate__of(&f, &given), FATE_DEAD);
}

/* Its connections have all of that time from when it went, however long they were silent before. */
static void test_gone_since(void **state)
{
	struct fate given = {.now_s = NOW, .idle_s = IDLE, .loss = {NOW - 10, 10, false}};
	struct fl_flow f = {.state = A, .seen_s = NOW - 300};

	(void)state;
	assert_int_equal(fate__of(&f, &given), FATE_KEEP);
	given.loss.since_s--;
	assert_int_equal(fate__of(&f, &given), FATE_MARK);
}

/* What speaks stays at a backend that a probe may be wrong about, but not at one that is given up. */
static void test_given_up(void **state)
{
	struct fate given = {.now_s = NOW, .idle_s = IDLE, .loss = {NOW - 11, 10, false}};
	struct fl_flow f = {.state = A, .seen_s = NOW};

	(void)state;
	assert_int_equal(fate__of(&f, &given), FATE_KEEP);
	given.loss.given_up = true;
	assert_int_equal(fate__of(&f, &given), FATE_END);
	f.state = D | YOUNG;
	assert_int_equal(fate__of(&f, &given), FATE_END);
	given.loss.since_s++;
	assert_int_equal(fate__of(&f, &given), FATE_KEEP);
	given.loss.since_s--;
	f.state = FL_FLOW_DEAD;
	assert_int_equal(fate__of(&f, &given), FATE_DEAD);
	f.state = A;
	given.loss.given_up = false;
	given.udp = true;
	assert_int_equal(fate__of(&f, &given), FATE_END);
	given.loss = (struct fate_loss){.given_up = true};
	assert_int_equal(fate__of(&f, &given), FATE_KEEP);
}

/* The program's clock may be a tick ahead, and seconds wrap after 136 years. */
static void test_clock(void **state)
{
	struct fate given = {.now_s = NOW, .idle_s = IDLE};
	struct fl_flow f = {.state = A, .seen_s = NOW + 1};

	(void)state;
	assert_int_equal(fate__of(&f, &given), FATE_KEEP);
	given.now_s = 10;
	f.seen_s = UINT32_MAX - 10;
	assert_int_equal(fate__of(&f, &given), FATE_KEEP);
	f.seen_s = UINT32_MAX - 1000;
	assert_int_equal(fate__of(&f, &given), FATE_MARK);
}

static void test_tally(void **state)
{
	struct tally t = {0};

	(void)state;
	assert_int_equal(tally__get(&t, 1, 1), 0);
	for (uint32_t service = 1; service <= 40; service++) {
		for (uint32_t backend = 1; backend <= 100; backend++) {
			for (uint32_t n = 0; n < (service + backend) % 5; n++)
				assert_int_equal(tally__add(&t, service, backend), 0);
		}
	}
	for (uint32_t service = 1; service <= 40; service++) {
		for (uint32_t backend = 1; backend <= 100; backend++)
			assert_int_equal(tally__get(&t, service, backend), (service + backend) % 5);
	}
	assert_int_equal(tally__get(&t, 41, 1), 0);
	tally__free(&t);
	assert_int_equal(tally__get(&t, 1, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),	   cmocka_unit_test(test_marked_and_in_time),
		cmocka_unit_test(test_dead),	   cmocka_unit_test(test_clock),
		cmocka_unit_test(test_gone_since), cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_tally),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
