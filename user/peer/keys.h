/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.h - the keys that peers have in common, from a file. */
#ifndef FAIRLEAD_PEER_KEYS_H
#define FAIRLEAD_PEER_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define PEER_KEYS 2
#define PEER_KEY_LEN 32

struct peer_key {
	uint8_t bytes[PEER_KEY_LEN];
	uint32_t hint; /* a hash of the key, by which a datagram says what it is sealed with */
};

/*
 * The first seals, all of them open. To rotate: the new key goes behind the old one on every peer, then
 * before it on every peer, then the old one goes.
 */
struct peer_keys {
	struct peer_key key[PEER_KEYS];
	size_t n; /* 1..PEER_KEYS */
};

/*
 * Reads a file of one or two lines of 64 hexadecimal digits each; empty lines and those that begin with
 * '#' don't count. Refused: a file that others than its owner and group can read or write; anything else
 * in it; the same key twice. The error never quotes what the file holds.
 */
int peer_keys__read(const char *path, struct peer_keys *out, struct err *err);

/* Out of memory's sight. */
void peer_keys__wipe(struct peer_keys *k);

#endif
