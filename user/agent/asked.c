/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/asked.h"

static uint32_t place_of(const struct addr *address)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < sizeof(address->b); i++)
		h = (h ^ address->b[i]) * 16777619u;
	return (h ^ h >> 16) % ASKED_PLACES;
}

bool asked__due(struct asked *a, const struct addr *address, uint64_t now_ns)
{
	uint32_t at = place_of(address);

	if (a->at_ns[at] && addr__equal(&a->address[at], address) &&
	    now_ns - a->at_ns[at] < ASKED_PAUSE_NS)
		return false;
	a->address[at] = *address;
	a->at_ns[at] = now_ns;
	return true;
}
