/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_seats.h - the seats of a service, over which its base table is computed (user/table/seats.h).
 *
 * `seats/<service id>` is an array with a row for each, by name. The agent writes it, another agent reads
 * it, packets don't. It is never changed: other seats are another array, which takes its place in the
 * folder by rename(2), so that whoever looks finds the one or the other, whole.
 */
#ifndef FAIRLEAD_ABI_SEATS_H
#define FAIRLEAD_ABI_SEATS_H

#define FL_SEAT_LEN \
	80 /* bytes of a seat's name, the closing NUL included: an id and "#2", "#3", … */

struct fl_seat {
	char name[FL_SEAT_LEN]; /* decides the seat's slots; "": no seat, the service has none */
	char holder[FL_ID_LEN]; /* id of the backend that has it, or had it last if it is vacant */
	__u32 weight; /* 1..65535 */
	__u32 epoch; /* of them all, the same in each row, also where there is no seat */
};
_Static_assert(sizeof(struct fl_seat) == 152, "fl_seat");

#endif /* FAIRLEAD_ABI_SEATS_H */
