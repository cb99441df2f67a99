/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offset.h - how far a peer's clock is from this machine's, of two clocks that never step back. Pure.
 *
 * A message says what the sender's clock showed, and by it a round trip is measured: the message was under way for
 * about half of that. How it was shared between there and back is not known, so a sample is wrong by half the round
 * trip at most; what waited in a queue, or for a process that stood still, is wrong by more than others. So of the
 * samples of the last 8 to 16 s the one with the shortest round trip counts (as RFC 5905, 10, has it). In that time
 * two clocks that run freely drift apart by 2 ms.
 */
#ifndef FAIRLEAD_PEER_OFFSET_H
#define FAIRLEAD_PEER_OFFSET_H

#include <stdbool.h>
#include <stdint.h>

#define PEER_OFFSET_WINDOW_US 8000000

struct peer_offset_sample {
	bool known;
	uint64_t rtt_us;
	int64_t us;
};

/* Zeroes: nothing is known. */
struct peer_offset {
	struct peer_offset_sample now, before; /* the best of this window, and of the last one */
	uint64_t since_us; /* when this window began */
};

/* A message that the peer sent when its clock showed `stamp_us` is here, and its round trip took `rtt_us`. */
void peer_offset__take(struct peer_offset *o, uint64_t now_us, uint64_t stamp_us, uint64_t rtt_us);

/* What is to be added to this machine's clock to have the peer's, in *us; false: it is not known. */
bool peer_offset__get(const struct peer_offset *o, int64_t *us);

#endif
