/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Digests of fixed tables. Peers compute their tables apart from each other, from ids, weights and
 * health alone: if one of these changes, a machine of this version and one of the version before
 * steer the same flow to different backends. A change here needs a new version of the peers' protocol
 * and a note to operators, never just new numbers.
 */
#include "table_pool.h"

#include <inttypes.h>

enum weights { EQUAL, STEPS, LOPSIDED };
enum health { ALL, ODD, FIRST, TENTH, NOBODY, N_HEALTH };

static const struct {
	size_t n;
	enum weights weights;
	const char *format; /* of an id, with one %zu */
	uint64_t digests[N_SIZES][N_HEALTH];
} pools[] = {
#include "table_golden.h"
};

static uint32_t weight_of(enum weights w, size_t i)
{
	switch (w) {
	case STEPS:
		return 10 * (uint32_t)(i % 11); /* the first of eleven has none */
	case LOPSIDED:
		return i % 7 == 3 ? 65535 : 1;
	default:
		return 100;
	}
}

static bool accepts(enum health h, size_t i)
{
	switch (h) {
	case ALL:
		return true;
	case ODD:
		return i % 2;
	case FIRST:
		return i == 0;
	case TENTH:
		return i % 10 == 9;
	default:
		return false;
	}
}

static struct pool *make(size_t which, size_t size)
{
	struct pool *p = pool__new(pools[which].n, sizes[size]);

	for (size_t i = 0; i < p->n; i++) {
		/* The formats stand above, each with one %zu. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(p->ids[i], sizeof(p->ids[i]), pools[which].format, i);
#pragma GCC diagnostic pop
		p->members[i].weight = weight_of(pools[which].weights, i);
	}
	pool__build(p);
	return p;
}

static void test_golden(void **state)
{
	bool wrong = false;

	(void)state;
	for (size_t w = 0; w < sizeof(pools) / sizeof(*pools); w++) {
		for (size_t s = 0; s < N_SIZES; s++) {
			struct pool *p = make(w, s);

			for (int h = 0; h < N_HEALTH; h++) {
				uint64_t want = pools[w].digests[s][h], is;

				for (size_t i = 0; i < p->n; i++)
					p->accepts[i] = accepts((enum health)h, i);
				pool__fill(p);
				is = table__digest(p->base, p->table);
				if (is == want)
					continue;
				wrong = true;
				print_error("pool %zu, %u slots, health %d: 0x%016" PRIx64 "\n", w,
					    sizes[s], h, is);
			}
			pool__free(p);
		}
	}
	assert_false(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
