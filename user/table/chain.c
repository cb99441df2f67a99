/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.c - who owns a slot when its base owner does not accept it.
 *
 * The slot looks at base[h(slot, 1)], base[h(slot, 2)], … and takes the first owner there that
 * accepts: owners stand in the base in proportion to their weights, so the slots of a dead backend
 * spread over the others by weight. After CHAIN_LENGTH misses (with half of the backends dead, one
 * slot in 2^32) the members that accept draw for it. In both, a slot's order of
 * candidates does not depend on who accepts, so a change of one member moves only its own slots.
 *
 * A member with some of its parts accepts at that share of the places, each chosen by a hash of its own
 * and so always the same ones: with more parts it accepts at more. It stays a candidate in the chains of
 * its own slots, or weights 1/2 and 1 would come out as 1/4 and 3/4.
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

static uint32_t least(uint8_t parts)
{
	return parts < TABLE_PARTS ? parts : TABLE_PARTS;
}

/* Who may draw: the members that have a part and a weight. */
struct live {
	size_t n;
	uint16_t ordinal[TABLE_MAX_MEMBERS];
};

/*
 * Weighted rendezvous: exponential draws of rate weight times parts, the earliest wins. Thousands may draw for
 * each of thousands of slots, so a draw that is too late is told without its logarithm:
 * -log2(x) > 1 - x for x in (0, 1).
 */
static uint16_t rendezvous(const struct table_base *b, const uint8_t *parts,
			   const struct live *live, uint32_t slot)
{
	uint64_t best_draw = 0, best_weight = 0, best_hash = 0, salt = table_mix(slot);
	uint16_t best = TABLE_NONE;

	for (size_t i = 0; i < live->n; i++) {
		uint16_t ordinal = live->ordinal[i];
		uint64_t hash = b->hashes[ordinal];
		uint64_t weight = (uint64_t)b->weights[ordinal] * least(parts[ordinal]);
		uint64_t u = table_mix(hash ^ salt), draw, left, right = best_draw * weight;

		if (best != TABLE_NONE && (~u >> (64 - LOG_BITS)) * best_weight > right)
			continue;
		draw = neg_log2(u);
		/* draw / weight < best_draw / best_weight, without the divisions: 30 + 21 bits */
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

/* Whether it accepts what comes to it there; `place` is a hash of the slot and the step. */
static bool accepts(const struct table_base *b, const uint8_t *parts, uint16_t owner,
		    uint64_t place)
{
	uint64_t u;

	if (!parts[owner] || parts[owner] >= TABLE_PARTS)
		return parts[owner];
	/* A sum: rendezvous() draws by the hash of the difference. */
	u = table_mix(b->hashes[owner] + place) >> 32;
	return u * TABLE_PARTS >> 32 < parts[owner];
}

static uint16_t walk(const struct table_base *b, const uint8_t *parts, const struct live *live,
		     uint32_t slot)
{
	for (uint64_t r = 1; r <= CHAIN_LENGTH; r++) {
		uint64_t place = table_mix(r << 32 | slot);
		uint16_t owner = b->owner[place & (b->slots - 1)];

		if (accepts(b, parts, owner, place))
			return owner;
	}
	return rendezvous(b, parts, live, slot);
}

void table__fill(const struct table_base *b, const uint8_t *parts, uint16_t *out)
{
	struct live live; /* 64 KiB of stack, and no way to fail */

	live.n = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (parts[i] && b->weights[i])
			live.ordinal[live.n++] = (uint16_t)i;
	}
	if (!live.n) {
		memset(out, 0xff, b->slots * sizeof(*out));
		return;
	}
	for (uint32_t slot = 0; slot < b->slots; slot++) {
		uint16_t owner = b->owner[slot];

		out[slot] = accepts(b, parts, owner, table_mix(slot)) ? owner
								      : walk(b, parts, &live, slot);
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
