/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said before a change of a service's backends is what the change then does, slot by slot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "move/forecast.h"
#include "table/seats.h"

#define SLOTS 4096
#define MOST 40 /* backends */

struct backend {
	char id[8];
	uint16_t index;
	uint32_t weight;
	uint8_t parts; /* that it takes; of one that is fresh: once it is up */
	bool fresh;
};

/* A service that runs. */
struct world {
	uint64_t seed;
	struct backend list[MOST];
	size_t n;
	uint16_t next_index;
	struct table_seats *seats;
	uint16_t live[SLOTS];
	uint32_t words[SLOTS];
	struct move_fact facts[FL_SLOT_NONE + 1];
	struct move_table t;
};

static uint32_t below(struct world *w, uint32_t bound)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (uint32_t)(w->seed % bound);
}

static void add(struct world *w)
{
	struct backend *b = &w->list[w->n++];

	*b = (struct backend){
		.index = w->next_index++,
		.weight = below(w, 4) ? 100 : 1 + below(w, 300),
		.parts = TABLE_PARTS,
		.fresh = true,
	};
	snprintf(b->id, sizeof(b->id), "b%u", b->index);
}

static void change(struct world *w)
{
	for (uint32_t i = below(w, 3); i && w->n > 3; i--) {
		uint32_t at = below(w, (uint32_t)w->n);

		w->n--;
		w->list[at] = w->list[w->n];
	}
	for (uint32_t i = below(w, 4); i && w->n < MOST; i--)
		add(w);
	if (!below(w, 3))
		w->list[below(w, (uint32_t)w->n)].weight = below(w, 200);
	if (!below(w, 3))
		w->list[below(w, (uint32_t)w->n)].parts = (uint8_t)below(w, TABLE_PARTS + 1);
}

static void lay_out(const struct world *w, struct table_seats **seats, struct table_base **base)
{
	struct table_member members[MOST];

	for (size_t i = 0; i < w->n; i++)
		members[i] = (struct table_member){w->list[i].id, w->list[i].weight};
	assert_int_equal(table_seats__next(w->seats, members, w->n, SLOTS, seats, NULL), 0);
	assert_int_equal(table_seats__base(*seats, SLOTS, base, NULL), 0);
}

/* The owners when so many of the fresh ones, in the order of the list, are up. */
static void owners(const struct world *w, const struct table_seats *seats,
		   const struct table_base *base, size_t up, uint16_t *out)
{
	struct service_taker takers[MOST];

	for (size_t i = 0; i < w->n; i++) {
		bool waits = w->list[i].fresh && !up;

		up -= w->list[i].fresh && up;
		takers[i] = (struct service_taker){
			.index = w->list[i].index,
			.parts = waits ? 0 : w->list[i].parts,
		};
	}
	assert_int_equal(service__owners(seats, base, takers, out), 0);
}

static size_t count_fresh(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->list[i].fresh;
	return n;
}

static struct forecast foretell(const struct world *w, uint32_t budget,
				struct forecast_share *shares)
{
	static uint16_t want[SLOTS], later[SLOTS], out[SLOTS];
	static uint32_t words[SLOTS];
	struct move_table t = w->t;
	struct table_seats *seats;
	struct table_base *base;
	struct forecast f;

	lay_out(w, &seats, &base);
	owners(w, seats, base, 0, want);
	owners(w, seats, base, count_fresh(w), later);
	memcpy(words, w->words, sizeof(words));
	t.words = words;
	forecast__share(&t, want, later, shares);
	forecast__make(&t, want, later, budget, out, &f);
	table_seats__free(seats);
	table_base__free(base);
	return f;
}

static void turn(struct world *w, const uint16_t *want, uint32_t budget, struct move_sums *sums)
{
	static uint16_t out[SLOTS];
	struct move_sums aged;

	move__age(&w->t, &aged);
	move__plan(&w->t, want, NULL, budget, out, sums);
	memcpy(w->live, out, sizeof(out));
}

static uint32_t differ(const struct world *w, const uint16_t *before, bool *ever)
{
	uint32_t n = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		bool other = (w->live[i] ^ before[i]) & FL_SLOT_INDEX;

		if ((before[i] & FL_SLOT_INDEX) == FL_SLOT_NONE)
			continue;
		n += other;
		ever[i] |= other;
	}
	return n;
}

