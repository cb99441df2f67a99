/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool.h - who of a service's backends takes new flows: a pure function of all their verdicts.
 *
 * 1. The backends that are well take them, but for backups.
 * 2. Where none does, or those that are well stand for less than `panic` of the weight, backups that are
 *    well take them, too.
 * 3. If that is still less than `panic`, all take them whatever their probes say: rather some failures
 *    for all than all traffic for the few that are left, and a probe may be what is broken. A backend on
 *    which there is no verdict yet counts as well here, so that neither a start nor a suspicion is a panic.
 *
 * What an operator has taken out is out of all of this. So is, for new flows, a backend that asks for none
 * or is at one of its limits; it still counts as well.
 */
#ifndef FAIRLEAD_HEALTH_POOL_H
#define FAIRLEAD_HEALTH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One backend. */
struct pool_member {
	uint32_t weight; /* as configured */
	uint8_t parts; /* of what it stands for it takes so many when it takes any; 0: none, though well */
	bool backup;
	bool out; /* the operator's word */
	bool well; /* and not `out` */
	bool unsure; /* there is no verdict: UNKNOWN, SUSPECT */
};

/* What was decided for the service. */
struct pool_state {
	bool backups; /* they are called in */
	bool panic;
};

/* panic_pct: 0..100, 0: never. Writes who takes how many parts to parts[n]. */
struct pool_state pool__decide(const struct pool_member *members, size_t n, uint32_t panic_pct,
			       uint8_t *parts);

#endif
