/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/seats.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/facts.h"
#include "peer/letters.h"

#define EPOCH_LEN 28
#define ROW_MAX (FL_SEAT_LEN + FL_ID_LEN + 2)

/* --- what is greater ------------------------------------------------------------------------------ */

static uint64_t member_digest(const char *id, uint32_t weight)
{
	uint32_t w = htobe32(weight);
	struct peer_digest d;

	peer_digest__init(&d);
	peer_digest__add(&d, id, strlen(id) + 1);
	peer_digest__add(&d, &w, sizeof(w));
	return peer_digest__end(&d);
}

struct peer_seats peer_seats__of(const struct table_seats *s)
{
	struct peer_seats told = {
		.epoch = s->epoch,
		.n = (uint32_t)s->n,
		.digest = table_seats__digest(s),
	};

	for (size_t i = 0; i < s->n; i++) {
		if (s->member[i] != TABLE_NONE)
			told.members += member_digest(s->rows[i].holder, s->rows[i].weight);
	}
	return told;
}

int peer_seats__compare(const struct peer_seats *a, const struct peer_seats *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->digest == b->digest ? 0 : a->digest < b->digest ? -1 : 1;
}

bool peer_seats__goes_before(const struct peer_seats *told, const struct peer_seats *mine,
			     bool fresh)
{
	if (told->members != mine->members)
		return false;
	return fresh && told->epoch == mine->epoch ? told->digest != mine->digest
						   : peer_seats__compare(told, mine) > 0;
}

/* --- keys and values ------------------------------------------------------------------------------ */

struct key {
	char bytes[1 + FL_NAME_LEN + 12];
	size_t len;
};

static struct key epoch_key(const char *service)
{
	struct key k;

	k.len = (size_t)snprintf(k.bytes, sizeof(k.bytes), "%c%.*s", PEER_EPOCH, FL_NAME_LEN - 1,
				 service);
	return k;
}

static struct key seats_key(const char *service, uint32_t number)
{
	struct key k;

	k.len = (size_t)snprintf(k.bytes, sizeof(k.bytes), "%c%.*s%c%u", PEER_SEATS,
				 FL_NAME_LEN - 1, service, '\0', number);
	return k;
}

static void put32(uint8_t *to, uint32_t v)
{
	v = htobe32(v);
	memcpy(to, &v, sizeof(v));
}

static void put64(uint8_t *to, uint64_t v)
{
	v = htobe64(v);
	memcpy(to, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t v;

	memcpy(&v, from, sizeof(v));
	return be32toh(v);
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t v;

	memcpy(&v, from, sizeof(v));
	return be64toh(v);
}

static bool read_epoch(const struct ledger *l, const char *service, struct peer_seats *out,
		       uint32_t *keys)
{
	const struct key k = epoch_key(service);
	size_t len = 0;
	const uint8_t *value = ledger__get(l, k.bytes, k.len, &len);

	/* A later version may say more behind it. */
	if (!value || len < EPOCH_LEN)
		return false;
	*out = (struct peer_seats){
		.epoch = get32(value),
		.n = get32(value + 4),
		.digest = get64(value + 8),
		.members = get64(value + 16),
	};
	*keys = get32(value + 24);
	return true;
}

bool peer_seats__told(const struct ledger *l, const char *service, struct peer_seats *out)
{
	uint32_t keys;

	return read_epoch(l, service, out, &keys);
}

bool peer_seats__is_key(const void *key, size_t key_len)
{
	const char *k = key;

	return key_len && (k[0] == PEER_EPOCH || k[0] == PEER_SEATS);
}

struct extract {
	struct ledger *to;
	int rc;
};

static void extract_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct extract *e = ctx;

	if (!e->rc && peer_seats__is_key(key, key_len))
		e->rc = ledger__put(e->to, key, key_len, value, len);
}

struct ledger *peer_seats__extract(const struct ledger *l)
{
	struct extract e = {.to = ledger__new()};

