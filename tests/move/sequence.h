/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sequence.h - random sequences of packets, changes, writes and kills; the shortest that breaks. */
#ifndef FAIRLEAD_TESTS_MOVE_SEQUENCE_H
#define FAIRLEAD_TESTS_MOVE_SEQUENCE_H

#include "net.h"

#define MV_OPS_MAX 160

struct mv_sequence {
	uint32_t settings;
	uint32_t n;
	struct mv_op ops[MV_OPS_MAX];
};

void mv_sequence__make(struct mv_sequence *s, uint64_t seed);

/* Runs it in *net; true if no connection was broken without an excuse. */
bool mv_sequence__run(const struct mv_sequence *s, enum mv_broken broken, struct mv_net *net);

/* Takes out operations for as long as it still breaks. */
void mv_sequence__shrink(struct mv_sequence *s, enum mv_broken broken);

/* On stderr: each operation, and each packet with where it goes. */
void mv_sequence__show(const struct mv_sequence *s, enum mv_broken broken);

#endif
