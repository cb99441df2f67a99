/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - what the files of table/ share. */
#ifndef FAIRLEAD_TABLE_INTERNAL_H
#define FAIRLEAD_TABLE_INTERNAL_H

#include "table/table.h"

/* One member while and after the base is built. */
struct table_entry {
	uint64_t hash; /* of the id: decides everything but the quota */
	uint32_t weight;
	uint32_t quota; /* slots it owns, exactly */
	uint16_t ordinal; /* its place in the caller's array */
	const char *id; /* the caller's; valid only while building */
};

struct table_base {
	uint32_t slots;
	size_t n;
	uint64_t *hashes; /* by ordinal */
	uint32_t *weights; /* by ordinal */
	uint16_t owner[]; /* ordinal of each slot, TABLE_NONE if all weights are 0 */
};

/* A 64-bit mix, the same on every machine (splitmix64's finaliser, in the public domain). */
static inline uint64_t table_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* SipHash-2-4 of a backend's id under fairlead's fixed key. */
uint64_t table_id__hash(const char *id);

/*
 * Gives each of the n entries its exact share of `slots` by weight, rounded down or up so that the
 * sum is right: largest remainder first, ties by hash. Entries must be sorted by hash.
 */
int table_quota__assign(struct table_entry *entries, size_t n, uint32_t slots);

/* Fills owner[slots] by weighted Maglev; entries sorted by hash, quotas assigned. */
int table_maglev__fill(const struct table_entry *entries, size_t n, uint32_t slots,
		       uint16_t *owner);

#endif
