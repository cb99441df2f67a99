/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * word.h - which of two operators' words on a backend holds, said to agents that tell each other. Pure.
 *
 * A word is all that operators have said of a backend of a service: whether it is drained or disabled, and
 * what part of its weight it gets. Each has the number after that of the word before, wherever that was said: 1 to
 * 255, then 1 again, compared as serial numbers (RFC 1982, 3.2, with 255 of them). So the one that was said last
 * holds, whatever the clocks say. Two of one number were said at the same moment, or while the machines did
 * not hear each other: the more cautious one holds, on both.
 */
#ifndef FAIRLEAD_PEER_WORD_H
#define FAIRLEAD_PEER_WORD_H

#include <stdbool.h>
#include <stdint.h>

struct peer_word {
	uint8_t number; /* 0: nobody has said anything */
	uint8_t admin; /* enum fl_admin */
	uint8_t percent; /* of its weight, 0 to 100 */
};

/* Whether `a` holds where `b` has held so far. */
bool peer_word__is_newer(const struct peer_word *a, const struct peer_word *b);

/* The number after this one. */
uint8_t peer_word__next(uint8_t number);

#endif
