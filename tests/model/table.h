/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.h - a hash table of fixed-size keys and values, for the state that the model keeps. */
#ifndef FAIRLEAD_TESTS_MODEL_TABLE_H
#define FAIRLEAD_TESTS_MODEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table {
	size_t key, value; /* bytes */
	uint32_t max; /* entries */
	uint32_t n;
	uint32_t *heads; /* chains: entry number + 1 */
	uint32_t *next;
	uint8_t *data; /* entries packed from the front: key, value padded to 8 bytes */
};

void table__init(struct table *t, size_t key, size_t value, uint32_t max);
void table__free(struct table *t);
void table__clear(struct table *t);

/* The value, valid until the next change of the table; NULL: there is none. */
void *table__get(const struct table *t, const void *key);

/* The value, new ones all zero; NULL when the table is full. */
void *table__put(struct table *t, const void *key);

void table__remove(struct table *t, const void *key);

/* Entry i of n; the order changes when one is removed. */
const void *table__key(const struct table *t, uint32_t i);
void *table__value(const struct table *t, uint32_t i);

#endif
