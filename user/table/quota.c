/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quota.c - exact shares of the slots by largest remainder. */
#include <errno.h>
#include <stdlib.h>

#include "table/internal.h"

struct remainder {
	uint64_t rest;
	size_t entry;
};

/* Largest first; equal ones by the entries' order, which is that of their hashes. */
static int compare(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest < y->rest ? 1 : -1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

int table_quota__assign(struct table_entry *entries, size_t n, uint32_t slots)
{
	struct remainder *rest;
	uint64_t total = 0;
	uint32_t given = 0;

	for (size_t i = 0; i < n; i++)
		total += entries[i].weight;
	if (!total)
		return 0;
	rest = calloc(n, sizeof(*rest));
	if (!rest)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		/* 20 bits of slots times 16 of weight: no overflow. */
		uint64_t product = (uint64_t)slots * entries[i].weight;

		entries[i].quota = (uint32_t)(product / total);
		given += entries[i].quota;
		rest[i] = (struct remainder){.rest = product % total, .entry = i};
	}
	qsort(rest, n, sizeof(*rest), compare);
	/* What is left is less than the number of entries with a remainder. */
	for (size_t i = 0; given < slots; i++, given++)
		entries[rest[i].entry].quota++;
	free(rest);
	return 0;
}
