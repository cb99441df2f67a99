/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h - slot tables: a pure function of (backends, weights, who accepts).
 *
 * A `base` over all configured backends, then a `chain` for slots whose base owner does not accept
 * (docs/architecture.md). No time, no I/O, no randomness: two machines with equal input get equal
 * bytes.
 */
#ifndef FAIRLEAD_TABLE_TABLE_H
#define FAIRLEAD_TABLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define TABLE_NONE 0xffff /* a slot that nobody accepts */
#define TABLE_MAX_MEMBERS 32766
#define TABLE_PARTS 20 /* a member's share of its own slots is counted in parts of 5 % */

/* A configured backend. Its place in the array is its ordinal in everything below. */
struct table_member {
	const char *id; /* unique; the only thing besides weight that decides its slots */
	uint32_t weight; /* 0..65535; 0: no slots */
};

/* The base table of one service: immutable, shared by all fills, safe to read from any thread. */
struct table_base;

/*
 * Builds the base of `slots` (4096, 65536 or 1048576) slots. Every member owns its exact share of
 * the slots by weight, rounded to a neighbour integer (largest remainder), so +-1 of exact.
 * -EINVAL: slots is not one of the three, too many members or two equal ids; -ENOMEM.
 * Takes milliseconds: run it on the worker.
 */
int table_base__new(const struct table_member *members, size_t n, uint32_t slots,
		    struct table_base **out, struct err *err);
void table_base__free(struct table_base *b);

uint32_t table_base__slots(const struct table_base *b);
size_t table_base__members(const struct table_base *b);

/*
 * Who owns each slot when a member takes parts[ordinal] of TABLE_PARTS of what its weight stands for
 * (more counts as all): writes the ordinal, or TABLE_NONE, of each of the base's slots to `out`. All
 * parts: every slot whose base owner it is; fewer: that share of them, and of the others that come its
 * way, so that slots go by weight times parts. Members of weight 0 or without a part never get a slot.
 * More parts of one member only add slots to its own, fewer only take some of them: nothing moves
 * between two others.
 */
void table__fill(const struct table_base *b, const uint8_t *parts, uint16_t *out);

/* How many slots each ordinal owns; `counts` holds one entry a member. Returns how many have none. */
uint32_t table__count(const struct table_base *b, const uint16_t *filled, uint32_t *counts);

/* 64-bit digest of a filled table in terms of ids (not ordinals): equal on peers, golden in tests. */
uint64_t table__digest(const struct table_base *b, const uint16_t *filled);

#endif
