/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health over the base: what moves, where it goes, and that nothing remembers how it came there. */
#include "table_pool.h"

/* --- needless moves --------------------------------------------------------------------------------- */

/*
 * Between two tables of one base a slot may move only away from a member that stopped accepting, or
 * to one that started. Also: nobody who does not accept, or has no weight, owns a slot.
 */
static void check_moves(const struct pool *p, const bool *before, const uint16_t *old)
{
	bool any = false;

	for (size_t i = 0; i < p->n; i++)
		any |= p->accepts[i] && p->members[i].weight;
	for (uint32_t slot = 0; slot < p->slots; slot++) {
		uint16_t from = old[slot], to = p->table[slot];

		if ((to == TABLE_NONE) == any)
			fail_msg("slot %u: %s", slot, any ? "has no owner" : "has an owner");
		if (to != TABLE_NONE && (!p->accepts[to] || !p->members[to].weight))
			fail_msg("slot %u belongs to %s, which takes none", slot,
				 p->members[to].id);
		if (from == to || from == TABLE_NONE || to == TABLE_NONE)
			continue;
		if (p->accepts[from] && before[to])
			fail_msg("slot %u moved from %s to %s for no reason", slot,
				 p->members[from].id, p->members[to].id);
	}
}

/* Long random histories: pools by size and by how many of them live, in percent. */
static const struct {
	size_t n;
	uint32_t slots;
	unsigned int live, changes;
} histories[] = {
	{1, 4096, 50, 20},    {2, 4096, 50, 100},   {3, 4096, 70, 300},	  {10, 4096, 90, 600},
	{10, 4096, 20, 600},  {60, 4096, 95, 600},  {60, 4096, 3, 400},	  {200, 4096, 2, 300},
	{1000, 4096, 1, 100}, {6000, 4096, 50, 60}, {6000, 4096, 0, 60},  {20, 65536, 80, 120},
	{300, 65536, 50, 60}, {300, 65536, 2, 40},  {50, 1048576, 70, 8},
};

static void run_history(struct pool *p, unsigned int live, unsigned int changes, uint64_t *seed)
{
	uint16_t *old = calloc(p->slots, sizeof(*old));
	bool *before = calloc(p->n, sizeof(*before));

	for (size_t i = 0; i < p->n; i++)
		p->accepts[i] = chance_below(seed, 100) < live;
	pool__fill(p);
	for (unsigned int c = 0; c < changes; c++) {
		/* mostly one at a time, as probes see it; now and then a rack */
		size_t several = chance_below(seed, 10) ? 1 : 1 + chance_below(seed, 5);

		memcpy(old, p->table, p->slots * sizeof(*old));
		memcpy(before, p->accepts, p->n * sizeof(*before));
		while (several--)
			p->accepts[chance_below(seed, p->n)] = chance_below(seed, 100) < live;
		if (chance_below(seed, 4) == 0) {
			size_t i = chance_below(seed, p->n);

			p->accepts[i] = !p->accepts[i];
		}
		pool__fill(p);
		check_moves(p, before, old);
	}
	free(old);
	free(before);
}

static void test_no_needless_moves(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (size_t h = 0; h < sizeof(histories) / sizeof(*histories); h++) {
		struct pool *p = pool__new(histories[h].n, histories[h].slots);

		pool__random_weights(p, &seed);
		pool__build(p);
		run_history(p, histories[h].live, histories[h].changes, &seed);
		pool__free(p);
	}
}

/* While its owner accepts, a slot is its base owner's, whoever else does. */
static void test_base_owner_first(void **state)
{
	struct pool *p = pool__new(40, 4096);
	uint16_t *base = calloc(p->slots, sizeof(*base));
	uint64_t seed = 3;

	(void)state;
	pool__build(p);
	pool__fill(p);
	memcpy(base, p->table, p->slots * sizeof(*base));
	for (int i = 0; i < 50; i++) {
		for (size_t m = 0; m < p->n; m++)
			p->accepts[m] = chance_below(&seed, 2);
		pool__fill(p);
		for (uint32_t slot = 0; slot < p->slots; slot++) {
			if (p->accepts[base[slot]])
				assert_int_equal(p->table[slot], base[slot]);
		}
	}
	free(base);
	pool__free(p);
}

