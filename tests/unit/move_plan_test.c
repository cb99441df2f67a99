/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slots that change owner: each transition of docs/transitions.md. */
#include "move_world.h"

static void test_clean_moves(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	assert_moving(&w, 2, 1, 0);
	assert_int_equal(w.sums.moving, N);
	assert_int_equal(w.sums.begin, N);
	assert_int_equal(w.sums.next_s, HOLD + 1);
	assert_int_equal(w.sums.settle_s, HOLD + 1);
}

/* Slots of which peers have told records, whether they stay or change owner; it is counted as for any. */
static void test_pin(void **state)
{
	uint64_t which[(N + 63) / 64] = {5};
	struct world w;

	(void)state;
	begin(&w, 1);
	w.t.pin = which;
	turn(&w, 1);
	assert_int_equal(w.sums.pinned, 2);
	assert_int_equal(w.live[0], 1 | FL_SLOT_DIRTY);
	assert_int_equal(w.live[1], 1);
	assert_int_equal(w.live[2], 1 | FL_SLOT_DIRTY);
	for (uint32_t i = 0; i < 3; i += 2) {
		assert_true(w.words[i] & FL_MOVE_PINNED);
		assert_int_equal(move__since(w.words[i], w.t.now_s), 0);
	}
	/* What moves is looked at anyway; what nobody owned is not MOVING. */
	begin(&w, 1);
	w.t.pin = which;
	turn(&w, 2);
	assert_moving(&w, 2, 1, 0);
	begin(&w, FL_SLOT_NONE);
	w.t.pin = which;
	turn(&w, 2);
	assert_int_equal(w.sums.pinned, 2);
	assert_int_equal(w.live[2], 2 | FL_SLOT_DIRTY);
	assert_int_equal(w.live[3], 2);
	/* Without words there must be some. */
	begin(&w, 1);
	w.t.words = NULL;
	w.t.pin = which;
	turn(&w, 1);
	assert_int_equal(w.sums.begin, 2);
}

/* A record that comes while they are counted: the count says nothing of it. */
static void test_touch(void **state)
{
	uint64_t none[(N + 63) / 64] = {0}, which[(N + 63) / 64] = {3};
	struct move_count count = {.held = none};
	struct world w;

	(void)state;
	begin(&w, 1);
	w.t.pin = which;
	turn(&w, 1);
	w.t.pin = NULL;
	w.t.now_s += FL_TENTATIVE_S + 10;
	count.began_s = w.t.now_s;
	w.t.now_s += 2;
	move__touch(&w.t, 0);
	plan(&w, &count, EVER);
	assert_int_equal(w.sums.cleaned, 1);
	assert_int_equal(w.live[0], 1 | FL_SLOT_DIRTY);
	assert_int_equal(w.live[1], 1);
	/* One that moves keeps its time. */
	begin(&w, 1);
	turn(&w, 2);
	w.t.now_s += 5;
	move__touch(&w.t, 0);
	assert_moving(&w, 2, 1, 5);
}

/* Before the first packet owners change without more ado, and what is on record is found. */
static void test_fresh(void **state)
{
	uint64_t which[(N + 63) / 64] = {3};
	struct world w;

	(void)state;
	begin(&w, 1);
	w.t.fresh = true;
	turn(&w, 2);
	assert_int_equal(w.sums.moving + w.sums.pinned + w.sums.begin, 0);
	assert_int_equal(w.live[0], 2);
	w.t.pin = which;
	turn(&w, 3);
	assert_int_equal(w.sums.pinned, 2);
	assert_int_equal(w.live[0], 3 | FL_SLOT_DIRTY);
	assert_int_equal(w.live[2], 3);
	w.t.pin = NULL;
	turn(&w, 4);
	assert_int_equal(w.sums.pinned, 2);
	assert_int_equal(w.live[1], 4 | FL_SLOT_DIRTY);
	assert_true(w.words[1] & FL_MOVE_PINNED);
	w.t.fresh = false;
	turn(&w, 5);
	assert_moving(&w, 5, 4, 0);
}

