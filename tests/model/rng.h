/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rng.h - SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed everywhere. */
#ifndef FAIRLEAD_TESTS_MODEL_RNG_H
#define FAIRLEAD_TESTS_MODEL_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng__next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline uint32_t rng__below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng__next(r) >> 32) * n >> 32);
}

static inline bool rng__percent(struct rng *r, uint32_t percent)
{
	return rng__below(r, 100) < percent;
}

#endif
