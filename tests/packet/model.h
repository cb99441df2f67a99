/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - what the programs have to make of any bytes at all, said a second time and more simply.
 *
 * For frames that no description gives: the randomised tests compare verdict and every byte with it.
 * It reads by offset from the start, knows no pointers into packets and shares nothing with bpf/.
 */
#ifndef FAIRLEAD_TESTS_PACKET_MODEL_H
#define FAIRLEAD_TESTS_PACKET_MODEL_H

#include "rig.h"

/* lb on a rig whose services all point at backend `index`: the verdict, and the frame that results. */
enum fl_verdict model__lb(const struct rig *r, const struct frame *in, uint32_t index,
			  struct frame *out);

/* decap: true when the frame passes (stripped or not), false when it is dropped. */
bool model__decap(const struct frame *in, struct frame *out);

#endif
