/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "move/tally.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST 64

struct tally_cell {
	uint64_t key; /* service << 32 | backend */
	uint32_t count; /* 0: the cell is free */
};

static uint64_t key_of(uint32_t service, uint32_t backend)
{
	return (uint64_t)service << 32 | backend;
}

/* The key's cell, or the free one where it belongs. There is always a free one. */
static struct tally_cell *find(struct tally_cell *cells, size_t size, uint64_t key)
{
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15ULL >> 32);

	while (cells[at & (size - 1)].count && cells[at & (size - 1)].key != key)
		at++;
	return &cells[at & (size - 1)];
}

static int grow(struct tally *t)
{
	size_t size = t->size ? 2 * t->size : LEAST;
	struct tally_cell *cells = calloc(size, sizeof(*cells));

	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < t->size; i++) {
		if (t->cells[i].count)
			*find(cells, size, t->cells[i].key) = t->cells[i];
	}
	free(t->cells);
	t->cells = cells;
	t->size = size;
	return 0;
}

int tally__add(struct tally *t, uint32_t service, uint32_t backend)
{
	struct tally_cell *c;

	if (4 * t->used >= 3 * t->size && grow(t))
		return -ENOMEM;
	c = find(t->cells, t->size, key_of(service, backend));
	t->used += !c->count;
	c->key = key_of(service, backend);
	c->count++;
	return 0;
}

uint32_t tally__get(const struct tally *t, uint32_t service, uint32_t backend)
{
	return t->size ? find(t->cells, t->size, key_of(service, backend))->count : 0;
}

void tally__free(struct tally *t)
{
	free(t->cells);
	*t = (struct tally){0};
}
