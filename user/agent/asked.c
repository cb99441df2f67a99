/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/asked.h"

#include "core/fnv.h"

static uint32_t place_of(const struct addr *address)
{
	uint32_t h = fnv32(FNV32, address->b, sizeof(address->b));

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