	if (!e.to)
		return NULL;
	ledger__each(l, extract_one, &e);
	if (!e.rc)
		return e.to;
	ledger__free(e.to);
	return NULL;
}

/* --- telling -------------------------------------------------------------------------------------- */

static bool is_implied(const struct table_seats *s, size_t i)
{
	return s->member[i] != TABLE_NONE && strcmp(s->rows[i].name, s->rows[i].holder) == 0;
}

static size_t write_row(const struct fl_seat *row, uint8_t *out)
{
	size_t name = strlen(row->name) + 1, holder = strlen(row->holder) + 1;
	uint16_t weight = htobe16((uint16_t)row->weight);

	memcpy(out, row->name, name);
	memcpy(out + name, row->holder, holder);
	memcpy(out + name + holder, &weight, sizeof(weight));
	return name + holder + sizeof(weight);
}

/* As many as one value holds, from *i on. */
static size_t write_rows(const struct table_seats *s, size_t *i, uint8_t out[LEDGER_VALUE_MAX])
{
	size_t len = 0;

	for (; *i < s->n && len + ROW_MAX <= LEDGER_VALUE_MAX; (*i)++) {
		if (!is_implied(s, *i))
			len += write_row(&s->rows[*i], out + len);
	}
	return len;
}

static int tell_epoch(struct ledger *l, const char *service, const struct table_seats *s,
		      uint32_t keys)
{
	const struct peer_seats told = peer_seats__of(s);
	const struct key k = epoch_key(service);
	uint8_t value[EPOCH_LEN];

	put32(value, told.epoch);
	put32(value + 4, told.n);
	put64(value + 8, told.digest);
	put64(value + 16, told.members);
	put32(value + 24, keys);
	return ledger__put(l, k.bytes, k.len, value, sizeof(value));
}

int peer_seats__tell(struct ledger *l, const char *service, const struct table_seats *s)
{
	uint8_t value[LEDGER_VALUE_MAX];
	uint32_t before = 0, keys = 0;
	struct peer_seats told;
	int rc = 0;

	read_epoch(l, service, &told, &before);
	for (size_t i = 0; i < s->n && !rc;) {
		size_t len = write_rows(s, &i, value);
		struct key k = seats_key(service, keys);

		if (!len)
			break;
		keys++;
		rc = ledger__put(l, k.bytes, k.len, value, len);
	}
	for (uint32_t i = keys; i < before; i++) {
		struct key k = seats_key(service, i);

		ledger__remove(l, k.bytes, k.len);
	}
	return rc ? rc : tell_epoch(l, service, s, keys);
}

/* --- reading -------------------------------------------------------------------------------------- */

struct rows {
	struct fl_seat *list;
	size_t n, max;
};

/* A text of 1 to size - 1 bytes and its NUL; its length with that, 0: there is none. */
static size_t read_text(const uint8_t *from, size_t len, char *to, size_t size)
{
	size_t n = strnlen((const char *)from, len);

	if (!n || n == len || n >= size)
		return 0;
	memcpy(to, from, n + 1);
	return n + 1;
}

static int read_rows(const uint8_t *value, size_t len, struct rows *rows)
{
	for (size_t at = 0; at < len;) {
		struct fl_seat row = {0};
		size_t name = read_text(value + at, len - at, row.name, sizeof(row.name));
		size_t holder;
		uint16_t weight;

		at += name;
		holder = read_text(value + at, len - at, row.holder, sizeof(row.holder));
		at += holder;
		if (!name || !holder || len - at < sizeof(weight) || rows->n == rows->max)
			return -EBADMSG;
		memcpy(&weight, value + at, sizeof(weight));
		at += sizeof(weight);
		row.weight = be16toh(weight);
		rows->list[rows->n++] = row;
	}
	return 0;
}

static int compare_holders(const void *a, const void *b)
{
	return strcmp(((const struct fl_seat *)a)->holder, ((const struct fl_seat *)b)->holder);
}