/* Down and up again, in any order: each table on the way back is the one of the way there. */
static void test_recovery_restores(void **state)
{
	enum { DEPTH = 12 };
	struct pool *p = pool__new(DEPTH, 4096);
	size_t bytes = p->slots * sizeof(uint16_t);
	uint16_t *tables[DEPTH + 1];
	uint64_t seed = 5;

	(void)state;
	pool__random_weights(p, &seed);
	pool__build(p);
	for (int i = 0; i <= DEPTH; i++) {
		pool__fill(p);
		tables[i] = malloc(bytes);
		memcpy(tables[i], p->table, bytes);
		if (i < DEPTH)
			p->accepts[i] = false;
	}
	for (int i = DEPTH; i >= 0; i--) {
		if (i < DEPTH)
			p->accepts[i] = true;
		pool__fill(p);
		assert_memory_equal(p->table, tables[i], bytes);
	}
	/* the same set by another way: all down first, then up from the other end */
	memset(p->accepts, 0, p->n * sizeof(*p->accepts));
	pool__fill(p);
	for (int i = DEPTH; i >= 0; i--) {
		if (i < DEPTH)
			p->accepts[i] = true;
		pool__fill(p);
		assert_memory_equal(p->table, tables[i], bytes);
	}
	for (int i = 0; i <= DEPTH; i++)
		free(tables[i]);
	pool__free(p);
}

/* --- where the slots of the dead go ------------------------------------------------------------------ */

/*
 * Pearson's statistic of the counts of the members that accept against their weights, in standard
 * deviations above its mean. The draws are independent, so with k members it is chi-square with k - 1
 * degrees of freedom: mean k - 1, variance 2(k - 1). The seeds are fixed, so a test passes always or
 * never; above 5 (one honest hash in 10^5 or fewer at these k) the shares are not the weights'.
 */
static double excess(const struct pool *p, const uint32_t *counts)
{
	double weights = 0, n = 0, x = 0, k = 0;

	for (size_t i = 0; i < p->n; i++) {
		weights += p->accepts[i] ? p->members[i].weight : 0;
		n += counts[i];
	}
	for (size_t i = 0; i < p->n; i++) {
		double e = p->accepts[i] ? n * p->members[i].weight / weights : 0;

		if (e < 5)
			continue; /* too few for the approximation */
		x += (counts[i] - e) * (counts[i] - e) / e;
		k++;
	}
	assert_true(k > 2);
	return (x - (k - 1)) / __builtin_sqrt(2 * (k - 1));
}

/* Only the slots that the base gave to somebody who does not accept. */
static void count_orphans(const struct pool *p, const uint16_t *base, uint32_t *counts)
{
	memset(counts, 0, p->n * sizeof(*counts));
	for (uint32_t slot = 0; slot < p->slots; slot++) {
		if (!p->accepts[base[slot]])
			counts[p->table[slot]]++;
	}
}

/* n members, the first `dead` of which are; weights 10, 20 … 100 by turns if `weighted`. */
static const struct {
	size_t n, dead;
	uint32_t slots;
	bool weighted;
} spreads[] = {
	{10, 1, 65536, false}, {10, 1, 65536, true},	 {30, 1, 65536, true},
	{30, 15, 65536, true}, {30, 25, 65536, true},	 {100, 1, 1048576, true},
	{12, 2, 4096, true},   {1000, 985, 65536, true}, {1000, 900, 65536, true},
};

static void test_orphans_spread_by_weight(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spreads) / sizeof(*spreads); i++) {
		struct pool *p = pool__new(spreads[i].n, spreads[i].slots);
		uint16_t *base = calloc(p->slots, sizeof(*base));
		uint32_t *counts = calloc(p->n, sizeof(*counts));
		double x;

		for (size_t m = 0; m < p->n && spreads[i].weighted; m++)
			p->members[m].weight = 10 * (1 + (uint32_t)m % 10);
		pool__build(p);
		pool__fill(p);
		memcpy(base, p->table, p->slots * sizeof(*base));
		memset(p->accepts, 0, spreads[i].dead * sizeof(*p->accepts));
		pool__fill(p);
		count_orphans(p, base, counts);
		x = excess(p, counts);
		if (x > 5)
			fail_msg("%zu of %zu dead, %u slots: %.1f sigma off", spreads[i].dead, p->n,
				 p->slots, x);
		free(base);
		free(counts);
		pool__free(p);
	}
}

/* --- the end of the chain ---------------------------------------------------------------------------- */

