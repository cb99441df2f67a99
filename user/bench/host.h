/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - the machine under the benchmark: made quiet, kept apart, left as it was.
 *
 * The process lives in a network and a mount namespace of its own, with a bpffs of its own, so that
 * devices and pins are gone when it ends, however it ends. One setting is the machine's, and touched only
 * where that is asked for: with rcu_expedited, grace periods look free, so it is 0 while something is
 * measured, and 1 while maps are filled, which would take minutes otherwise.
 */
#ifndef FAIRLEAD_BENCH_HOST_H
#define FAIRLEAD_BENCH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* How it behaves towards what else runs. */
struct host_manners {
	int cpu; /* where it measures; -1: on the last one that this process may use */
	bool first; /* SCHED_FIFO while it measures; else a low priority, then */
	bool expedite; /* rcu_expedited is 0 while it measures and 1 in between; else it stays as it is */
};

/* Namespaces, bpffs, one CPU, signal handlers. Undo with host__leave(). */
int host__enter(const struct host_manners *manners, struct err *err);
void host__leave(void);

/* The time of measuring begins or ends: rcu_expedited, priority. */
void host__quiet(bool on);

/* -EINTR once the user wants to stop; for loops that take long. */
int host__stopped(struct err *err);

/* The processor's name, as the kernel has it. */
void host__model(char *buf, size_t len);

/* Says on stdout what the figures were measured on. */
void host__describe(void);

/* Runs a command (argv ends with NULL); its own words are the error's end. */
int host__command(const char *const argv[], struct err *err);

/* Nanoseconds of CPU time of this thread; of CLOCK_MONOTONIC. */
uint64_t host__cpu_ns(void);
uint64_t host__now_ns(void);

#endif
