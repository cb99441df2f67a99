/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sync.c - a map of single entries brought from one content to another.
 *
 * Each entry is one update, which a packet sees whole or not at all. Additions and changes come
 * before removals, so that what stays is found all the time. A content is an array of key and value
 * without a gap, sorted by key as memcmp() does.
 */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *at(const struct plane_table *t, const void *list, size_t i)
{
	return (const uint8_t *)list + i * (t->key + t->value);
}

/* The entry of that key in a list, or NULL; *from only ever grows as keys do. */
static const uint8_t *find(const struct plane_table *t, const void *list, size_t n, size_t *from,
			   const uint8_t *key)
{
	while (*from < n) {
		const uint8_t *e = at(t, list, *from);
		int order = memcmp(e, key, t->key);

		if (order == 0)
			return e;
		if (order > 0)
			return NULL;
		(*from)++;
	}
	return NULL;
}

/* Writes what `to` has and `from` does not have so. */
static int update(const struct plane_table *t, const void *from, size_t n_from, const void *to,
		  size_t n_to)
{
	size_t place = 0;

	for (size_t i = 0; i < n_to; i++) {
		const uint8_t *want = at(t, to, i), *have = find(t, from, n_from, &place, want);

		if (have && memcmp(have + t->key, want + t->key, t->value) == 0)
			continue;
		if (bpf_map_update_elem(t->fd, want, want + t->key, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Removes what `from` has and `to` has not. */
static void remove_rest(const struct plane_table *t, const void *from, size_t n_from,
			const void *to, size_t n_to)
{
	size_t place = 0;

	for (size_t i = 0; i < n_from; i++) {
		const uint8_t *have = at(t, from, i);

		if (!find(t, to, n_to, &place, have))
			bpf_map_delete_elem(t->fd, have);
	}
}

/* After an update that broke off: what was there is written again, what was added goes. */
static void revert(const struct plane_table *t, const void *want, size_t n)
{
	update(t, NULL, 0, t->list, t->n);
	remove_rest(t, want, n, t->list, t->n);
}

int plane_table__apply(struct plane_table *t, const void *want, size_t n, struct err *err)
{
	size_t size = n * (t->key + t->value);
	void *copy = malloc(size + 1);
	int rc;

	if (!copy)
		return err__set(err, -ENOMEM, "out of memory");
	if (n)
		memcpy(copy, want, size);
	rc = update(t, t->list, t->n, want, n);
	if (rc) {
		revert(t, want, n);
		free(copy);
		return err__set(err, rc,
				"cannot write the map '%s' (%zu entries of at most %u): %s",
				t->name, n, t->max, strerror(-rc));
	}
	remove_rest(t, t->list, t->n, want, n);
	free(t->list);
	t->list = copy;
	t->n = n;
	return 0;
}

static int compare(const void *a, const void *b, void *table)
{
	return memcmp(a, b, ((const struct plane_table *)table)->key);
}

/* Appends what the map says under `key`. */
static int take(struct plane_table *t, size_t *room, const void *key)
{
	size_t entry = t->key + t->value;
	uint8_t *to;

	if (t->n == *room) {
		size_t more = *room ? 2 * *room : 64;
		void *list = realloc(t->list, more * entry);

		if (!list)
			return -ENOMEM;
		t->list = list;
		*room = more;
	}
	to = (uint8_t *)t->list + t->n * entry;
	memcpy(to, key, t->key);
	if (bpf_map_lookup_elem(t->fd, to, to + t->key) == 0)
		t->n++;
	return 0;
}

int plane_table__read(struct plane_table *t, struct err *err)
{
	uint8_t keys[2][64];
	size_t room = 0;
	int rc = 0, turn = 0;

	if (t->key > sizeof(keys[0]))
		return err__set(err, -E2BIG, "the keys of map '%s' are too long", t->name);
	for (const void *prev = NULL; !rc; prev = keys[turn], turn = !turn) {
		if (bpf_map_get_next_key(t->fd, prev, keys[turn]))
			break;
		rc = take(t, &room, keys[turn]);
	}
	if (!rc && errno != ENOENT)
		rc = -errno;
	if (rc)
		return err__set(err, rc, "cannot read the map '%s': %s", t->name, strerror(-rc));
	if (t->n)
		qsort_r(t->list, t->n, t->key + t->value, compare, t);
	return 0;
}

void plane_table__free(struct plane_table *t)
{
	free(t->list);
	t->list = NULL;
	t->n = 0;
}
