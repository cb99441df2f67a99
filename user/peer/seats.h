/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seats.h - seats (table/seats.h) that agents tell each other, and whose are the ones to have: pure.
 *
 * Who sits where depends on the order of past changes, and two agents may have seen another one. So each
 * tells its seats, and how they compare: first by epoch, how often they have become others; then by
 * their number, as fresh ones are the fewest; then by digest. This is a total order, and the rules are:
 *
 *   1. Seats count for an agent if they are made for what it has configured itself: the same ids with
 *      the same weights, where table_seats__next() leaves them as they are.
 *   2. Of those that count, an agent has the greatest, as soon as it knows of them.
 *   3. A change of the configuration makes seats of a greater epoch from an agent's own ones, unless it
 *      knows of seats for the new configuration whose epoch is not less: it takes these instead, since
 *      its slots move anyway, and theirs need not.
 *
 * Between two changes an agent's seats only become greater, so nothing is taken over twice. Agents with
 * one configuration that hear of each other, if only by others between them, all have the greatest of
 * their seats in the end, whoever said what first. Who has these moves nothing. While configurations
 * differ, as during a roll-out, nobody follows anybody.
 *
 *   'e' service              epoch (4), number of seats (4), digest (8), digest of the members (8),
 *                            number of the keys below (4)
 *   't' service NUL number   some of the seats: name NUL holder NUL weight (2), ...
 *
 * Seats that are named by the backend that sits there are not told: who has the same backends knows them.
 */
#ifndef FAIRLEAD_PEER_SEATS_H
#define FAIRLEAD_PEER_SEATS_H

#include "peer/ledger.h"
#include "table/seats.h"

/* What is told of a service's seats at first. */
struct peer_seats {
	uint32_t epoch;
	uint32_t n;
	uint64_t digest; /* table_seats__digest() */
	uint64_t members; /* who has a seat, and of which weight, in any order */
};

struct peer_seats peer_seats__of(const struct table_seats *s);

/* Less than, equal to, greater than 0, as `a` is to `b`. */
int peer_seats__compare(const struct peer_seats *a, const struct peer_seats *b);

/*
 * Whether what is told comes in the place of what an agent has, or (`fresh`) is about to have, so that
 * nobody is served over it yet: this gives way to what has its epoch. By their members, and rules 2 and 3.
 */
bool peer_seats__goes_before(const struct peer_seats *told, const struct peer_seats *mine,
			     bool fresh);

/* Tells of a service's seats, in place of what was told before. Errors: as ledger__put(). */
int peer_seats__tell(struct ledger *l, const char *service, const struct table_seats *s);

/* False: nothing is told. */
bool peer_seats__told(const struct ledger *l, const char *service, struct peer_seats *out);

/* Whether a key of a ledger is about seats. */
bool peer_seats__is_key(const void *key, size_t key_len);

/* What a ledger tells of seats, as a ledger of its own; NULL: out of memory. */
struct ledger *peer_seats__extract(const struct ledger *l);

/*
 * The seats that are told of a service, as those of these members, if they count for them (rule 1), with
 * the epoch that is told. -EAGAIN: there is nothing, or a part, or they are other members' seats; -EBADMSG:
 * they are malformed, or not what their digest says, or not what table_seats__next() would leave; -ENOMEM.
 */
int peer_seats__read(const struct ledger *l, const char *service,
		     const struct table_member *members, size_t n, uint32_t slots,
		     struct table_seats **out);

/*
 * What follows `old` (NULL: none) for these members, by rule 3 and then rule 2, when peers have told
 * `ledgers`. Errors as table_seats__next().
 */
int peer_seats__next(const struct table_seats *old, const struct table_member *members, size_t n,
		     uint32_t slots, const char *service, struct ledger *const *ledgers,
		     size_t n_ledgers, struct table_seats **out, struct err *err);

#endif
