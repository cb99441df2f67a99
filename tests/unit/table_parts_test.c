/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that take a part of their slots: every combination of a small pool, and chance in large ones. */
#include "table_pool.h"

enum { N = 3, STEPS = TABLE_PARTS + 1, TABLES = STEPS * STEPS * STEPS, SLOTS = 4096 };

static const uint32_t weights[][N] = {{100, 50, 7}, {1, 65535, 0}};

/* The parts of combination c. */
static void parts_of(size_t c, uint8_t parts[N])
{
	for (size_t i = 0; i < N; i++, c /= STEPS)
		parts[i] = (uint8_t)(c % STEPS);
}

/* By weight times parts, as sharp as the throws of a coin for each slot: six standard deviations. */
static void check_even(const struct pool *p, const uint8_t *parts, const uint16_t *table)
{
	uint32_t counts[N];
	uint32_t none = table__count(p->base, table, counts);
	double all = 0;

	for (size_t i = 0; i < N; i++)
		all += (double)p->members[i].weight * parts[i];
	assert_int_equal(none, all > 0 ? 0 : SLOTS);
	for (size_t i = 0; i < N && all > 0; i++) {
		double share = p->members[i].weight * parts[i] / all, want = share * SLOTS;
		double off = counts[i] > want ? counts[i] - want : want - counts[i];

		/* One more: the base's owners are rounded. */
		if (off > 6 * __builtin_sqrt(want * (1 - share)) + 1)
			fail_msg("%u,%u,%u parts: %s has %u slots, not %.0f", parts[0], parts[1],
				 parts[2], p->members[i].id, counts[i], want);
	}
}

/* Member i has more parts in `more`: it has gained slots and nobody else has. */
static void check_gain(const uint16_t *less, const uint16_t *more, uint32_t slots, size_t i)
{
	for (uint32_t slot = 0; slot < slots; slot++)
		if (less[slot] != more[slot] && more[slot] != i)
			fail_msg("slot %u went from %u to %u when %zu got more", slot, less[slot],
				 more[slot], i);
}

static void test_every_combination(void **state)
{
	static uint16_t tables[TABLES][SLOTS];

	(void)state;
	for (size_t w = 0; w < sizeof(weights) / sizeof(*weights); w++) {
		struct pool *p = pool__new(N, SLOTS);
		uint8_t parts[N];

		for (size_t i = 0; i < N; i++)
			p->members[i].weight = weights[w][i];
		pool__build(p);
		for (size_t c = 0; c < TABLES; c++) {
			parts_of(c, parts);
			table__fill(p->base, parts, tables[c]);
			check_even(p, parts, tables[c]);
		}
		for (size_t c = 0; c < TABLES; c++) {
			parts_of(c, parts);
			for (size_t i = 0, step = 1; i < N; i++, step *= STEPS)
				if (parts[i] < TABLE_PARTS)
					check_gain(tables[c], tables[c + step], SLOTS, i);
		}
		pool__free(p);
	}
}

/* All parts and none are what accepting and not accepting are; more than all is all. */
static void test_ends(void **state)
{
	struct pool *p = pool__new(20, SLOTS);
	uint16_t table[SLOTS];
	uint8_t parts[20];
	uint64_t seed = 7;

	(void)state;
	pool__build(p);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < p->n; i++) {
			p->accepts[i] = chance_below(&seed, 2);
			parts[i] = p->accepts[i] ? 255 : 0;
		}
		pool__fill(p);
		table__fill(p->base, parts, table);
		assert_memory_equal(table, p->table, sizeof(table));
	}
	pool__free(p);
}

/* A member that keeps its parts keeps a slot unless it goes to one that got more. */
static void run_history(struct pool *p, int changes, uint64_t *seed)
{
	uint16_t *old = calloc(p->slots, sizeof(*old));
	uint8_t *parts = calloc(p->n, 1);

	for (size_t i = 0; i < p->n; i++)
		parts[i] = (uint8_t)chance_below(seed, STEPS);
	table__fill(p->base, parts, old);
	for (int c = 0; c < changes; c++) {
		size_t i = chance_below(seed, p->n);
		uint8_t was = parts[i];

		parts[i] = (uint8_t)chance_below(seed, STEPS);
		table__fill(p->base, parts, p->table);
		if (parts[i] > was)
			check_gain(old, p->table, p->slots, i);
		else
			check_gain(p->table, old, p->slots, i);
		memcpy(old, p->table, p->slots * sizeof(*old));
	}
	free(old);
	free(parts);
}

static void test_histories(void **state)
{
	static const struct {
		size_t n;
		uint32_t slots;
		int changes;
	} runs[] = {{2, 4096, 200}, {40, 4096, 300}, {40, 65536, 40}, {6000, 4096, 40}};
	uint64_t seed = 11;

	(void)state;
	for (size_t r = 0; r < sizeof(runs) / sizeof(*runs); r++) {
		struct pool *p = pool__new(runs[r].n, runs[r].slots);

		pool__random_weights(p, &seed);
		pool__build(p);
		run_history(p, runs[r].changes, &seed);
		pool__free(p);
	}
}

/* One part of everybody: most slots are drawn for, and nobody is the worse for it. */
static void test_all_with_one_part(void **state)
{
	struct pool *p = pool__new(N, SLOTS);
	uint16_t table[SLOTS];
	uint8_t parts[N] = {1, 1, 1};

	(void)state;
	p->members[1].weight = 300;
	pool__build(p);
	table__fill(p->base, parts, table);
	check_even(p, parts, table);
	pool__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_all_with_one_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
