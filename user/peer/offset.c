/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/offset.h"

/* A window has ended, or several without a message: what is older than the last one is forgotten. */
static void turn(struct peer_offset *o, uint64_t now_us)
{
	uint64_t age_us = now_us - o->since_us;

	if (o->since_us && age_us < PEER_OFFSET_WINDOW_US)
		return;
	o->before = age_us < 2ull * PEER_OFFSET_WINDOW_US ? o->now : (struct peer_offset_sample){0};
	o->now = (struct peer_offset_sample){0};
	o->since_us = now_us;
}

void peer_offset__take(struct peer_offset *o, uint64_t now_us, uint64_t stamp_us, uint64_t rtt_us)
{
	turn(o, now_us);
	if (o->now.known && o->now.rtt_us < rtt_us)
		return;
	o->now = (struct peer_offset_sample){
		.known = true,
		.rtt_us = rtt_us,
		/* Clocks count from any moment, so the difference may have either sign. */
		.us = (int64_t)(stamp_us + rtt_us / 2 - now_us),
	};
}

bool peer_offset__get(const struct peer_offset *o, int64_t *us)
{
	const struct peer_offset_sample *best = &o->now;

	if (o->before.known && (!o->now.known || o->before.rtt_us < o->now.rtt_us))
		best = &o->before;
	if (best->known)
		*us = best->us;
	return best->known;
}
