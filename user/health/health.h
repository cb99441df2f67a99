/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health.h - from probe results to a verdict: a pure state machine of one backend of one service.
 *
 * UNKNOWN takes no new flows: the first success makes it UP at once (a fresh start must not wait for
 * `rise`), `fall` failures in a row make it DOWN. UP becomes DOWN after `fall` failures in a row,
 * DOWN becomes UP after `rise` successes in a row. A refusal (the host lives and says that nobody
 * listens) is a failure that makes UP SUSPECT at once: no new flows, and its connections stay. SUSPECT
 * becomes UP by the next success, and DOWN by the failure that makes `fall` of them in a row.
 *
 * What falls again and again is held down: from the second time on, its successes must go on for
 * `flap_hold` before it is UP, and for twice as long each time more. Having been UP for `flap_forget` it is
 * as good as new.
 *
 * What holds, `ruled`, is what the probes here say, or what they and those of the peers say together
 * (quorum.h). Who takes flows, and whose connections are given up, goes by that.
 *
 * The operator's word (drain, disable) stands beside health: a backend is well when it is UP and the
 * operator leaves it in. Whether it gets flows then is for pool.h to say.
 */
#ifndef FAIRLEAD_HEALTH_HEALTH_H
#define FAIRLEAD_HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "fairlead/abi.h"

/* What the configuration says of verdicts. */
struct health_rules {
	uint32_t rise, fall; /* >= 1 */
	uint32_t flap_hold_ms; /* 0: nothing is held down */
	uint32_t flap_hold_max_ms; /* >= flap_hold_ms */
	uint32_t flap_forget_ms;
};

/* All zero: UNKNOWN, with nothing known of the past. */
struct health {
	enum fl_health state; /* what the probes here say */
	enum fl_health ruled; /* what holds */
	enum fl_admin admin;
	uint32_t streak; /* results in a row that speak against `state` */
	uint8_t flaps; /* how often it fell without having been UP for flap_forget before */
	bool held; /* `rise` successes are there: only flap_hold keeps it DOWN */
	bool fresh; /* its state is the configuration's word: no probe has ended yet */
	bool out; /* it was not `ruled` UP since it was ruled DOWN, or began */
	bool ramping; /* slow start: set by who knows that others serve meanwhile */
	uint64_t since_ns; /* CLOCK_REALTIME of the last change of `ruled` or admin */
	uint64_t turned_ns; /* CLOCK_MONOTONIC: fell, or came up, by the probes here */
	uint64_t let_in_ns; /* CLOCK_MONOTONIC: was ruled UP or DOWN, or let in by the operator */
	uint64_t first_bad_ns; /* CLOCK_MONOTONIC of the first result of the streak; 0: no streak */
};

/* What a probe found. */
enum health_result { HEALTH_OK, HEALTH_FAILED, HEALTH_REFUSED };

/* What a result did to `state`, or a ruling to `ruled`. */
enum health_change { HEALTH_SAME, HEALTH_WENT_UP, HEALTH_WENT_DOWN, HEALTH_WENT_SUSPECT };

/* Now, on CLOCK_MONOTONIC and CLOCK_REALTIME. */
struct health_time {
	uint64_t mono_ns, real_ns;
};

/* A backend that nobody has asked yet: in UNKNOWN, or in a state that holds until a result says else. */
void health__begin(struct health *h, enum fl_health state, const struct health_time *now);

/*
 * Feeds one probe result. Rules may differ from those of the last one: what was counted still counts, and
 * a streak that now suffices waits for its next result.
 */
enum health_change health__result(struct health *h, const struct health_rules *rules,
				  enum health_result result, const struct health_time *now);

/* What holds from now on. */
enum health_change health__rule(struct health *h, enum fl_health ruled,
				const struct health_time *now);

/* What its probes have said, for others to hear: UNKNOWN while none has ended. */
enum fl_health health__says(const struct health *h);

/* The operator's word; true if it changed anything. */
bool health__set_admin(struct health *h, enum fl_admin admin, const struct health_time *now);

/* Ruled UP, and the operator leaves it in. */
bool health__is_well(const struct health *h);

/* Its connections are given up: ruled DOWN, or disabled. */
bool health__is_lost(const struct health *h);

/* False while a streak is being counted or nothing is known yet: probe at the fast interval. */
bool health__settled(const struct health *h);

/* Milliseconds that successes must go on for now before DOWN becomes UP, beside `rise`. */
uint32_t health__hold_ms(const struct health *h, const struct health_rules *rules);

/*
 * How much of its weight it is given, in `of` steps: 1 when slow start begins, `of` after slow_start_ms
 * of it and without it.
 */
uint32_t health__ramp(const struct health *h, uint32_t slow_start_ms, uint32_t of,
		      uint64_t mono_ns);

/* Of what holds: "up", "starting", "suspect", "down", "unknown"; "draining" where it is not down; "disabled". */
const char *health__name(const struct health *h);

#endif
