/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_pool.h - what the tests of table/ share: pools of backends, and chance that repeats itself. */
#ifndef FAIRLEAD_TESTS_UNIT_TABLE_POOL_H
#define FAIRLEAD_TESTS_UNIT_TABLE_POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/table.h"

#define N_SIZES 3
static const uint32_t sizes[N_SIZES] = {4096, 65536, 1048576};

/* A configured pool, who of it accepts, and its table. */
struct pool {
	size_t n;
	uint32_t slots;
	struct table_member *members;
	char (*ids)[24];
	bool *accepts;
	uint16_t *table;
	struct table_base *base;
};

/* A generator of the tests' own: no seed but the one given, no table_mix() of the code under test. */
static inline uint64_t chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * 0x9e3779b97f4a7c15ULL >> 20;
}

static inline uint64_t chance_below(uint64_t *seed, uint64_t bound)
{
	return chance(seed) % bound;
}

/* n backends "b0", "b1", … of weight 100, all of them accepting; no base yet. */
static inline struct pool *pool__new(size_t n, uint32_t slots)
{
	struct pool *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->n = n;
	p->slots = slots;
	p->members = calloc(n + 1, sizeof(*p->members));
	p->ids = calloc(n + 1, sizeof(*p->ids));
	p->accepts = calloc(n + 1, sizeof(*p->accepts));
	p->table = calloc(slots, sizeof(*p->table));
	for (size_t i = 0; i < n; i++) {
		snprintf(p->ids[i], sizeof(p->ids[i]), "b%zu", i);
		p->members[i] = (struct table_member){.id = p->ids[i], .weight = 100};
		p->accepts[i] = true;
	}
	return p;
}

static inline void pool__build(struct pool *p)
{
	struct err err = {0};

	table_base__free(p->base);
	p->base = NULL;
	if (table_base__new(p->members, p->n, p->slots, &p->base, &err))
		fail_msg("%zu backends, %u slots: %s", p->n, p->slots, err.text);
}

static inline void pool__fill(struct pool *p)
{
	uint8_t *parts = calloc(p->n + 1, sizeof(*parts));

	for (size_t i = 0; i < p->n; i++)
		parts[i] = p->accepts[i] ? TABLE_PARTS : 0;
	/* What stood there before must not show. */
	memset(p->table, 0x5a, p->slots * sizeof(*p->table));
	table__fill(p->base, parts, p->table);
	free(parts);
}

static inline void pool__free(struct pool *p)
{
	table_base__free(p->base);
	free(p->members);
	free(p->ids);
	free(p->accepts);
	free(p->table);
	free(p);
}

static inline uint64_t pool__weight(const struct pool *p)
{
	uint64_t total = 0;

	for (size_t i = 0; i < p->n; i++)
		total += p->members[i].weight;
	return total;
}

/* Weights as operators write them, and as they should not: equal, small, any, few zeros, lopsided. */
static inline void pool__random_weights(struct pool *p, uint64_t *seed)
{
	uint64_t manner = chance_below(seed, 5);

	for (size_t i = 0; i < p->n; i++) {
		uint32_t *w = &p->members[i].weight;

		switch (manner) {
		case 0:
			*w = 100;
			break;
		case 1:
			*w = (uint32_t)chance_below(seed, 4);
			break;
		case 2:
			*w = (uint32_t)chance_below(seed, 65536);
			break;
		case 3:
			*w = chance_below(seed, 3) ? 1 + (uint32_t)chance_below(seed, 200) : 0;
			break;
		default:
			*w = chance_below(seed, 8) ? 1 : 65535;
		}
	}
}

/* Stirs the members' order; ids, weights and verdicts go together. */
static inline void pool__shuffle(struct pool *p, uint64_t *seed)
{
	for (size_t i = p->n; i > 1; i--) {
		size_t j = chance_below(seed, i);
		struct table_member m = p->members[i - 1];
		bool accepts = p->accepts[i - 1];

		p->members[i - 1] = p->members[j];
		p->accepts[i - 1] = p->accepts[j];
		p->members[j] = m;
		p->accepts[j] = accepts;
	}
}

#endif
