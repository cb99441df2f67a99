/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/pool.h"

#include <endian.h>
#include <string.h>

#include "peer/letters.h"

#define HEAD 6
#define MOST (HEAD + FL_SNAT_ADDRS * (4 + 16))
_Static_assert(MOST <= LEDGER_VALUE_MAX, "a pool is told in one value");

static const char key = PEER_POOL;

static void put16(uint8_t *to, uint16_t value)
{
	value = htobe16(value);
	memcpy(to, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return be16toh(value);
}

int peer_pool__tell(struct ledger *l, const struct peer_pool *p)
{
	uint8_t value[MOST], *to = value + HEAD, n4 = 0, n6 = 0;

	put16(value, p->first);
	put16(value + 2, p->last);
	for (size_t i = 0; i < p->n; i++) {
		if (!addr__is4(&p->addrs[i]))
			continue;
		memcpy(to, p->addrs[i].b + 12, 4);
		to += 4;
		n4++;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (addr__is4(&p->addrs[i]))
			continue;
		memcpy(to, p->addrs[i].b, 16);
		to += 16;
		n6++;
	}
	value[4] = n4;
	value[5] = n6;
	return ledger__put(l, &key, 1, value, (size_t)(to - value));
}

bool peer_pool__read(const struct ledger *l, struct peer_pool *out)
{
	size_t len = 0;
	const uint8_t *value = ledger__get(l, &key, 1, &len), *from;

	if (!value || len < HEAD || value[4] > FL_SNAT_ADDRS || value[5] > FL_SNAT_ADDRS ||
	    len < HEAD + 4u * value[4] + 16u * value[5])
		return false;
	*out = (struct peer_pool){.first = get16(value), .last = get16(value + 2)};
	from = value + HEAD;
	for (unsigned int i = 0; i < value[4]; i++, from += 4)
		out->addrs[out->n++] = addr__from_bytes(AF_INET, from);
	for (unsigned int i = 0; i < value[5]; i++, from += 16)
		out->addrs[out->n++] = addr__from_bytes(AF_INET6, from);
	return true;
}

/* How many of a's addresses b has. */
static size_t shared(const struct peer_pool *a, const struct peer_pool *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < b->n; j++) {
			if (addr__equal(&a->addrs[i], &b->addrs[j])) {
				n++;
				break;
			}
		}
	}
	return n;
}

enum peer_pools peer_pool__compare(const struct ledger *ours, const struct ledger *theirs)
{
	struct peer_pool a, b;
	size_t both;

	if (!peer_pool__read(ours, &a) || !peer_pool__read(theirs, &b) || !a.n || !b.n)
		return PEER_POOLS_UNTOLD;
	both = shared(&a, &b);
	if (both && a.first <= b.last && b.first <= a.last)
		return PEER_POOLS_OVERLAP;
	return both == a.n && shared(&b, &a) == b.n ? PEER_POOLS_SHARED : PEER_POOLS_APART;
}
