/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - availability from what the journal says. Pure.
 *
 * Time is what somebody watched: while no agent ran, after a gap, and before the first word on a
 * backend its state is unknown, neither up nor down. Time in which an operator has taken a backend out
 * is counted by itself. Availability is up / (up + down).
 *
 * Within a run, durations are those of the clock that never jumps, and the whole run is placed by the
 * wall's clock as it was last: a clock that was set meanwhile makes no time and loses none. Where two runs
 * overlap by the wall's clock, the later one is right, and the earlier one ends where it begins.
 */
#ifndef FAIRLEAD_JOURNAL_REPORT_H
#define FAIRLEAD_JOURNAL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum report_state {
	REPORT_UNKNOWN,
	REPORT_UP,
	REPORT_DOWN, /* suspect, too: it gets no new connections */
	REPORT_OUT, /* by an operator's word */
	REPORT_GONE, /* no longer configured: its time is not counted */
};

struct report_run {
	int64_t start_mono_ms, last_mono_ms, last_at_ms;
};

#define REPORT_EVERYTHING SIZE_MAX

/* From then on a subject (or REPORT_EVERYTHING) is in that state. */
struct report_change {
	size_t run; /* index */
	size_t subject; /* 0.. */
	int64_t mono_ms;
	enum report_state state;
};

struct report_window {
	int64_t from_ms, to_ms; /* wall's clock; from <= to */
};

/* What was found of one subject in one window, milliseconds. */
struct report_sum {
	int64_t up_ms, down_ms, unknown_ms, out_ms;
	uint32_t outages; /* times that it was down, of which some part is in the window */
	int64_t longest_ms; /* the longest of them, as far as it is in the window */
};

/*
 * Sums for n_subjects * n_windows: sums[subject * n_windows + window]. Runs and changes by age (run,
 * then mono_ms); the last run goes on until its last_mono_ms. 0 or -ENOMEM, or -EINVAL if a change
 * names a run or a subject that there is not, or is older than the one before.
 */
int report__sum(const struct report_run *runs, size_t n_runs, const struct report_change *changes,
		size_t n_changes, size_t n_subjects, const struct report_window *windows,
		size_t n_windows, struct report_sum *sums);

/* up / (up + down), 0..1; negative: neither was seen. */
double report__availability(const struct report_sum *s);
/*
 * How many nines that is: 3 for 99.9 %, 2.3 for 99.5 %; negative: no availability is known; infinite: it
 * was never down.
 */
double report__nines(const struct report_sum *s);

/* How long it may be down in a window by the target, a part of 1, milliseconds. */
int64_t report__budget_ms(const struct report_window *w, double target);

/* The state behind a name of health/health.h or of a service ("serving", "not serving"). */
enum report_state report__state(const char *name);

#endif
