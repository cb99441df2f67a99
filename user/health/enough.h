/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * enough.h - whether a service has enough backends for its VIP to be here, with hysteresis. Pure.
 *
 * Fewer than `min` are too few, at once. From then on it takes `again` of them, without a break for `hold`, for
 * it to be enough again: a backend that flaps must not make routes flap. Before they were ever enough, there
 * is nothing to hold: `min` do, at once.
 */
#ifndef FAIRLEAD_HEALTH_ENOUGH_H
#define FAIRLEAD_HEALTH_ENOUGH_H

#include <stdbool.h>
#include <stdint.h>

struct enough_rules {
	uint32_t min, again; /* 1 <= min <= again */
	uint32_t hold_ms;
};

/* All zero: they never were enough. */
struct enough {
	bool is; /* they are enough */
	bool lost; /* they were, and are not */
	uint64_t good_ns; /* lost: since when there have been `again` of them; 0: there are not */
};

/*
 * So many can take flows now, on a clock that is not 0. To be called at each change of their number, and
 * when enough__due_ns() says so. Rules may differ from those of the last call. Returns whether they are enough.
 */
bool enough__follow(struct enough *e, const struct enough_rules *rules, uint32_t usable,
		    uint64_t now_ns);

/* When they will be enough if nothing changes; UINT64_MAX: they are, or it takes more of them. */
uint64_t enough__due_ns(const struct enough *e, const struct enough_rules *rules);

#endif
