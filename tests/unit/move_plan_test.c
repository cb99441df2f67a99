/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that change owner: each transition of docs/transitions.md, then random histories against the
 * rules that must hold whatever happens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "move/move.h"

#define N 64 /* slots */
#define HOLD 900
#define DOWN_HOLD 10
#define T0 100000 /* any second, and its 15 bits wrap before the tests end */
#define NONE FL_SLOT_NONE
#define EVER UINT32_MAX

static struct move_fact facts[FL_SLOT_NONE + 1];

struct world {
	uint16_t live[N], want[N];
	uint32_t words[N];
	struct move_table t;
	struct move_sums sums;
};

static void begin(struct world *w, uint16_t owner)
{
	memset(w, 0, sizeof(*w));
	memset(facts, 0, sizeof(facts));
	for (uint32_t i = 1; i < 16; i++)
		facts[i].flags = MOVE_ACCEPTS | MOVE_STAYS;
	for (int i = 0; i < N; i++)
		w->live[i] = w->want[i] = owner;
	w->t = (struct move_table){
		.live = w->live,
		.words = w->words,
		.n = N,
		.facts = facts,
		.now_s = T0,
		.hold_s = HOLD,
		.down_hold_s = DOWN_HOLD,
	};
}

static void plan(struct world *w, const struct move_count *count, uint32_t budget)
{
	uint16_t out[N];

	move__plan(&w->t, w->want, count, budget, out, &w->sums);
	memcpy(w->live, out, sizeof(out));
}

static void turn(struct world *w, uint16_t owner)
{
	for (int i = 0; i < N; i++)
		w->want[i] = owner;
	plan(w, NULL, EVER);
}

static void pass_time(struct world *w, uint32_t seconds)
{
	w->t.now_s += seconds;
	move__age(&w->t, &w->sums);
}

static uint32_t prev_of(const struct world *w, int slot)
{
	return w->words[slot] & FL_MOVE_PREV;
}

static void assert_clean(const struct world *w, uint16_t owner)
{
	for (int i = 0; i < N; i++)
		assert_int_equal(w->live[i], owner);
}

static void assert_moving(const struct world *w, uint16_t owner, uint16_t prev, uint32_t age)
{
	for (int i = 0; i < N; i++) {
		assert_int_equal(w->live[i], owner | FL_SLOT_DIRTY);
		assert_false(w->words[i] & FL_MOVE_PINNED);
		assert_int_equal(prev_of(w, i), prev);
		assert_int_equal(move__since(w->words[i], w->t.now_s), age);
	}
}

static void assert_pinned(const struct world *w, uint16_t owner)
{
	for (int i = 0; i < N; i++) {
		assert_int_equal(w->live[i], owner | FL_SLOT_DIRTY);
		assert_true(w->words[i] & FL_MOVE_PINNED);
	}
}

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

/* --- random histories --------------------------------------------------------------------------- */

/*
 * What a packet without a record may do with a slot: where a beginning goes, and where a later packet
 * does. Read off a half and the words as the program does.
 */
static uint32_t beginning(const uint16_t *half, int i)
{
	return half[i] & FL_SLOT_INDEX;
}

static uint32_t later(const uint16_t *half, const uint32_t *words, int i)
{
	if (half[i] & FL_SLOT_DIRTY && !(words[i] & FL_MOVE_PINNED))
		return words[i] & FL_MOVE_PREV;
	return half[i] & FL_SLOT_INDEX;
}

static void random_want(struct world *w)
{
	uint16_t to = (uint16_t)(1 + rand() % 4);

	for (int i = 0; i < N; i++) {
		if (rand() % 3 == 0)
			w->want[i] = rand() % 16 ? to : NONE;
	}
}

static void random_fact(const struct world *w)
{
	struct move_fact *f = &facts[1 + rand() % 4];

	*f = (struct move_fact){.flags = MOVE_ACCEPTS | MOVE_STAYS};
	if (rand() % 3 == 0)
		*f = (struct move_fact){.flags = MOVE_DOWN, .down_s = w->t.now_s};
}

/*
 * The words change before the swap: packets that still read the live half must not be able to tell, and
 * those of a slot that was CLEAN have the old owner as prev after it.
 */
static void check_turn(const struct world *before, const struct world *w)
{
	for (int i = 0; i < N; i++) {
		uint32_t cur = before->live[i] & FL_SLOT_INDEX;
		bool was_dirty = before->live[i] & FL_SLOT_DIRTY;
		bool was_moving = was_dirty && !(before->words[i] & FL_MOVE_PINNED);

		assert_int_equal(later(before->live, before->words, i),
				 later(before->live, w->words, i));
		if (w->live[i] == before->live[i])
			continue;
		assert_int_equal(beginning(w->live, i), w->want[i]);
		if (was_moving)
			assert_int_equal(prev_of(w, i), prev_of(before, i));
		else if (cur != NONE)
			assert_int_equal(later(w->live, w->words, i), cur);
	}
}

/* By age alone: no owner changes, and no state ends early. */
static void check_age(const struct world *before, const struct world *w)
{
	assert_memory_equal(before->live, w->live, sizeof(w->live));
	for (int i = 0; i < N; i++) {
		uint32_t prev = prev_of(before, i), age = move__since(before->words[i], w->t.now_s);

		if (!(before->live[i] & FL_SLOT_DIRTY) || before->words[i] & FL_MOVE_PINNED ||
		    !(w->words[i] & FL_MOVE_PINNED) || prev == (before->live[i] & FL_SLOT_INDEX))
			continue;
		if (!(facts[prev].flags & MOVE_DOWN) ||
		    w->t.now_s - facts[prev].down_s <= DOWN_HOLD)
			assert_true(age > HOLD);
	}
}

static void test_histories(void **state)
{
	struct world w, before;

	(void)state;
	srand(4);
	for (int run = 0; run < 300; run++) {
		begin(&w, 1);
		for (int step = 0; step < 300; step++) {
			before = w;
			before.t.live = before.live;
			switch (rand() % 4) {
			case 0:
				random_want(&w);
				plan(&w, NULL, rand() % 2 ? EVER : (uint32_t)(rand() % N));
				check_turn(&before, &w);
				break;
			case 1:
				random_fact(&w);
				break;
			default:
				pass_time(&w, (uint32_t)(rand() % 300));
				check_age(&before, &w);
			}
		}
	}
}

/* Killed after the words and before the swap, it goes on from what it finds. */
static void test_killed_before_the_swap(void **state)
{
	uint16_t out[N];
	struct world w;

	(void)state;
	begin(&w, 1);
	for (int i = 0; i < N / 2; i++)
		w.want[i] = 2;
	plan(&w, NULL, EVER);
	pass_time(&w, HOLD + 1); /* half CLEAN, half PINNED */
	for (int i = 0; i < N; i++)
		w.want[i] = 3;
	move__plan(&w.t, w.want, NULL, EVER, out, &w.sums);
	/* The slots are not written; time passes; the next agent looks. */
	pass_time(&w, 5);
	for (int i = 0; i < N / 2; i++)
		assert_int_equal(later(w.live, w.words, i), 2);
	assert_int_equal(w.sums.pinned, N / 2);
	assert_int_equal(w.sums.moving, 0);
	turn(&w, 3);
	for (int i = 0; i < N; i++)
		assert_int_equal(later(w.live, w.words, i), i < N / 2 ? 2 : 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_moves),
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
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_killed_before_the_swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
