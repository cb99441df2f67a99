/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timing.h - how long something took, as it came about: a histogram of durations.
 *
 * Eight buckets for each doubling, so that a bound is at most an eighth more than what is in it; durations of
 * less than 8 µs have a bucket for each microsecond, those of more than half an hour share the last one.
 */
#ifndef FAIRLEAD_CORE_TIMING_H
#define FAIRLEAD_CORE_TIMING_H

#include <stdint.h>

#define TIMING_BUCKETS 240

/* Zero at the beginning. */
struct timing {
	uint64_t n; /* how many there were */
	uint64_t sum_ns, max_ns, last_ns;
	uint64_t buckets[TIMING_BUCKETS];
};

void timing__add(struct timing *t, uint64_t ns);

/* What is in a bucket is less than that, microseconds; of the last one: UINT64_MAX. bucket < TIMING_BUCKETS. */
uint64_t timing__below_us(unsigned int bucket);

/* At least `permille` of 1000 are less than that, microseconds; 0: there were none. permille 0..1000. */
uint64_t timing__quantile_us(const struct timing *t, unsigned int permille);

#endif
