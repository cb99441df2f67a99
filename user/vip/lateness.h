/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lateness.h - how late timers fired: since the thread started, and lately. Written by the thread, read by any.
 *
 * "Lately" is what a machine is judged by, so that one bad moment is forgotten in the end: a window is full when it
 * has 10 000 wake-ups and 10 minutes, and the one before it counts, too.
 */
#ifndef FAIRLEAD_VIP_LATENESS_H
#define FAIRLEAD_VIP_LATENESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LATENESS_BUCKETS 24 /* the last one holds all that is later, from 4 s on */
#define LATENESS_ENOUGH 10000 /* wake-ups, for one in so many to be known */
#define LATENESS_WINDOW_NS UINT64_C(600000000000)

/* n[i] counts those that were late by less than 2^i microseconds, and by no less than the one before says. */
struct lateness_counts {
	uint64_t n[LATENESS_BUCKETS];
	uint64_t total;
	uint64_t max_ns, sum_ns;
};

struct lateness_window {
	atomic_ullong n[LATENESS_BUCKETS];
	atomic_ullong max_ns, sum_ns;
};

/* Zero at first. */
struct lateness {
	struct lateness_window all, lately[2];
	atomic_uint now; /* which of these it writes to */
	uint64_t began_ns, n; /* the thread's: of that one */
};

/* Timers fired late_ns after their time, which is now_ns (CLOCK_MONOTONIC). */
void lateness__note(struct lateness *l, uint64_t late_ns, uint64_t now_ns);

void lateness__all(const struct lateness *l, struct lateness_counts *out);
void lateness__lately(const struct lateness *l, struct lateness_counts *out);

/*
 * The upper bound in ns of what `per_10000` out of 10 000 wake-ups were not later than; 0 with fewer
 * than LATENESS_ENOUGH measured.
 */
uint64_t lateness_counts__quantile(const struct lateness_counts *c, unsigned int per_10000);

#endif
