/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scenario.h"

struct world_gates scenario__gates(uint32_t number)
{
	static const uint32_t few = 0, many = 4 | 8 | 16;
	const uint32_t more = number - SCENARIO_SETS;
	const bool extra = number >= SCENARIO_SETS;
	const uint32_t bits = !extra ? number : more & 1 ? many : few;

	return (struct world_gates){.wild = ~bits & 1,
				    .nat = ~bits & 2,
				    .sources = bits & 4,
				    .limits = bits & 8,
				    .lease = bits / 16 & 1,
				    .passive = (number ^ number / 8) & 1,
				    .peers = (number ^ number / 4) & 1,
				    .events = extra && more / 2 == 0,
				    .jumbo = extra && more / 2 == 1,
				    .capture = extra && more / 2 == 2,
				    .explain = extra && more / 2 == 3};
}
