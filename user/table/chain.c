/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.c - who owns a slot when its base owner does not accept.
 *
 * The slot looks at base[h(slot, 1)], base[h(slot, 2)], … and takes the first owner there that
 * accepts: owners stand in the base in proportion to their weights, so the slots of a dead backend
 * spread over the others by weight. After CHAIN_LENGTH misses (with half of the backends dead, one
 * slot in 2^32) the accepting members draw for it. In both, a slot's order of
 * candidates does not depend on who accepts, so a change of one member moves only its own slots.
 */
#include <stdlib.h>
#include <string.h>

#include "table/internal.h"

#define CHAIN_LENGTH 32
#define LOG_BITS 24

/*
 * -log2(u / 2^64) with LOG_BITS binary digits after the point, in integers so that all machines get
 * the same: squaring a number of [1, 2) tells the next digit of its logarithm.
 */
static uint64_t neg_log2(uint64_t u)
{
	unsigned int whole = 63 - (unsigned int)__builtin_clzll(u | 1);
	uint64_t m = (u | 1) << (63 - whole), digits = whole;

	for (int i = 0; i < LOG_BITS; i++) {
		m = (uint64_t)((unsigned __int128)m * m >> 64);
		digits <<= 1;
		if (m >> 63)
			digits |= 1;
		else
			m <<= 1;
	}
	return (64ULL << LOG_BITS) - digits;
}

/* Who may draw: the members that accept and have a weight. */
struct live {
	size_t n;
	uint16_t ordinal[TABLE_MAX_MEMBERS];
};

/*
 * Weighted rendezvous: exponential draws of rate `weight`, the earliest wins. Thousands may draw for
 * each of thousands of slots, so a draw that is too late is told without its logarithm:
 * -log2(x) > 1 - x for x in (0, 1).
 */
static uint16_t rendezvous(const struct table_base *b, const struct live *live, uint32_t slot)
{
	uint64_t best_draw = 0, best_weight = 0, best_hash = 0, salt = table_mix(slot);
	uint16_t best = TABLE_NONE;

	for (size_t i = 0; i < live->n; i++) {
		uint16_t ordinal = live->ordinal[i];
		uint64_t hash = b->hashes[ordinal], weight = b->weights[ordinal];
		uint64_t u = table_mix(hash ^ salt), draw, left, right = best_draw * weight;

		if (best != TABLE_NONE && (~u >> (64 - LOG_BITS)) * best_weight > right)
			continue;
		draw = neg_log2(u);
		/* draw / weight < best_draw / best_weight, without the divisions: 30 + 16 bits */
		left = draw * best_weight;
		if (best != TABLE_NONE && (left > right || (left == right && hash > best_hash)))
			continue;
		best = ordinal;
		best_draw = draw;
		best_weight = weight;
		best_hash = hash;
	}
	return best;
}

static uint16_t walk(const struct table_base *b, const bool *accepts, const struct live *live,
		     uint32_t slot)
{
	for (uint64_t r = 1; r <= CHAIN_LENGTH; r++) {
		uint16_t owner = b->owner[table_mix(r << 32 | slot) & (b->slots - 1)];

		if (accepts[owner])
			return owner;
	}
	return rendezvous(b, live, slot);
}

void table__fill(const struct table_base *b, const bool *accepts, uint16_t *out)
{
	struct live live; /* 64 KiB of stack, and no way to fail */

	live.n = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (accepts[i] && b->weights[i])
			live.ordinal[live.n++] = (uint16_t)i;
	}
	if (!live.n) {
		memset(out, 0xff, b->slots * sizeof(*out));
		return;
	}
	for (uint32_t slot = 0; slot < b->slots; slot++) {
		uint16_t owner = b->owner[slot];

		out[slot] = accepts[owner] ? owner : walk(b, accepts, &live, slot);
	}
}

uint32_t table__count(const struct table_base *b, const uint16_t *filled, uint32_t *counts)
{
	uint32_t none = 0;

	memset(counts, 0, b->n * sizeof(*counts));
	for (uint32_t slot = 0; slot < b->slots; slot++) {
		if (filled[slot] == TABLE_NONE)
			none++;
		else
			counts[filled[slot]]++;
	}
	return none;
}

uint64_t table__digest(const struct table_base *b, const uint16_t *filled)
{
	uint64_t d = b->slots;

	for (uint32_t slot = 0; slot < b->slots; slot++)
		d = table_mix(d ^ (filled[slot] == TABLE_NONE ? 0 : b->hashes[filled[slot]])) +
		    slot;
	return d;
}
