/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast.h - what a change of owners would do to a service's slots, by the very steps that would do it.
 * Pure.
 *
 * A change has two ends. At once slots go to those that take flows now; backends that are not known to
 * be well yet come in later, one after the other. A slot has another owner somewhere between if it has one
 * at one of the two ends: on its chain (table/table.h) those that come in stand before its owner of now
 * or they don't.
 */
#ifndef FAIRLEAD_MOVE_FORECAST_H
#define FAIRLEAD_MOVE_FORECAST_H

#include "move/move.h"

struct forecast {
	uint32_t at_once; /* slots that get another owner by the change itself */
	uint32_t later; /* that have another owner than now once all are well */
	uint32_t all; /* either of them */
	uint32_t
		filled; /* slots without an owner that have one once all are well; not in the above */
	uint32_t unserved; /* slots without one at once */
	uint32_t waiting; /* of at_once: begin to move when others have done */
	uint32_t begin; /* of at_once: connections of them need records, which they don't yet */
	struct move_sums sums; /* of the service, at once */
};

/*
 * `t` as moves of the service would have it, but for `words`, which are the caller's, all zero if the
 * service has none, and are spoilt; `out`: n slots of scratch, then the next table. `want`: owners at
 * once, `later`: once all are well.
 */
void forecast__make(const struct move_table *t, const uint16_t *want, const uint16_t *later,
		    uint32_t budget, uint16_t *out, struct forecast *f);

/* Slots that are owned by each index before, at once and later: adds to each of FL_SLOT_NONE + 1. */
struct forecast_share {
	uint32_t before, at_once, later;
};
void forecast__share(const struct move_table *t, const uint16_t *want, const uint16_t *later,
		     struct forecast_share *shares);

#endif
