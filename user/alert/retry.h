/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retry.h - whether and when an alert is sent again. */
#ifndef FAIRLEAD_ALERT_RETRY_H
#define FAIRLEAD_ALERT_RETRY_H

#include <stdint.h>

#define RETRY_AFTER_MAX_MS 3600000 /* a receiver that asks for more is asked again then */

enum retry_verdict {
	RETRY_DONE, /* it has it */
	RETRY_AGAIN,
	RETRY_NEVER, /* it will not take this one, however often it gets it */
};

/* By the status of an answer (RFC 9110 15). */
enum retry_verdict retry__judge(long status);

/*
 * How long to wait after `tries` that failed (1, 2, …): about 1, 2, 4, … s, a minute at most, a quarter less or
 * more by `random`; and no less than the receiver asked for (0: it did not).
 */
uint64_t retry__wait_ms(unsigned int tries, uint64_t random, uint64_t asked_ms);

/*
 * What Retry-After says (RFC 9110 10.2.3), seconds or a date, at `now_s` of CLOCK_REALTIME: milliseconds, at most
 * RETRY_AFTER_MAX_MS. 0: nothing that can be understood.
 */
uint64_t retry__after_ms(const char *value, int64_t now_s);

#endif
