/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * voice.h - whether what a peer says counts now, and whether it will say it again in a moment. Pure.
 *
 * A peer counts while it is heard and had told all within its patience: what a change has not reached yet is
 * fresh, what lags behind for longer is stale. One that starts anew tells all again, and its copy is empty at
 * first: until it has, for as long as it counts, nothing is concluded from what is missing. The same holds for
 * one that was never heard, for its patience, as this agent may be the one that started.
 */
#ifndef FAIRLEAD_PEER_VOICE_H
#define FAIRLEAD_PEER_VOICE_H

#include <stdbool.h>
#include <stdint.h>

struct peer_voice {
	bool counts;
	bool filling; /* it tells all again */
	uint64_t made_us; /* when it was first listened for */
	uint64_t whole_us; /* when it had last told all; 0: never */
};

/* What is known of the peer now. */
struct peer_sound {
	bool up, whole; /* it is heard; all that it has told has arrived */
	uint64_t now_us; /* of a clock that never steps back, and is not 0 */
	uint64_t patience_us; /* how long it may be silent */
};

void peer_voice__begin(struct peer_voice *v, uint64_t now_us);

/* All that it has told is void. */
void peer_voice__cleared(struct peer_voice *v);

/* To be called after each change; true: all that it says is to be looked at anew. */
bool peer_voice__follow(struct peer_voice *v, const struct peer_sound *s);

/* After that: it is better waited for, for no longer than its patience. */
bool peer_voice__is_expected(const struct peer_voice *v, const struct peer_sound *s);

#endif
