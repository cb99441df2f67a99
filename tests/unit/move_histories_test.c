/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slots that change owner: random histories against the rules that must hold whatever happens. */
#include "move_world.h"

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
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_killed_before_the_swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