/* One of a thousand lives: 32 candidates of a slot are all dead 97 times in 100, yet it gets all. */
static void test_one_of_a_thousand(void **state)
{
	struct pool *p = pool__new(1000, 65536);
	uint32_t counts[1000];

	(void)state;
	pool__build(p);
	for (size_t i = 0; i < p->n; i += 333) {
		memset(p->accepts, 0, p->n * sizeof(*p->accepts));
		p->accepts[i] = true;
		pool__fill(p);
		assert_int_equal(table__count(p->base, p->table, counts), 0);
		assert_int_equal(counts[i], p->slots);
	}
	pool__free(p);
}

/* More members than slots, and only those live that the base gave none: no chain can find them. */
static void test_only_rendezvous(void **state)
{
	struct pool *p = pool__new(8000, 4096);
	uint32_t *counts = calloc(p->n, sizeof(*counts));
	uint32_t live = 0;

	(void)state;
	for (size_t i = 0; i < p->n; i++)
		p->members[i].weight = i < 10 ? 1 + (uint32_t)i : 1000;
	pool__build(p);
	pool__fill(p);
	table__count(p->base, p->table, counts);
	for (size_t i = 0; i < p->n; i++) {
		p->accepts[i] = i < 10;
		live += i < 10 && counts[i] == 0;
	}
	assert_int_equal(live, 10);
	pool__fill(p);
	assert_int_equal(table__count(p->base, p->table, counts), 0);
	assert_true(excess(p, counts) < 5);
	free(counts);
	pool__free(p);
}

/* The same with weights as far apart as can be: the light one gets its few, not none and not many. */
static void test_rendezvous_extremes(void **state)
{
	struct pool *p = pool__new(32766, 1048576);
	uint32_t *counts = calloc(p->n, sizeof(*counts));

	(void)state;
	for (size_t i = 0; i < p->n; i++)
		p->members[i].weight = 65535;
	p->members[0].weight = 1;
	p->members[1].weight = 655;
	pool__build(p);
	memset(p->accepts, 0, p->n * sizeof(*p->accepts));
	p->accepts[0] = p->accepts[1] = p->accepts[2] = true;
	pool__fill(p);
	assert_int_equal(table__count(p->base, p->table, counts), 0);
	/* 15.8 and 10 375 are expected; six standard deviations: 24 and 612 */
	assert_in_range(counts[0], 1, 40);
	assert_in_range(counts[1], 10375 - 612, 10375 + 612);
	free(counts);
	pool__free(p);
}

/* --- nobody ------------------------------------------------------------------------------------------- */

static void expect_nobody(struct pool *p)
{
	uint32_t *counts = calloc(p->n + 1, sizeof(*counts));

	pool__fill(p);
	for (uint32_t slot = 0; slot < p->slots; slot++) {
		if (p->table[slot] != TABLE_NONE)
			fail_msg("slot %u has an owner", slot);
	}
	assert_int_equal(table__count(p->base, p->table, counts), p->slots);
	for (size_t i = 0; i < p->n; i++)
		assert_int_equal(counts[i], 0);
	free(counts);
}

static void test_all_dead(void **state)
{
	(void)state;
	for (size_t s = 0; s < N_SIZES; s++) {
		static const size_t n[] = {0, 1, 7, 1000};

		for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
			struct pool *p = pool__new(n[i], sizes[s]);

			memset(p->accepts, 0, p->n * sizeof(*p->accepts));
			pool__build(p);
			expect_nobody(p);
			pool__free(p);
		}
	}
}

/* Weight 0 means no slots, however well it is and however alone. */
static void test_no_weight_no_slots(void **state)
{
	struct pool *p = pool__new(10, 4096);
	uint32_t counts[10];

	(void)state;
	p->members[4].weight = 0;
	pool__build(p);
	for (size_t dead = 0; dead < p->n; dead++) {
		pool__fill(p);
		assert_int_equal(table__count(p->base, p->table, counts), 0);
		assert_int_equal(counts[4], 0);
		if (dead == 4)
			continue;
		p->accepts[dead] = false;
		if (dead == 9)
			expect_nobody(p);
	}
	for (size_t i = 0; i < p->n; i++) {
		p->members[i].weight = 0;
		p->accepts[i] = true;
	}
	pool__build(p);
	expect_nobody(p);
	pool__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_needless_moves),
		cmocka_unit_test(test_base_owner_first),
		cmocka_unit_test(test_recovery_restores),
		cmocka_unit_test(test_orphans_spread_by_weight),
		cmocka_unit_test(test_one_of_a_thousand),
		cmocka_unit_test(test_only_rendezvous),
		cmocka_unit_test(test_rendezvous_extremes),
		cmocka_unit_test(test_all_dead),
		cmocka_unit_test(test_no_weight_no_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
