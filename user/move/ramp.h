/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ramp.h - how many slots may begin to move, by the records that they will need. Pure. */
#ifndef FAIRLEAD_MOVE_RAMP_H
#define FAIRLEAD_MOVE_RAMP_H

#include <stdint.h>

#include "fairlead/abi.h"

/* Records that slots may need together. The other half of the map is for what could not wait. */
#define RAMP_RECORDS (FL_MAX_FLOWS / 2)

/*
 * Slots of a service that may begin to move. per_slot: records that one needs, 0: not known, so that
 * nothing is held back; expected: records that all services' moving slots need. At least one when
 * nothing else moves.
 */
uint32_t ramp__budget(double per_slot, double expected);

/* Seconds until `waiting` slots have moved, about, if one makes room for another after each_s. */
uint32_t ramp__seconds(uint32_t waiting, double per_slot, double each_s);

#endif
