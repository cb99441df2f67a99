/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seats_fuzz.c - what a peer that has the key tells of seats. The first byte says which:
 *
 * even: any bytes, as values of the ledger, a length (2) and its bytes each: the epoch's, then those of the seats.
 * odd: seats from name, holder and weight, a byte each; they are told, and must be read as they were. With 2 in the
 * first byte the next two say which byte of the told ones is changed to what: the digest must tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/seats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SERVICE "web"
#define SLOTS 4096
#define MEMBERS 6
#define MOST_KEYS 40
#define MOST_SEATS 24

static const struct table_member members[MEMBERS] = {{"a", 100}, {"b", 100}, {"c", 50},
						     {"d", 1},	 {"e", 0},   {"f", 65535}};

static void must(int yes)
{
	if (!yes)
		abort();
}

/* What is read counts for these members, and is told on as it was told. */
static void check_read(const struct table_seats *s, const struct ledger *from)
{
	struct peer_seats told, again;
	struct ledger *l = ledger__new();
	struct table_seats *read;

	must(l && peer_seats__told(from, SERVICE, &told));
	must(s->epoch == told.epoch && table_seats__digest(s) == told.digest);
	must(!peer_seats__tell(l, SERVICE, s) && peer_seats__told(l, SERVICE, &again));
	must(!peer_seats__compare(&told, &again) && told.members == again.members);
	must(!peer_seats__read(l, SERVICE, members, MEMBERS, SLOTS, &read));
	must(table_seats__digest(read) == told.digest);
	table_seats__free(read);
	ledger__free(l);
}

static void look(const struct ledger *l)
{
	struct ledger *parts = peer_seats__extract(l);
	struct table_seats *s = NULL, *next = NULL;
	int rc = peer_seats__read(l, SERVICE, members, MEMBERS, SLOTS, &s);

	must(parts && (!rc || rc == -EAGAIN || rc == -EBADMSG));
	if (!rc)
		check_read(s, l);
	must(!peer_seats__next(NULL, members, MEMBERS, SLOTS, SERVICE, &parts, 1, &next, NULL));
	/* Who is configured has a seat, whatever a peer says. */
	must(next->n - table_seats__vacant(next) == MEMBERS - 1);
	table_seats__free(next);
	table_seats__free(s);
	ledger__free(parts);
}

static void raw(const uint8_t *data, size_t size)
{
	struct ledger *l = ledger__new();

	must(l != NULL);
	for (int n = 0; n < MOST_KEYS && size > 2; n++) {
		char key[24] = "e" SERVICE;
		size_t len = (size_t)data[0] << 8 | data[1], key_len = 1 + strlen(SERVICE);

		len = len < size - 2 ? len : size - 2;
		if (n)
			key_len =
				(size_t)snprintf(key, sizeof(key), "t" SERVICE "%c%d", '\0', n - 1);
		if (len <= LEDGER_VALUE_MAX)
			must(!ledger__put(l, key, key_len, data + 2, len));
		data += 2 + len;
		size -= 2 + len;
	}
	look(l);
	ledger__free(l);
}

static void name(char *to, uint8_t byte, const char *more)
{
	snprintf(to, FL_ID_LEN, "%c%s", 'a' + byte % 10, byte >= 128 ? more : "");
}

/* Another byte in the first key of seats, if there is one. */
static void spoil(struct ledger *l, uint8_t at, uint8_t with)
{
	static const char key[] = "t" SERVICE "\0"
				  "0";
	uint8_t changed[LEDGER_VALUE_MAX];
	size_t len = 0;
	const void *value = ledger__get(l, key, sizeof(key) - 1, &len);

	if (!value || !len)
		return;
	memcpy(changed, value, len);
	changed[at % len] ^= with;
	must(!ledger__put(l, key, sizeof(key) - 1, changed, len));
}

static void history(const uint8_t *data, size_t size, const uint8_t *change)
{
	struct fl_seat rows[MOST_SEATS] = {0};
	struct table_seats *told = NULL, *s = NULL;
	struct ledger *l = ledger__new();
	size_t n = 0;

	must(l != NULL);
	for (; n < MOST_SEATS && size >= 3; n++, data += 3, size -= 3) {
		name(rows[n].name, data[0], "#2");
		name(rows[n].holder, data[1], "-gone");
		rows[n].weight = data[2] % 10 ? data[2] : 100;
	}
	if (!table_seats__from(rows, n, &told, NULL) &&
	    !table_seats__next(told, members, MEMBERS, SLOTS, &s, NULL)) {
		s->epoch = 1 + (uint32_t)n;
		must(!peer_seats__tell(l, SERVICE, s));
		if (change)
			spoil(l, change[0], change[1]);
		look(l);
	}
	table_seats__free(told);
	table_seats__free(s);
	ledger__free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (*data % 2 && *data & 2 && size > 3)
		history(data + 3, size - 3, data + 1);
	else if (*data % 2)
		history(data + 1, size - 1, NULL);
	else
		raw(data + 1, size - 1);
	return 0;
}
