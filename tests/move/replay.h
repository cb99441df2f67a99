/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.h - the real program in the model's place: the same packets, the same maps.
 *
 * What the agent writes is copied from the model before each packet; what the program writes is its own,
 * and compared. Time stands still (a sequence takes less than a second, and is run again if a second
 * has begun meanwhile): to advance it, every time in the maps is set back.
 */
#ifndef FAIRLEAD_TESTS_MOVE_REPLAY_H
#define FAIRLEAD_TESTS_MOVE_REPLAY_H

#include "net.h"

struct replay;

/* Loads lb.bpf.o; NULL, with a message. */
struct replay *replay__new(void);
void replay__free(struct replay *r);

/* Forgets all flows; the model is at the beginning of a sequence. */
void replay__reset(struct replay *r, const struct mv *m);

/* Time has advanced by so many seconds. */
void replay__advance(struct replay *r, uint32_t seconds);

/* What the agent of `m` has written since the last call. */
void replay__write(struct replay *r, const struct mv *m);

/* The index of the backend that gets the packet; 0: nobody, 255: something else became of it. */
uint8_t replay__packet(struct replay *r, const struct mv_packet *p);

/* The sweeper's run, with what the model's has found; before mv_sweep__apply(). */
void replay__sweep(struct replay *r, const struct mv_agent *a);

void replay__evict(struct replay *r, uint32_t flow);

/* False, with a message: a flow's record or tentative record is not the model's. */
bool replay__same(struct replay *r, const struct mv *m, uint32_t flow);

#endif
