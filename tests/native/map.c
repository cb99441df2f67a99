/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "map.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "poison.h"

#define MAX_MAPS 64
#define BUCKETS 1024
#define GAP 16 /* poisoned bytes at least between two values of an array */

/* Elements of a hash, an LRU or a trie; oldest first. Each is an allocation: ASan watches its ends. */
struct node {
	struct node *next_in_bucket;
	struct node *older, *newer;
	uint8_t *value;
	uint8_t key[];
};

struct map {
	struct map *self; /* first: see map.h */
	const char *name;
	struct map_sizes sizes;
	/* arrays */
	uint8_t *values;
	size_t stride, mapped;
	bool sealed;
	uint32_t *touched, n_touched; /* values that a program has got a pointer to */
	uint8_t *is_touched;
	/* hashes */
	struct node *buckets[BUCKETS];
	struct node *oldest, *newest;
	uint32_t used, limit;
	/* arrays of maps, of programs */
	struct map_sizes inner_sizes;
	struct map **inner;
	int (**programs)(void *);
};

static struct map *maps[MAX_MAPS];
static int n_maps;

static void *allocate(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		fputs("native maps: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static bool is_array(const struct map *m)
{
	return m->sizes.type == BPF_MAP_TYPE_ARRAY || m->sizes.type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Pages of their own, so that they can be sealed; between the values bytes that nobody may touch. */
static void make_array(struct map *m)
{
	size_t size = (m->sizes.value + 7UL) & ~7UL;

	m->stride = size + GAP;
	m->mapped = (m->stride * m->sizes.entries + 4095) & ~4095UL;
	m->values =
		mmap(NULL, m->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->values == MAP_FAILED) {
		perror("native maps: mmap");
		exit(1);
	}
	for (uint32_t i = 0; i < m->sizes.entries; i++)
		poison(m->values + i * m->stride + m->sizes.value, m->stride - m->sizes.value);
	m->touched = allocate(sizeof(*m->touched) * m->sizes.entries);
	m->is_touched = allocate(m->sizes.entries);
}

static struct map *make(const char *name, struct map_sizes sizes)
{
	struct map *m = allocate(sizeof(*m));

	m->self = m;
	m->name = name;
	m->sizes = sizes;
	m->limit = sizes.entries;
	if (is_array(m))
		make_array(m);
	return m;
}

struct map *map__define(void *variable, const char *name, struct map_sizes sizes)
{
	struct map *m = make(name, sizes);

	if (n_maps == MAX_MAPS) {
		fputs("native maps: more than MAX_MAPS\n", stderr);
		exit(1);
	}
	maps[n_maps++] = m;
	memcpy(variable, &m, sizeof(m));
	return m;
}

struct map *map__define_outer(void *variable, const char *name, uint32_t entries,
			      struct map_sizes inner)
{
	struct map *m = map__define(
		variable, name,
		(struct map_sizes){BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(uint32_t), 0, entries});

	m->inner_sizes = inner;
	m->inner = allocate(sizeof(*m->inner) * entries);
	return m;
}

struct map *map__define_progs(void *variable, const char *name, uint32_t entries,
			      int (**programs)(void *))
{
	struct map *m = map__define(
		variable, name,
		(struct map_sizes){BPF_MAP_TYPE_PROG_ARRAY, sizeof(uint32_t), 0, entries});

	m->programs = programs;
	return m;
}

struct map *map__of(void *variable)
{
	struct map *m;

	memcpy(&m, variable, sizeof(m));
	if (!m) {
		fputs("native maps: a program uses a map that is not defined in tests/native\n",
		      stderr);
		abort();
	}
	return m;
}

struct map *map__named(const char *name)
{
	for (int i = 0; i < n_maps; i++)
		if (!strcmp(maps[i]->name, name))
			return maps[i];
	fprintf(stderr, "native maps: there is no map %s\n", name);
	exit(1);
}

void *map__value(struct map *m, uint32_t index)
{
	return m->values + index * m->stride;
}

static void *array_lookup(struct map *m, uint32_t index)
{
	if (index >= m->sizes.entries)
		return NULL;
	if (!m->sealed && !m->is_touched[index]) {
		m->is_touched[index] = 1;
		m->touched[m->n_touched++] = index;
	}
	return map__value(m, index);
}

struct map *map__inner(struct map *outer, uint32_t index)
{
	if (!outer->inner[index])
		outer->inner[index] = make(outer->name, outer->inner_sizes);
	return outer->inner[index];
}

int (*map__program(struct map *m, uint32_t index))(void *)
{
	return index < m->sizes.entries ? m->programs[index] : NULL;
}

static struct node **bucket_of(struct map *m, const void *key)
{
	const uint8_t *k = key;
	uint32_t h = 2166136261U;

	for (uint32_t i = 0; i < m->sizes.key; i++)
		h = (h ^ k[i]) * 16777619U;
	return &m->buckets[(h ^ h >> 16) % BUCKETS];
}

/* The link that leads to the key's node, or to NULL at the bucket's end. */
static struct node **find_link(struct map *m, const void *key)
{
	struct node **link = bucket_of(m, key);

	while (*link && memcmp((*link)->key, key, m->sizes.key) != 0)
		link = &(*link)->next_in_bucket;
	return link;
}

static void unlink_age(struct map *m, struct node *n)
{
	*(n->older ? &n->older->newer : &m->oldest) = n->newer;
	*(n->newer ? &n->newer->older : &m->newest) = n->older;
}

static void append_age(struct map *m, struct node *n)
{
	n->older = m->newest;
	n->newer = NULL;
	*(m->newest ? &m->newest->newer : &m->oldest) = n;
	m->newest = n;
}

static void remove_node(struct map *m, struct node **link)
{
	struct node *n = *link;

	*link = n->next_in_bucket;
	unlink_age(m, n);
	m->used--;
	free(n->value);
	free(n);
}

static bool prefix_equal(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8) == 0;
}

/* A walk over all entries is no trie, and cannot be wrong. */
static void *lpm_lookup(struct map *m, const void *key)
{
	const struct node *best = NULL;
	uint32_t want, best_len = 0;

	memcpy(&want, key, sizeof(want));
	for (const struct node *n = m->oldest; n; n = n->newer) {
		uint32_t len;

		memcpy(&len, n->key, sizeof(len));
		if (len > want || (best && len <= best_len) ||
		    !prefix_equal(n->key + 4, (const uint8_t *)key + 4, len))
			continue;
		best = n;
		best_len = len;
	}
	return best ? best->value : NULL;
}

void *map__lookup(struct map *m, const void *key)
{
	struct node *n;
	uint32_t index;

	if (is_array(m) || m->inner) {
		memcpy(&index, key, sizeof(index));
		if (m->inner)
			return index < m->sizes.entries ? m->inner[index] : NULL;
		return array_lookup(m, index);
	}
	if (m->sizes.type == BPF_MAP_TYPE_LPM_TRIE)
		return lpm_lookup(m, key);
	n = *find_link(m, key);
	if (!n)
		return NULL;
	if (m->sizes.type == BPF_MAP_TYPE_LRU_HASH) {
		unlink_age(m, n);
		append_age(m, n);
	}
	return n->value;
}

static int hash_update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	struct node *n = *find_link(m, key), **head;

	if (n && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!n && flags == BPF_EXIST)
		return -ENOENT;
	if (n) {
		memcpy(n->value, value, m->sizes.value);
		return 0;
	}
	if (m->used >= m->limit) {
		if (m->sizes.type != BPF_MAP_TYPE_LRU_HASH)
			return -E2BIG;
		remove_node(m, find_link(m, m->oldest->key));
	}
	n = allocate(sizeof(*n) + m->sizes.key);
	n->value = allocate(m->sizes.value);
	memcpy(n->key, key, m->sizes.key);
	memcpy(n->value, value, m->sizes.value);
	head = bucket_of(m, key);
	n->next_in_bucket = *head;
	*head = n;
	append_age(m, n);
	m->used++;
	return 0;
}

int map__update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	uint32_t index;

	if (!is_array(m))
		return m->inner || m->programs ? -EINVAL : hash_update(m, key, value, flags);
	memcpy(&index, key, sizeof(index));
	if (index >= m->sizes.entries)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	memcpy(array_lookup(m, index), value, m->sizes.value);
	return 0;
}

int map__delete(struct map *m, const void *key)
{
	struct node **link;

	if (is_array(m) || m->inner || m->programs)
		return -EINVAL;
	link = find_link(m, key);
	if (!*link)
		return -ENOENT;
	remove_node(m, link);
	return 0;
}

void map__seal(struct map *m)
{
	if (mprotect(m->values, m->mapped, PROT_READ)) {
		perror("native maps: mprotect");
		exit(1);
	}
	m->sealed = true;
}

void map__limit(struct map *m, uint32_t entries)
{
	m->limit = entries < m->sizes.entries ? entries : m->sizes.entries;
}

void map__reset(struct map *m)
{
	for (uint32_t i = 0; i < m->n_touched; i++) {
		m->is_touched[m->touched[i]] = 0;
		memset(map__value(m, m->touched[i]), 0, m->sizes.value);
	}
	m->n_touched = 0;
	while (m->oldest)
		remove_node(m, find_link(m, m->oldest->key));
}
