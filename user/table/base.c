/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base.c - the base table's life. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "table/internal.h"

uint64_t table_id__hash(const char *id)
{
	/* Not a secret: all machines must agree, and an id is the operator's word. */
	static const unsigned char key[crypto_shorthash_KEYBYTES] = "fairlead base v1";
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t h = 0;

	crypto_shorthash(out, (const unsigned char *)id, strlen(id), key);
	for (size_t i = 0; i < sizeof(out); i++)
		h |= (uint64_t)out[i] << (8 * i);
	return h;
}

static int compare(const void *a, const void *b)
{
	const struct table_entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return strcmp(x->id, y->id);
}

static bool known_size(uint32_t slots)
{
	return slots == 4096 || slots == 65536 || slots == 1048576;
}

static int make_entries(const struct table_member *members, size_t n, struct table_entry *entries,
			struct err *err)
{
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct table_entry){
			.hash = table_id__hash(members[i].id),
			.weight = members[i].weight,
			.ordinal = (uint16_t)i,
			.id = members[i].id,
		};
	qsort(entries, n, sizeof(*entries), compare);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(entries[i - 1].id, entries[i].id) == 0)
			return err__set(err, -EINVAL, "two backends have the id '%s'",
					entries[i].id);
	}
	return 0;
}

static struct table_base *allocate(size_t n, uint32_t slots)
{
	struct table_base *b = calloc(1, sizeof(*b) + slots * sizeof(b->owner[0]));

	if (!b)
		return NULL;
	b->slots = slots;
	b->n = n;
	b->hashes = calloc(n + 1, sizeof(*b->hashes));
	b->weights = calloc(n + 1, sizeof(*b->weights));
	if (b->hashes && b->weights)
		return b;
	table_base__free(b);
	return NULL;
}

int table_base__new(const struct table_member *members, size_t n, uint32_t slots,
		    struct table_base **out, struct err *err)
{
	struct table_entry *entries = NULL;
	struct table_base *b = NULL;
	int rc;

	if (!known_size(slots))
		return err__set(err, -EINVAL, "%u slots: it must be 4096, 65536 or 1048576", slots);
	if (n > TABLE_MAX_MEMBERS)
		return err__set(err, -EINVAL, "%zu backends: at most %d", n, TABLE_MAX_MEMBERS);
	entries = calloc(n + 1, sizeof(*entries));
	b = allocate(n, slots);
	if (!entries || !b) {
		rc = err__set(err, -ENOMEM, "out of memory");
		goto cleanup;
	}
	rc = make_entries(members, n, entries, err);
	if (rc)
		goto cleanup;
	rc = table_quota__assign(entries, n, slots);
	if (!rc)
		rc = table_maglev__fill(entries, n, slots, b->owner);
	if (rc) {
		err__set(err, rc, "out of memory");
		goto cleanup;
	}
	for (size_t i = 0; i < n; i++) {
		b->hashes[entries[i].ordinal] = entries[i].hash;
		b->weights[entries[i].ordinal] = entries[i].weight;
	}
	*out = b;
	b = NULL;
cleanup:
	table_base__free(b);
	free(entries);
	return rc;
}

void table_base__free(struct table_base *b)
{
	if (!b)
		return;
	free(b->hashes);
	free(b->weights);
	free(b);
}

uint32_t table_base__slots(const struct table_base *b)
{
	return b->slots;
}

size_t table_base__members(const struct table_base *b)
{
	return b->n;
}
