/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maglev.c - the base table: Maglev's permutations (Eisenbud et al., NSDI '16, 3.4), weighted.
 *
 * Each entry walks the slots in an order of its own, offset + k * skip; the number of slots is a
 * power of two, so every odd skip visits all of them. Entries take turns, each taking the first free
 * slot of its walk. In each of max(quota) rounds an entry of quota q has its turn whenever
 * round * q / max passes an integer, so that turns are spread evenly over the rounds and every entry
 * ends at exactly its quota. The turns are as many as the slots, however many rounds there are and
 * however few entries have a turn in most of them: they are sorted by round, then taken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table/internal.h"

struct walk {
	uint32_t at, skip;
	uint16_t ordinal;
};

static struct walk begin(const struct table_entry *e, uint32_t mask)
{
	uint64_t h = table_mix(e->hash);

	return (struct walk){
		.at = (uint32_t)h & mask,
		.skip = ((uint32_t)(h >> 32) | 1) & mask,
		.ordinal = e->ordinal,
	};
}

static uint32_t next_free(struct walk *w, const uint16_t *owner, uint32_t mask)
{
	uint32_t slot;

	do {
		slot = w->at;
		w->at = (w->at + w->skip) & mask;
	} while (owner[slot] != TABLE_NONE);
	return slot;
}

/* The round, from 0, of an entry's turn k of `quota`, from 0: the first r with (r + 1) q >= (k + 1) max. */
static uint32_t round_of(uint32_t k, uint32_t quota, uint32_t max)
{
	return (uint32_t)(((uint64_t)(k + 1) * max + quota - 1) / quota - 1);
}

/*
 * Whose turn it is, from the first to the last: a counting sort of all turns by round that keeps the
 * entries' order within one. `ends` has a place for each of the max rounds, zeroed.
 */
static void order_turns(const struct table_entry *entries, size_t n, uint32_t max, uint32_t *ends,
			uint16_t *turns)
{
	uint32_t before = 0;

	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < entries[i].quota; k++)
			ends[round_of(k, entries[i].quota, max)]++;
	}
	for (uint32_t r = 0; r < max; r++) {
		uint32_t count = ends[r];

		ends[r] = before;
		before += count;
	}
	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < entries[i].quota; k++)
			turns[ends[round_of(k, entries[i].quota, max)]++] = (uint16_t)i;
	}
}

int table_maglev__fill(const struct table_entry *entries, size_t n, uint32_t slots, uint16_t *owner)
{
	struct walk *walks = calloc(n + 1, sizeof(*walks));
	uint16_t *turns = calloc(slots, sizeof(*turns));
	uint32_t max = 0, total = 0, mask = slots - 1, *ends = NULL;
	int rc = -ENOMEM;

	if (!walks || !turns)
		goto cleanup;
	memset(owner, 0xff, slots * sizeof(*owner));
	for (size_t i = 0; i < n; i++) {
		walks[i] = begin(&entries[i], mask);
		total += entries[i].quota;
		if (entries[i].quota > max)
			max = entries[i].quota;
	}
	ends = calloc((size_t)max + 1, sizeof(*ends));
	if (!ends)
		goto cleanup;
	order_turns(entries, n, max, ends, turns);
	for (uint32_t t = 0; t < total; t++) {
		struct walk *w = &walks[turns[t]];

		owner[next_free(w, owner, mask)] = w->ordinal;
	}
	rc = 0;
cleanup:
	free(ends);
	free(turns);
	free(walks);
	return rc;
}
