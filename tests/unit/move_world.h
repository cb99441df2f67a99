/* SPDX-License-Identifier: GPL-2.0-or-later */
/* move_world.h - a table whose slots change owner, for the tests of move.h. */
#ifndef FAIRLEAD_TESTS_UNIT_MOVE_WORLD_H
#define FAIRLEAD_TESTS_UNIT_MOVE_WORLD_H

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

static inline void begin(struct world *w, uint16_t owner)
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

static inline void plan(struct world *w, const struct move_count *count, uint32_t budget)
{
	uint16_t out[N];

	move__plan(&w->t, w->want, count, budget, out, &w->sums);
	memcpy(w->live, out, sizeof(out));
}

static inline void turn(struct world *w, uint16_t owner)
{
	for (int i = 0; i < N; i++)
		w->want[i] = owner;
	plan(w, NULL, EVER);
}

static inline void pass_time(struct world *w, uint32_t seconds)
{
	w->t.now_s += seconds;
	move__age(&w->t, &w->sums);
}

static inline uint32_t prev_of(const struct world *w, int slot)
{
	return w->words[slot] & FL_MOVE_PREV;
}

static inline void assert_clean(const struct world *w, uint16_t owner)
{
	for (int i = 0; i < N; i++)
		assert_int_equal(w->live[i], owner);
}

static inline void assert_moving(const struct world *w, uint16_t owner, uint16_t prev, uint32_t age)
{
	for (int i = 0; i < N; i++) {
		assert_int_equal(w->live[i], owner | FL_SLOT_DIRTY);
		assert_false(w->words[i] & FL_MOVE_PINNED);
		assert_int_equal(prev_of(w, i), prev);
		assert_int_equal(move__since(w->words[i], w->t.now_s), age);
	}
}

static inline void assert_pinned(const struct world *w, uint16_t owner)
{
	for (int i = 0; i < N; i++) {
		assert_int_equal(w->live[i], owner | FL_SLOT_DIRTY);
		assert_true(w->words[i] & FL_MOVE_PINNED);
	}
}

#endif
