/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/limit.h"

uint8_t limit__parts(uint8_t cap, uint8_t parts, uint8_t of, double per_s, uint32_t max_per_s)
{
	if (per_s > max_per_s)
		return (uint8_t)(parts * (max_per_s / per_s));
	if (per_s < LIMIT_CALM * max_per_s && cap < of)
		cap++;
	return cap;
}

bool limit__is_full(bool was, uint32_t flows, uint32_t max)
{
	return was ? flows >= LIMIT_CALM * max : flows > max;
}