static void test_second_change_keeps_prev(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	pass_time(&w, 100);
	turn(&w, 3);
	assert_moving(&w, 3, 1, 0); /* since is that of the last change */
	assert_int_equal(w.sums.begin, 0);
}

static void test_back_to_prev(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	pass_time(&w, 100);
	turn(&w, 1);
	/* Not PINNED yet: packets that still read the other half would go to 2. */
	assert_moving(&w, 1, 1, 100);
	assert_int_equal(w.sums.next_s, 0);
	pass_time(&w, 0);
	assert_pinned(&w, 1);
	assert_int_equal(w.sums.pinned, N);
	turn(&w, 4);
	assert_moving(&w, 4, 1, 0);
}

static void test_hold(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	pass_time(&w, HOLD);
	assert_moving(&w, 2, 1, HOLD);
	assert_int_equal(w.sums.next_s, 1);
	pass_time(&w, 1);
	assert_pinned(&w, 2);
	assert_int_equal(w.sums.next_s, EVER);
}

/* Counted from when it went down, be that long after it moved or long before. */
static void test_down_hold(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	pass_time(&w, 100);
	facts[1] = (struct move_fact){.flags = MOVE_DOWN, .down_s = w.t.now_s};
	pass_time(&w, DOWN_HOLD);
	assert_moving(&w, 2, 1, 100 + DOWN_HOLD);
	pass_time(&w, 1);
	assert_pinned(&w, 2);
	begin(&w, 1);
	facts[1] = (struct move_fact){.flags = MOVE_DOWN, .down_s = w.t.now_s - 50};
	turn(&w, 2);
	assert_int_equal(w.sums.next_s, 0);
	pass_time(&w, 0);
	assert_pinned(&w, 2);
	/* One that came back in time holds for as long as any. */
	begin(&w, 1);
	facts[1] = (struct move_fact){.flags = MOVE_DOWN, .down_s = w.t.now_s};
	turn(&w, 2);
	assert_int_equal(w.sums.next_s, DOWN_HOLD + 1);
	w.t.now_s += 5;
	facts[1] = (struct move_fact){.flags = MOVE_ACCEPTS | MOVE_STAYS};
	pass_time(&w, 100);
	assert_moving(&w, 2, 1, 105);
}

/* Connections that the freeze has sent to prev, or that found `flows` full, have all of hold as well. */
static void test_pressure(void **state)
{
	struct world w;

	(void)state;
	for (int full = 0; full < 2; full++) {
		begin(&w, 1);
		turn(&w, 2);
		pass_time(&w, 500);
		*(full ? &w.t.full_s : &w.t.frozen_s) = w.t.now_s;
		pass_time(&w, HOLD);
		assert_moving(&w, 2, 1, HOLD + 500);
		pass_time(&w, 1);
		assert_pinned(&w, 2);
	}
}

static void test_stamp(void **state)
{
	uint16_t before[N];
	struct world w;

	(void)state;
	begin(&w, 1);
	for (int i = 0; i < 10; i++)
		w.want[i] = 2;
	plan(&w, NULL, EVER);
	memcpy(before, w.live, sizeof(before));
	w.t.now_s += 50;
	w.want[0] = 3;
	w.want[20] = 3;
	plan(&w, NULL, EVER);
	w.t.now_s += 5; /* stopped before the swap */
	move__stamp(&w.t, before);
	for (int i = 0; i < N; i++) {
		uint32_t age = move__since(w.words[i], w.t.now_s);

		if (i == 0 || i == 20)
			assert_int_equal(age, 0);
		else if (i < 10)
			assert_int_equal(age, 55);
	}
	move__stamp(&w.t, NULL); /* started anew */
	for (int i = 0; i < 10; i++)
		assert_int_equal(move__since(w.words[i], w.t.now_s), 0);
	assert_int_equal(prev_of(&w, 0), 1);
}

static void test_nobody(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NONE);
	turn(&w, 1);
	assert_clean(&w, 1); /* nothing was established with nobody */
	turn(&w, NONE);
	assert_moving(&w, NONE, 1, 0);
	pass_time(&w, HOLD + 1);
	assert_pinned(&w, NONE);
	turn(&w, 2);
	assert_pinned(&w, 2);
}

