/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/ledger.h"

#include <endian.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { VALUE = 1, GRAVE = 2 };

struct row {
	TAILQ_ENTRY(row) by_version;
	uint64_t version;
	uint8_t kind, key_len;
	uint16_t len; /* of the value; a grave has none */
	const uint8_t *key;
	uint8_t *value; /* in memory of its own, as its length changes */
	uint8_t key_bytes[];
};

TAILQ_HEAD(rows, row);

struct ledger {
	void *tree; /* of rows, by key */
	struct rows rows; /* in the order of versions */
	struct row
		*cursor; /* near which the next part begins, most likely; NULL: there is no row */
	uint64_t version;
	uint64_t forgotten; /* the version of the last grave that is no more */
	size_t n, n_graves;
};

/* An entry on its way. */
struct item {
	uint8_t kind, key_len;
	uint16_t len;
	const uint8_t *key, *value;
};

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->key_len != y->key_len)
		return x->key_len < y->key_len ? -1 : 1;
	return memcmp(x->key, y->key, x->key_len);
}

struct ledger *ledger__new(void)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l)
		TAILQ_INIT(&l->rows);
	return l;
}

static void unlink_row(struct ledger *l, struct row *e)
{
	if (l->cursor == e) {
		l->cursor = TAILQ_PREV(e, rows, by_version);
		if (!l->cursor)
			l->cursor = TAILQ_NEXT(e, by_version);
	}
	TAILQ_REMOVE(&l->rows, e, by_version);
}

static void drop(struct ledger *l, struct row *e)
{
	tdelete(e, &l->tree, compare);
	unlink_row(l, e);
	l->n--;
	l->n_graves -= e->kind == GRAVE;
	free(e->value);
	free(e);
}

void ledger__free(struct ledger *l)
{
	if (!l)
		return;
	while (!TAILQ_EMPTY(&l->rows))
		drop(l, TAILQ_FIRST(&l->rows));
	free(l);
}

static struct row *find(const struct ledger *l, const void *key, size_t key_len)
{
	struct row wanted = {.key = key, .key_len = (uint8_t)key_len};
	struct row *const *found = tfind(&wanted, &l->tree, compare);

	return found ? *found : NULL;
}

static struct row *add(struct ledger *l, const void *key, size_t key_len)
{
	struct row *e;

	if (l->n == LEDGER_ENTRIES) {
		errno = ENOSPC;
		return NULL;
	}
	e = calloc(1, sizeof(*e) + key_len);
	if (!e)
		return NULL;
	memcpy(e->key_bytes, key, key_len);
	e->key = e->key_bytes;
	e->key_len = (uint8_t)key_len;
	if (!tsearch(e, &l->tree, compare)) {
		free(e);
		errno = ENOMEM;
		return NULL;
	}
	TAILQ_INSERT_TAIL(&l->rows, e, by_version);
	l->n++;
	return e;
}

/* Graves are few, and the oldest ones are near the head unless many values are older. */
static void forget_graves(struct ledger *l)
{
	struct row *e = TAILQ_FIRST(&l->rows), *next;

	for (; e && l->n_graves > LEDGER_GRAVES / 2; e = next) {
		next = TAILQ_NEXT(e, by_version);
		if (e->kind == GRAVE) {
			l->forgotten = e->version;
			drop(l, e);
		}
	}
}

/* The item, a value, is what the key has now, as of `version`. */
static int set(struct ledger *l, const struct item *i, uint64_t version)
{
	struct row *e = find(l, i->key, i->key_len);
	uint8_t *value = NULL;

	if (i->len) {
		value = malloc(i->len);
		if (!value)
			return -ENOMEM;
		memcpy(value, i->value, i->len);
	}
	if (!e)
		e = add(l, i->key, i->key_len);
	if (!e) {
		free(value);
		return -errno;
	}
	l->n_graves -= e->kind == GRAVE;
	free(e->value);
	e->value = value;
	e->len = i->len;
	e->kind = VALUE;
	e->version = version;
	unlink_row(l, e);
	TAILQ_INSERT_TAIL(&l->rows, e, by_version);
	return 0;
}

/* Whether the key has that value, or none if the item is a grave. */
static bool has(const struct ledger *l, const struct item *i)
{
	const struct row *e = find(l, i->key, i->key_len);

	if (!e || e->kind == GRAVE)
		return i->kind == GRAVE;
	return i->kind == VALUE && e->len == i->len &&
	       (!i->len || memcmp(e->value, i->value, i->len) == 0);
}

int ledger__put(struct ledger *l, const void *key, size_t key_len, const void *value, size_t len)
{
	const struct item i = {VALUE, (uint8_t)key_len, (uint16_t)len, key, value};
	int rc;

	if (!key_len || key_len > LEDGER_KEY_MAX || len > LEDGER_VALUE_MAX)
		return -EINVAL;
	if (has(l, &i))
		return 0;
	rc = set(l, &i, l->version + 1);
	if (!rc)
		l->version++;
	return rc;
}

/* The row becomes a grave, which is the last change. */
static void bury(struct ledger *l, struct row *e)
{
	free(e->value);
	e->value = NULL;
	e->len = 0;
	e->kind = GRAVE;
	e->version = ++l->version;
	l->n_graves++;
	unlink_row(l, e);
	TAILQ_INSERT_TAIL(&l->rows, e, by_version);
}

void ledger__remove(struct ledger *l, const void *key, size_t key_len)
{
	struct row *e = find(l, key, key_len);

	if (!e || e->kind == GRAVE)
		return;
	bury(l, e);
	if (l->n_graves > LEDGER_GRAVES)
		forget_graves(l);
}