/* Of the members that have none so far: seats that bear their names. */
static int add_implied(struct rows *rows, const struct table_member *members, size_t n)
{
	size_t told = rows->n;

	qsort(rows->list, told, sizeof(*rows->list), compare_holders);
	for (size_t i = 0; i < n; i++) {
		struct fl_seat row = {.weight = members[i].weight};

		if (!row.weight || strlen(members[i].id) >= sizeof(row.holder))
			continue;
		strcpy(row.name, members[i].id);
		strcpy(row.holder, members[i].id);
		if (bsearch(&row, rows->list, told, sizeof(row), compare_holders))
			continue;
		if (rows->n == rows->max)
			return -EAGAIN;
		rows->list[rows->n++] = row;
	}
	return 0;
}

static int collect(const struct ledger *l, const char *service, uint32_t keys, struct rows *rows)
{
	for (uint32_t i = 0; i < keys; i++) {
		struct key k = seats_key(service, i);
		size_t len = 0;
		const void *value = ledger__get(l, k.bytes, k.len, &len);
		int rc = value ? read_rows(value, len, rows) : -EAGAIN;

		if (rc)
			return rc;
	}
	return 0;
}

/* Rule 1, for what was told so far: has it for these members. */
static int seat(const struct table_seats *told, const struct peer_seats *want,
		const struct table_member *members, size_t n, uint32_t slots,
		struct table_seats **out)
{
	struct table_seats *s;
	int rc = table_seats__next(told, members, n, slots, &s, NULL);

	if (rc)
		return rc == -ENOMEM ? rc : -EBADMSG;
	if (peer_seats__of(s).members != want->members)
		rc = -EAGAIN;
	else if (table_seats__digest(s) != want->digest)
		rc = -EBADMSG;
	if (rc) {
		table_seats__free(s);
		return rc;
	}
	s->epoch = want->epoch;
	*out = s;
	return 0;
}

int peer_seats__read(const struct ledger *l, const char *service,
		     const struct table_member *members, size_t n, uint32_t slots,
		     struct table_seats **out)
{
	struct table_seats *told = NULL;
	struct peer_seats want;
	struct rows rows = {0};
	uint32_t keys;
	int rc;

	if (!read_epoch(l, service, &want, &keys))
		return -EAGAIN;
	if (want.n > TABLE_MAX_MEMBERS || keys > want.n)
		return -EBADMSG;
	rows.max = want.n;
	rows.list = calloc(rows.max + 1, sizeof(*rows.list));
	if (!rows.list)
		return -ENOMEM;
	rc = collect(l, service, keys, &rows);
	if (!rc)
		rc = add_implied(&rows, members, n);
	if (!rc)
		rc = table_seats__from(rows.list, rows.n, &told, NULL);
	free(rows.list);
	if (rc)
		return rc == -EINVAL ? -EBADMSG : rc;
	rc = seat(told, &want, members, n, slots, out);
	table_seats__free(told);
	return rc;
}

/* --- what comes next ------------------------------------------------------------------------------ */

int peer_seats__next(const struct table_seats *old, const struct table_member *members, size_t n,
		     uint32_t slots, const char *service, struct ledger *const *ledgers,
		     size_t n_ledgers, struct table_seats **out, struct err *err)
{
	struct table_seats *s = NULL;
	int rc = table_seats__next(old, members, n, slots, &s, err);
	bool fresh;

	if (rc)
		return rc;
	fresh = !old || table_seats__digest(s) != table_seats__digest(old);
	for (size_t i = 0; i < n_ledgers; i++) {
		struct peer_seats mine = peer_seats__of(s), told;
		struct table_seats *theirs;

		if (!peer_seats__told(ledgers[i], service, &told) ||
		    !peer_seats__goes_before(&told, &mine, fresh) ||
		    peer_seats__read(ledgers[i], service, members, n, slots, &theirs))
			continue;
		table_seats__free(s);
		s = theirs;
		fresh = false;
	}
	*out = s;
	return 0;
}
