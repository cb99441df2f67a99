/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told.h - what the program says of packets, beside what it does with them: `fairlead explain`, which runs it
 * before a packet comes and may change nothing, and `fairlead capture`.
 */
#ifndef FAIRLEAD_TESTS_MODEL_TOLD_H
#define FAIRLEAD_TESTS_MODEL_TOLD_H

#include "model.h"
#include "real.h"

struct told;

/* As the world's gates want it; NULL, with a message: it cannot be loaded. */
struct told *told__new(const struct real *r, const struct world *w);
void told__free(struct told *t);

/* Before the program gets the packet: asks what will become of it. 0 or -errno. */
int told__before(struct told *t, const struct frame *in, uint32_t ingress);

/* And afterwards: does what was said, and what was copied, go with what the model says? `action`: enum xdp_action. */
bool told__agrees(struct told *t, const struct frame *in, const struct outcome *want,
		  uint32_t action);

#endif
