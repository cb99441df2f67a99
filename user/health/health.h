/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health.h - from probe results to a verdict: a pure state machine of one backend of one service.
 *
 * UNKNOWN takes no new flows: the first success makes it UP at once (a fresh start must not wait for
 * `rise`), `fall` failures in a row make it DOWN. UP becomes DOWN after `fall` failures in a row,
 * DOWN becomes UP after `rise` successes in a row. A refusal (the host lives and says that nobody
 * listens) is a failure that makes UP SUSPECT at once: no new flows, and its connections stay. SUSPECT
 * becomes UP by the next success, and DOWN by the failure that makes `fall` of them in a row. The
 * operator's word (drain) stands beside health: a backend accepts when it is UP and not draining.
 */
#ifndef FAIRLEAD_HEALTH_HEALTH_H
#define FAIRLEAD_HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "fairlead/abi.h"

struct health {
	enum fl_health state;
	enum fl_admin admin;
	uint32_t rise, fall;
	uint32_t streak; /* results in a row that speak against `state` */
	uint64_t since_ns; /* CLOCK_REALTIME of the last change of state or admin */
	uint64_t first_bad_ns; /* CLOCK_MONOTONIC of the first result of the streak; 0: no streak */
};

/* What a probe found. */
enum health_result { HEALTH_OK, HEALTH_FAILED, HEALTH_REFUSED };

/* What a result did. */
enum health_change { HEALTH_SAME, HEALTH_WENT_UP, HEALTH_WENT_DOWN, HEALTH_WENT_SUSPECT };

/* rise, fall >= 1. Starts in `state` (a verdict adopted from the maps, or FL_HEALTH_UNKNOWN). */
void health__init(struct health *h, uint32_t rise, uint32_t fall, enum fl_health state,
		  enum fl_admin admin, uint64_t since_ns);

/* Feeds one probe result. mono_ns, real_ns: now on CLOCK_MONOTONIC and CLOCK_REALTIME. */
enum health_change health__result(struct health *h, enum health_result result, uint64_t mono_ns,
				  uint64_t real_ns);

/* New thresholds after a reload; the state stays, a streak that now suffices waits for the next result. */
void health__set_thresholds(struct health *h, uint32_t rise, uint32_t fall);

/* The operator's word; true if it changed anything. */
bool health__set_admin(struct health *h, enum fl_admin admin, uint64_t real_ns);

/* May new flows go there? */
bool health__accepts(const struct health *h);

/* False while a streak is being counted or nothing is known yet: probe at the fast interval. */
bool health__settled(const struct health *h);

/* "up", "suspect", "down", "unknown"; "draining" when the operator drains a backend that is up. */
const char *health__name(const struct health *h);

#endif
