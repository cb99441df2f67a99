/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.h - what else the machine does: how busy each CPU is, from /proc/stat. */
#ifndef FAIRLEAD_BENCH_LOAD_H
#define FAIRLEAD_BENCH_LOAD_H

#include <sched.h>
#include <stdint.h>

#include "core/err.h"

/* Counted since the machine began, in ticks; all zero for a CPU that is not online. */
struct load {
	struct {
		uint64_t busy, all;
	} cpu[CPU_SETSIZE];
};

/* Reads the text of /proc/stat; CPUs beyond CPU_SETSIZE are left out. */
void load__parse(const char *text, struct load *out);

/* Of the machine, now. 0, or -errno and a sentence. */
int load__read(struct load *out, struct err *err);

/* What part of the time between two readings a CPU was busy, in percent: 0..100; 0 if no time is between. */
double load__busy(const struct load *before, const struct load *after, int cpu);

/* The CPU among these that was least busy; of equal ones the last. -1: there is none. */
int load__quietest(const struct load *before, const struct load *after, const cpu_set_t *among);

/* The memory that could be had without swapping, of the text of /proc/meminfo, bytes; 0: it is not told. */
uint64_t load__parse_memory(const char *text);

/* Of the machine, now. */
uint64_t load__memory(void);

#endif
