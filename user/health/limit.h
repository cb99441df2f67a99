/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit.h - what a backend at one of its limits may take still. Pure.
 *
 * New connections a second can be measured only while there are some, so that a backend which gets none
 * for being over its limit would be under it a second later, and so on. So it keeps as many of its parts as
 * the limit would do for, and gets them back one by one while it is well below. Connections that are
 * open end in their own time: there, it is none until there are clearly fewer.
 */
#ifndef FAIRLEAD_HEALTH_LIMIT_H
#define FAIRLEAD_HEALTH_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* What a limit is to be undercut by before there is more: a tenth. */
#define LIMIT_CALM 0.9

/*
 * The most parts, 0..of, of a backend that took `parts` while per_s connections a second were opened, and
 * was allowed `cap`; max_per_s > 0.
 */
uint8_t limit__parts(uint8_t cap, uint8_t parts, uint8_t of, double per_s, uint32_t max_per_s);

/* Whether one with so many connections open, of `max`, is full; `was`: it was so before. */
bool limit__is_full(bool was, uint32_t flows, uint32_t max);

#endif