static void test_accepts_follows(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	assert_true(w.words[0] & FL_MOVE_ACCEPTS);
	facts[1].flags = MOVE_STAYS;
	pass_time(&w, 1);
	assert_false(w.words[0] & FL_MOVE_ACCEPTS);
	assert_moving(&w, 2, 1, 1);
}

static void test_becomes_clean(void **state)
{
	uint64_t held[N / 64] = {0};
	struct move_count count = {.held = held};
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	pass_time(&w, HOLD + 1);
	assert_pinned(&w, 2);
	move__hold(held, 5);
	/* A count that began when a handshake could still have come to an end says nothing. */
	count.began_s = w.t.now_s + FL_TENTATIVE_S;
	w.t.now_s += 1000;
	plan(&w, &count, EVER);
	assert_pinned(&w, 2);
	count.began_s++;
	/* Nor one that may have missed a handshake which found no room. */
	w.t.full_s = count.began_s - FL_TENTATIVE_S;
	plan(&w, &count, EVER);
	assert_pinned(&w, 2);
	w.t.full_s--;
	plan(&w, &count, EVER);
	for (int i = 0; i < N; i++)
		assert_int_equal(w.live[i], i == 5 ? 2 | FL_SLOT_DIRTY : 2);
	assert_int_equal(w.sums.cleaned, N - 1);
	assert_int_equal(w.sums.pinned, 1);
}

/* PINNED when the count began, and now, but MOVING in between. */
static void test_moved_during_the_count(void **state)
{
	uint64_t held[N / 64] = {0};
	struct move_count count = {.held = held};
	struct world w;

	(void)state;
	begin(&w, 1);
	turn(&w, 2);
	pass_time(&w, HOLD + 1);
	pass_time(&w, 100);
	count.began_s = w.t.now_s;
	turn(&w, 3);
	turn(&w, 2);
	pass_time(&w, 1);
	assert_pinned(&w, 2);
	plan(&w, &count, EVER);
	assert_pinned(&w, 2);
}

static void test_budget(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1);
	for (int i = 0; i < N; i++)
		w.want[i] = 2;
	plan(&w, NULL, 10);
	assert_int_equal(w.sums.moving, 10);
	assert_int_equal(w.sums.waiting, N - 10);
	plan(&w, NULL, 0); /* what moves already needs no more */
	assert_int_equal(w.sums.moving, 10);
	/* What is down is left at once. */
	facts[1] = (struct move_fact){.flags = MOVE_DOWN, .down_s = w.t.now_s};
	plan(&w, NULL, 0);
	assert_int_equal(w.sums.moving, N);
	assert_int_equal(w.sums.waiting, 0);
}

static void test_without_a_table(void **state)
{
	struct world w;
	uint16_t out[N];

	(void)state;
	begin(&w, 1);
	w.t.words = NULL;
	w.want[3] = 2;
	move__plan(&w.t, w.want, NULL, EVER, out, &w.sums);
	assert_int_equal(w.sums.begin, 1);
	w.t.stateless = true;
	move__plan(&w.t, w.want, NULL, EVER, out, &w.sums);
	assert_int_equal(w.sums.begin, 0);
	assert_int_equal(out[3], 2);
	assert_int_equal(out[4], 1);
}

static void test_count(void **state)
{
	uint32_t owned[FL_SLOT_NONE + 1] = {0}, leaving[FL_SLOT_NONE + 1] = {0};
	struct world w;

	(void)state;
	begin(&w, 1);
	for (int i = 0; i < 10; i++)
		w.want[i] = 2;
	plan(&w, NULL, EVER);
	move__count(&w.t, owned, leaving);
	assert_int_equal(owned[1], N - 10);
	assert_int_equal(owned[2], 10);
	assert_int_equal(leaving[1], 10);
	assert_int_equal(leaving[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_moves),
		cmocka_unit_test(test_pin),
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_second_change_keeps_prev),
		cmocka_unit_test(test_back_to_prev),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_down_hold),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_accepts_follows),
		cmocka_unit_test(test_becomes_clean),
		cmocka_unit_test(test_moved_during_the_count),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_without_a_table),
		cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
