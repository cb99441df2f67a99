/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <stdlib.h>
#include <string.h>

static size_t stride(const struct table *t)
{
	return ((t->key + 7) & ~(size_t)7) + ((t->value + 7) & ~(size_t)7);
}

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

void table__init(struct table *t, size_t key, size_t value, uint32_t max)
{
	*t = (struct table){.key = key, .value = value, .max = max};
	t->heads = need(calloc(max, sizeof(*t->heads)));
	t->next = need(calloc(max, sizeof(*t->next)));
	t->data = need(calloc(max, stride(t)));
}

void table__free(struct table *t)
{
	free(t->heads);
	free(t->next);
	free(t->data);
	*t = (struct table){};
}

void table__clear(struct table *t)
{
	memset(t->heads, 0, t->max * sizeof(*t->heads));
	t->n = 0;
}

const void *table__key(const struct table *t, uint32_t i)
{
	return t->data + i * stride(t);
}

void *table__value(const struct table *t, uint32_t i)
{
	return t->data + i * stride(t) + ((t->key + 7) & ~(size_t)7);
}

/* FNV-1a */
static uint32_t *chain(const struct table *t, const void *key)
{
	const uint8_t *b = key;
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < t->key; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	return &t->heads[(h ^ h >> 32) % t->max];
}

/* The link that names the entry, or the one that ends the chain. */
static uint32_t *find(const struct table *t, const void *key)
{
	uint32_t *link = chain(t, key);

	while (*link && memcmp(table__key(t, *link - 1), key, t->key) != 0)
		link = &t->next[*link - 1];
	return link;
}

void *table__get(const struct table *t, const void *key)
{
	uint32_t *link = find(t, key);

	return *link ? table__value(t, *link - 1) : NULL;
}

void *table__put(struct table *t, const void *key)
{
	uint32_t *link = find(t, key);

	if (*link)
		return table__value(t, *link - 1);
	if (t->n == t->max)
		return NULL;
	memset(t->data + t->n * stride(t), 0, stride(t));
	memcpy(t->data + t->n * stride(t), key, t->key);
	t->next[t->n] = 0;
	*link = ++t->n;
	return table__value(t, t->n - 1);
}

void table__remove(struct table *t, const void *key)
{
	uint32_t *link = find(t, key), gone = *link, last = t->n;

	if (!gone)
		return;
	*link = t->next[gone - 1];
	if (gone != last) {
		/* The last entry takes the place. */
		link = find(t, table__key(t, last - 1));
		*link = gone;
		t->next[gone - 1] = t->next[last - 1];
		memcpy(t->data + (gone - 1) * stride(t), t->data + (last - 1) * stride(t),
		       stride(t));
	}
	t->n--;
}