/* Does it, and holds it against what was said. */
static void carry_out(struct world *w, const struct forecast *f, uint32_t budget,
		      const struct forecast_share *shares)
{
	static uint16_t before[SLOTS], want[SLOTS];
	static bool ever[SLOTS];
	struct table_seats *seats;
	struct table_base *base;
	struct move_sums sums;
	uint32_t n = 0, all = 0;
	size_t fresh = count_fresh(w);

	memcpy(before, w->live, sizeof(before));
	memset(ever, 0, sizeof(ever));
	lay_out(w, &seats, &base);
	table_seats__free(w->seats);
	w->seats = seats;
	owners(w, seats, base, 0, want);
	turn(w, want, budget, &sums);
	assert_int_equal(differ(w, before, ever), f->at_once - f->waiting);
	assert_int_equal(sums.begin, f->begin);
	assert_int_equal(sums.moving, f->sums.moving);
	turn(w, want, UINT32_MAX, &sums);
	assert_int_equal(differ(w, before, ever), f->at_once);
	for (size_t up = 1; up <= fresh; up++) {
		owners(w, seats, base, up, want);
		turn(w, want, UINT32_MAX, &sums);
		n = differ(w, before, ever);
	}
	if (!fresh)
		n = f->at_once;
	assert_int_equal(n, f->later);
	for (size_t i = 0; i < SLOTS; i++)
		all += ever[i];
	assert_int_equal(all, f->all);
	for (size_t i = 0; i < w->n; i++) {
		uint32_t owned = 0;

		for (size_t slot = 0; slot < SLOTS; slot++)
			owned += (w->live[slot] & FL_SLOT_INDEX) == w->list[i].index;
		assert_int_equal(owned, shares[w->list[i].index].later);
		w->list[i].fresh = false;
	}
	table_base__free(base);
}

static struct world *begin(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->seed = seed;
	w->next_index = 1;
	for (size_t i = 0; i < SLOTS; i++)
		w->live[i] = FL_SLOT_NONE;
	for (size_t i = 0; i <= FL_SLOT_NONE; i++)
		w->facts[i].flags = MOVE_ACCEPTS | MOVE_STAYS;
	w->t = (struct move_table){
		.live = w->live,
		.words = w->words,
		.n = SLOTS,
		.facts = w->facts,
		.now_s = 100000,
		.hold_s = 900,
		.down_hold_s = 10,
	};
	return w;
}

static void live_through(uint64_t seed, bool bounded)
{
	static struct forecast_share shares[FL_SLOT_NONE + 1];
	struct world *w = begin(seed);
	uint32_t waited = 0, moved = 0;

	for (int i = 0; i < 4; i++)
		add(w);
	for (int round = 0; round < 30; round++) {
		uint32_t budget = bounded ? below(w, 400) : UINT32_MAX;
		uint16_t live[SLOTS];
		uint32_t words[SLOTS];
		struct forecast f;

		memset(shares, 0, sizeof(shares));
		memcpy(live, w->live, sizeof(live));
		memcpy(words, w->words, sizeof(words));
		f = foretell(w, budget, shares);
		/* Nothing is touched by asking. */
		assert_memory_equal(live, w->live, sizeof(live));
		assert_memory_equal(words, w->words, sizeof(words));
		assert_int_equal(round == 0, f.filled == SLOTS);
		carry_out(w, &f, budget, shares);
		waited += f.waiting;
		moved += f.all;
		w->t.now_s += below(w, 600);
		change(w);
	}
	assert_true(moved > SLOTS);
	assert_int_equal(waited > 0, bounded);
	table_seats__free(w->seats);
	free(w);
}

static void test_changes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		live_through(seed * 7919, false);
}

/* Not all may move at once: who waits is known, too. */
static void test_waves(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		live_through(seed * 104729, true);
}

/* Backups that are called in until others are up: a slot may be back where it was in the end. */
static void test_there_and_back(void **state)
{
	static uint16_t want[SLOTS], later[SLOTS], out[SLOTS];
	struct world *w = begin(1);
	struct forecast f;

	(void)state;
	for (size_t i = 0; i < SLOTS; i++) {
		w->live[i] = i < 96 ? FL_SLOT_NONE : 1;
		want[i] = i < 1000 ? 2 : FL_SLOT_NONE;
		later[i] = i < 32 ? FL_SLOT_NONE : 1;
	}
	forecast__make(&w->t, want, later, UINT32_MAX, out, &f);
	assert_int_equal(f.at_once, SLOTS - 96);
	assert_int_equal(f.later, 0);
	assert_int_equal(f.all, SLOTS - 96);
	assert_int_equal(f.filled, 64);
	assert_int_equal(f.unserved, SLOTS - 1000);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_waves),
		cmocka_unit_test(test_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
