/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seats.h - over what a service's base table is computed, so that it outlives the backends: pure.
 *
 * A base over the configured backends would be another one whenever a backend comes or goes, and
 * Maglev then moves more than it must. So it is computed over seats. A seat has a name, which decides
 * its slots (at first the id of the backend that it was made for), a weight, and a holder. When the
 * holder is no longer configured, the seat is vacant: nothing but that changes, and its slots spread
 * along their chains as those of a dead backend do. A backend that comes sits down
 *
 *   1. where it sat last, if nobody has taken the seat since;
 *   2. else on the vacant seat of its weight that a hash of the seat's name and its id puts first;
 *   3. else on the vacant seat whose weight is the nearest, which gets its weight;
 *   4. else on a new seat, named by its id, or id#2 and so on if a seat has that name already.
 *
 * In 1 and 2 the base stays, and no slots move but the seat's own; 3, 4 and a new weight of a backend
 * that stays make another base. A backend of weight 0 needs no seat: it has left the one that it had.
 *
 * What the chain spreads it spreads by chance: with a share v of the weights vacant and q slots a seat
 * on average, backends differ by a standard deviation of sqrt(v (1 - v) / q) of their share. Once that
 * would exceed 1/32, all vacant seats are dropped, and the base is another one without them. To drop
 * them earlier is never worth it: the slots that have gone along their chains all move once more.
 *
 * There is history in this, but nothing else: equal seats and an equal configuration make equal seats
 * on every machine. How much history is the epoch: it is 1 for fresh seats, and one more each time that
 * they become others. What machines make of each other's seats: peer/seats.h.
 */
#ifndef FAIRLEAD_TABLE_SEATS_H
#define FAIRLEAD_TABLE_SEATS_H

#include "fairlead/abi.h"
#include "table/table.h"

struct table_seats {
	size_t n;
	uint32_t epoch; /* UINT32_MAX: and more */
	struct fl_seat *rows; /* sorted by name (strcmp), zero-padded; `epoch` is not kept here */
	/* Of each: its holder's place among the members it was made for, or TABLE_NONE: vacant. */
	uint16_t *member;
};

/*
 * Seats from rows in any order, as a pinned map or another machine has them; all are vacant, the epoch
 * is 0 until the caller sets it, and `rows` stays the caller's. -EINVAL: they can't be seats (names or holders that are empty, not
 * terminated or there twice; weights outside 1..65535); -ENOMEM.
 */
int table_seats__from(const struct fl_seat *rows, size_t n, struct table_seats **out,
		      struct err *err);

/*
 * The seats that come after `old` (NULL: none, a fresh start) when these members are configured, in any
 * order, for a table of `slots`. What is vacant in `old` does not count, only the holders. Without a
 * change of members: the same seats, and the same epoch. -EINVAL: too many members, two equal ids, or an id longer than
 * FL_ID_LEN - 1; -ENOMEM. Takes a second for 30 000 members that replace 30 000 others: run it on the worker.
 */
int table_seats__next(const struct table_seats *old, const struct table_member *members, size_t n,
		      uint32_t slots, struct table_seats **out, struct err *err);

/* The same seats, as what table_seats__next() goes on from; NULL: out of memory. */
struct table_seats *table_seats__copy(const struct table_seats *s);

/* The base over the seats: its ordinals are places in `rows`. Errors as table_base__new(). */
int table_seats__base(const struct table_seats *s, uint32_t slots, struct table_base **out,
		      struct err *err);

/* How many are vacant. */
size_t table_seats__vacant(const struct table_seats *s);

/* 64 bits that tell names, holders and weights from others; not who is vacant, not the epoch. 0 for NULL. */
uint64_t table_seats__digest(const struct table_seats *s);

void table_seats__free(struct table_seats *s);

#endif
