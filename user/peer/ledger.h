/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger.h - what one peer tells the others: keys with values, and how a copy follows them.
 *
 * Each change gets the next version, and a key has only its last one: what changes often is told once.
 * The others are sent, in the order of versions, what is newer than what they have; a part says "all that
 * changed after `since` and up to `upto`", so a copy knows whether it may take it, and a lost part is sent
 * again whatever has changed meanwhile. A key that goes leaves a grave, which is told like a value. Graves
 * are bounded; who is behind the last one that was forgotten starts anew.
 *
 * A part: since (8), upto (8), then entries: kind (1: value, 2: grave), key's length (1), value's
 * length (2), key, value. All in network order. Pure.
 */
#ifndef FAIRLEAD_PEER_LEDGER_H
#define FAIRLEAD_PEER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_KEY_MAX 255
#define LEDGER_VALUE_MAX 512
#define LEDGER_PART_HEAD 16
#define LEDGER_PART_MIN (LEDGER_PART_HEAD + 4 + LEDGER_KEY_MAX + LEDGER_VALUE_MAX)
#define LEDGER_ENTRIES (1 << 18) /* of one ledger, and of a copy */
#define LEDGER_GRAVES 4096

struct ledger;

/* Empty, at version 0; NULL: out of memory. */
struct ledger *ledger__new(void);
void ledger__free(struct ledger *l);

/* Sets a value; the same one again changes nothing. -ENOMEM, -ENOSPC (LEDGER_ENTRIES), -EINVAL (a length). */
int ledger__put(struct ledger *l, const void *key, size_t key_len, const void *value, size_t len);

/* Takes a key away, if it is there. */
void ledger__remove(struct ledger *l, const void *key, size_t key_len);

/* Takes away each key that `keep` is false of; it must not change the ledger. */
typedef bool ledger_keep_cb(void *ctx, const void *key, size_t key_len);
void ledger__retain(struct ledger *l, ledger_keep_cb *keep, void *ctx);

/* The value, its length in *len; NULL: there is none. Valid until the ledger changes. */
const void *ledger__get(const struct ledger *l, const void *key, size_t key_len, size_t *len);

/* Of the last change. */
uint64_t ledger__version(const struct ledger *l);

/*
 * Whether a copy can follow that has all changes up to `version`, or that started, empty, when the ledger
 * was at it. If not, graves are forgotten that it lacks: it has to start anew.
 */
bool ledger__can_follow(const struct ledger *l, uint64_t version);

/*
 * Writes the next part for a copy of version `since`, at most `room` bytes (LEDGER_PART_MIN or more).
 * Returns its length, and in *upto the version of a copy that takes it; 0: the copy has it all.
 */
size_t ledger__write(struct ledger *l, uint64_t since, void *out, size_t room, uint64_t *upto);

/* A change of a copy; value NULL: the key has gone. */
typedef void ledger_change_cb(void *ctx, const void *key, size_t key_len, const void *value,
			      size_t len);

/*
 * Has a copy take a part, and tells of each value that is new, changed or gone. -EAGAIN: a part before
 * it is missing; -EALREADY: the copy has all of it; -EBADMSG: it is malformed; -ENOMEM, -ENOSPC. But for
 * the last two, what fails changes nothing.
 */
int ledger__take(struct ledger *copy, const void *part, size_t len, ledger_change_cb *changed,
		 void *ctx);

/* Each key that has a value, in no order; `each` must not change the ledger. */
typedef void ledger_each_cb(void *ctx, const void *key, size_t key_len, const void *value,
			    size_t len);
void ledger__each(const struct ledger *l, ledger_each_cb *each, void *ctx);

#endif
