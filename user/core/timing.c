/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/timing.h"

#define SUB 8U /* buckets of a doubling */
#define SUB_BITS 3U

static unsigned int bucket_of(uint64_t us)
{
	unsigned int top, bucket;

	if (us < SUB)
		return (unsigned int)us;
	top = 63U - (unsigned int)__builtin_clzll(us);
	bucket = (top - SUB_BITS + 1) * SUB + (unsigned int)(us >> (top - SUB_BITS) & (SUB - 1));
	return bucket < TIMING_BUCKETS ? bucket : TIMING_BUCKETS - 1;
}

uint64_t timing__below_us(unsigned int bucket)
{
	uint64_t next = bucket + 1;

	if (next >= TIMING_BUCKETS)
		return UINT64_MAX;
	if (next < SUB)
		return next;
	return (SUB + next % SUB) << (next / SUB - 1);
}

void timing__add(struct timing *t, uint64_t ns)
{
	t->n++;
	t->sum_ns += ns;
	t->last_ns = ns;
	if (ns > t->max_ns)
		t->max_ns = ns;
	t->buckets[bucket_of(ns / 1000)]++;
}

uint64_t timing__quantile_us(const struct timing *t, unsigned int permille)
{
	uint64_t wanted = (t->n * permille + 999) / 1000, most = t->max_ns / 1000 + 1, n = 0;

	if (!t->n)
		return 0;
	for (unsigned int b = 0; b < TIMING_BUCKETS; b++) {
		n += t->buckets[b];
		if (n >= wanted && n)
			return timing__below_us(b) < most ? timing__below_us(b) : most;
	}
	return most;
}
