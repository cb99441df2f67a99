/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - what decap has to make of any bytes at all, said a second time and more simply.
 *
 * For frames that no description gives: the randomised test compares action and every byte with it.
 * It reads by offset from the start, knows no pointers into packets and shares nothing with bpf/.
 */
#ifndef FAIRLEAD_TESTS_PACKET_MODEL_H
#define FAIRLEAD_TESTS_PACKET_MODEL_H

#include "rig.h"

/* decap: true when the frame passes (stripped or not), false when it is dropped. */
bool model__decap(const struct frame *in, struct frame *out);

#endif
