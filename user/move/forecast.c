/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "move/forecast.h"

#include <stddef.h>

void forecast__make(const struct move_table *t, const uint16_t *want, const uint16_t *later,
		    uint32_t budget, uint16_t *out, struct forecast *f)
{
	struct move_sums aged;

	*f = (struct forecast){0};
	/* As a turn does it: first what is due by time. */
	move__age(t, &aged);
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t owner = t->live[i] & FL_SLOT_INDEX;

		f->unserved += want[i] == FL_SLOT_NONE;
		if (owner == FL_SLOT_NONE) {
			f->filled += later[i] != FL_SLOT_NONE;
			continue;
		}
		f->at_once += want[i] != owner;
		f->later += later[i] != owner;
		f->all += want[i] != owner || later[i] != owner;
	}
	move__plan(t, want, NULL, budget, out, &f->sums);
	f->waiting = f->sums.waiting;
	f->begin = f->sums.begin;
}

void forecast__share(const struct move_table *t, const uint16_t *want, const uint16_t *later,
		     struct forecast_share *shares)
{
	for (uint32_t i = 0; i < t->n; i++) {
		shares[t->live[i] & FL_SLOT_INDEX].before++;
		shares[want[i]].at_once++;
		shares[later[i]].later++;
	}
}
