/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/word.h"

#define NUMBERS 255

bool peer_word__is_newer(const struct peer_word *a, const struct peer_word *b)
{
	unsigned int ahead = (a->number + NUMBERS - b->number) % NUMBERS;

	if (!a->number || !b->number)
		return a->number && !b->number;
	if (ahead)
		return ahead <= NUMBERS / 2;
	return a->admin != b->admin ? a->admin > b->admin : a->percent < b->percent;
}

uint8_t peer_word__next(uint8_t number)
{
	return (uint8_t)(number % NUMBERS + 1);
}