void ledger__retain(struct ledger *l, ledger_keep_cb *keep, void *ctx)
{
	struct row *e = TAILQ_FIRST(&l->rows), *next;
	uint64_t last = l->version;

	for (; e && e->version <= last; e = next) {
		next = TAILQ_NEXT(e, by_version);
		if (e->kind == VALUE && !keep(ctx, e->key, e->key_len))
			bury(l, e);
	}
	if (l->n_graves > LEDGER_GRAVES)
		forget_graves(l);
}

const void *ledger__get(const struct ledger *l, const void *key, size_t key_len, size_t *len)
{
	const struct row *e = find(l, key, key_len);

	if (!e || e->kind == GRAVE)
		return NULL;
	*len = e->len;
	return e->len ? e->value : e->key;
}

uint64_t ledger__version(const struct ledger *l)
{
	return l->version;
}

bool ledger__can_follow(const struct ledger *l, uint64_t version)
{
	return version <= l->version && version >= l->forgotten;
}

static size_t write_entry(const struct row *e, uint8_t *out)
{
	uint16_t len = htobe16(e->len);

	out[0] = e->kind;
	out[1] = e->key_len;
	memcpy(out + 2, &len, sizeof(len));
	memcpy(out + 4, e->key, e->key_len);
	if (e->len)
		memcpy(out + 4 + e->key_len, e->value, e->len);
	return 4u + e->key_len + e->len;
}

/* The first row that changed after `since`; NULL: none did. */
static struct row *first_after(struct ledger *l, uint64_t since)
{
	struct row *newest = TAILQ_LAST(&l->rows, rows), *e = l->cursor, *next;

	if (!newest || newest->version <= since)
		return NULL;
	/* A copy that is up to date lacks what is newest; one that is told much, what follows. */
	if (!e || newest->version - since < since - (e->version < since ? e->version : since))
		e = newest;
	while (e->version > since && (next = TAILQ_PREV(e, rows, by_version)))
		e = next;
	while (e->version <= since)
		e = TAILQ_NEXT(e, by_version);
	return e;
}

size_t ledger__write(struct ledger *l, uint64_t since, void *out, size_t room, uint64_t *upto)
{
	struct row *e = first_after(l, since);
	uint64_t from = htobe64(since), to = l->version;
	size_t at = LEDGER_PART_HEAD;

	if (since >= l->version)
		return 0;
	for (; e && e->version > since; e = TAILQ_NEXT(e, by_version)) {
		if (at + 4 + e->key_len + e->len > room) {
			/* The longest one has room, so there is one before it. */
			l->cursor = TAILQ_PREV(e, rows, by_version);
			to = l->cursor->version;
			break;
		}
		at += write_entry(e, (uint8_t *)out + at);
	}
	*upto = to;
	to = htobe64(to);
	memcpy(out, &from, sizeof(from));
	memcpy((uint8_t *)out + sizeof(from), &to, sizeof(to));
	return at;
}

/* The entry at *at of `part`, and *at behind it. False: there is none that is whole. */
static bool read_item(const uint8_t *part, size_t len, size_t *at, struct item *i)
{
	const uint8_t *p = part + *at;

	if (len - *at < 4)
		return false;
	i->kind = p[0];
	i->key_len = p[1];
	memcpy(&i->len, p + 2, sizeof(i->len));
	i->len = be16toh(i->len);
	if ((i->kind != VALUE && i->kind != GRAVE) || !i->key_len || i->len > LEDGER_VALUE_MAX ||
	    (i->kind == GRAVE && i->len) || len - *at < 4u + i->key_len + i->len)
		return false;
	i->key = p + 4;
	i->value = p + 4 + i->key_len;
	*at += 4u + i->key_len + i->len;
	return true;
}

static bool is_whole(const uint8_t *part, size_t len)
{
	size_t at = LEDGER_PART_HEAD;
	struct item i;

	while (at < len) {
		if (!read_item(part, len, &at, &i))
			return false;
	}
	return true;
}

int ledger__take(struct ledger *copy, const void *part, size_t len, ledger_change_cb *changed,
		 void *ctx)
{
	size_t at = LEDGER_PART_HEAD;
	uint64_t since, upto;
	struct item i;

	if (len < LEDGER_PART_HEAD || !is_whole(part, len))
		return -EBADMSG;
	memcpy(&since, part, sizeof(since));
	memcpy(&upto, (const uint8_t *)part + sizeof(since), sizeof(upto));
	since = be64toh(since);
	upto = be64toh(upto);
	if (upto <= since)
		return -EBADMSG;
	if (upto <= copy->version)
		return -EALREADY;
	if (since > copy->version)
		return -EAGAIN;
	while (at < len && read_item(part, len, &at, &i)) {
		int rc;

		if (has(copy, &i))
			continue;
		/* Values that go need no grave: a copy tells nobody. */
		if (i.kind == GRAVE) {
			drop(copy, find(copy, i.key, i.key_len));
		} else {
			rc = set(copy, &i, upto);
			if (rc)
				return rc;
		}
		changed(ctx, i.key, i.key_len, i.kind == GRAVE ? NULL : i.value, i.len);
	}
	copy->version = upto;
	return 0;
}

void ledger__each(const struct ledger *l, ledger_each_cb *each, void *ctx)
{
	const struct row *e;

	TAILQ_FOREACH (e, &l->rows, by_version) {
		if (e->kind == VALUE)
			each(ctx, e->key, e->key_len, e->value, e->len);
	}
}
