/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maglev.c - the base table: Maglev's permutations (Eisenbud et al., NSDI '16, 3.4), weighted.
 *
 * Each entry walks the slots in an order of its own, offset + k * skip; the number of slots is a
 * power of two, so every odd skip visits all of them. Entries take turns, each taking the first free
 * slot of its walk. In each of max(quota) rounds an entry of quota q has its turn whenever
 * round * q / max passes an integer, so that turns are spread evenly over the rounds and every entry
 * ends at exactly its quota.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table/internal.h"

struct walk {
	uint32_t at, skip;
	uint32_t quota;
	uint32_t credit; /* Bresenham's error term, below max(quota) */
	uint16_t ordinal;
};

static uint32_t next_free(struct walk *w, const uint16_t *owner, uint32_t mask)
{
	uint32_t slot;

	do {
		slot = w->at;
		w->at = (w->at + w->skip) & mask;
	} while (owner[slot] != TABLE_NONE);
	return slot;
}

int table_maglev__fill(const struct table_entry *entries, size_t n, uint32_t slots, uint16_t *owner)
{
	struct walk *walks = calloc(n + 1, sizeof(*walks));
	uint32_t max = 0, mask = slots - 1;
	size_t active = 0;

	if (!walks)
		return -ENOMEM;
	memset(owner, 0xff, slots * sizeof(*owner));
	for (size_t i = 0; i < n; i++) {
		uint64_t h = table_mix(entries[i].hash);

		if (!entries[i].quota)
			continue;
		walks[active++] = (struct walk){
			.at = (uint32_t)h & mask,
			.skip = ((uint32_t)(h >> 32) | 1) & mask,
			.quota = entries[i].quota,
			.ordinal = entries[i].ordinal,
		};
		if (entries[i].quota > max)
			max = entries[i].quota;
	}
	for (uint32_t round = 0; round < max; round++) {
		for (size_t i = 0; i < active; i++) {
			struct walk *w = &walks[i];

			w->credit += w->quota;
			if (w->credit < max)
				continue;
			w->credit -= max;
			owner[next_free(w, owner, mask)] = w->ordinal;
		}
	}
	free(walks);
	return 0;
}
