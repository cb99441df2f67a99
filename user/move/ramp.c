/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "move/ramp.h"

static uint32_t bounded(double n)
{
	return n <= 0 ? 0 : n >= UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

uint32_t ramp__budget(double per_slot, double expected)
{
	const uint32_t room = RAMP_RECORDS;
	double slots = per_slot > 0 ? (room - expected) / per_slot : UINT32_MAX;

	/* One that alone needs more than there is has to move some time. */
	return slots < 1 && expected < 1 ? 1 : bounded(slots);
}

uint32_t ramp__seconds(uint32_t waiting, double per_slot, double each_s)
{
	uint32_t wave = ramp__budget(per_slot, 0);
	double waves = waiting / (double)wave;

	if (!waiting)
		return 0;
	return bounded((waves < 1 ? 1 : waves) * each_s);
}
