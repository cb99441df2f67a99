/* SPDX-License-Identifier: GPL-2.0-or-later */
/* letters.h - with which letter each kind of key of a ledger begins. Those of earlier versions stay what they are. */
#ifndef FAIRLEAD_PEER_LETTERS_H
#define FAIRLEAD_PEER_LETTERS_H

#define PEER_LETTERS(X)          \
	X(PEER_FLOW_KEY, 'k')    \
	X(PEER_VERSION, 'v')     \
	X(PEER_CLOCK, 'w')       \
	X(PEER_SERVICE, 's')     \
	X(PEER_BACKEND, 'b')     \
	X(PEER_RECORDS, 'r')     \
	X(PEER_VRRP, 'g')        \
	X(PEER_WORD, 'o')        \
	X(PEER_ACCORD, 'a')      \
	X(PEER_EPOCH, 'e')       \
	X(PEER_SEATS, 't')       \
	X(PEER_POOL, 'n')        \
	X(PEER_ALIKE_ALL, 'c')   \
	X(PEER_ALIKE_GROUP, 'h') \
	X(PEER_ALIKE_SERVICE, 'd')

#define PEER_LETTER(name, letter) name = (letter),
enum peer_letter { PEER_LETTERS(PEER_LETTER) };
#undef PEER_LETTER

#define PEER_PLACE(name, letter) name##_PLACE,
enum { PEER_LETTERS(PEER_PLACE) PEER_PLACES };
#define PEER_BIT(name, letter) | 1u << ((letter) - 'a')
_Static_assert(__builtin_popcount(0 PEER_LETTERS(PEER_BIT)) == PEER_PLACES,
	       "two kinds of keys begin with one letter");
#undef PEER_BIT
#undef PEER_PLACE

#endif
