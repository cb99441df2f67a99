/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench.h - what a packet costs on this machine: the whole benchmark, or what of it disturbs nobody. */
#ifndef FAIRLEAD_BENCH_BENCH_H
#define FAIRLEAD_BENCH_BENCH_H

#include "bench/host.h"
#include "bench/measure.h"

#define BENCH_SLICE (1u << 14) /* packets */

struct bench_order {
	struct host_manners manners;
	uint32_t rounds; /* 1..MAX_ROUNDS */
	uint32_t slice; /* packets, a power of two */
	bool all; /* also curves, memory and the live path */
	/* As in struct bench; at the beginning of a part with its name. */
	void (*told)(void *ctx, const char *what, uint32_t done, uint32_t rounds);
	void *ctx;
};

/*
 * Measures, and adds the rows. The process is in namespaces of its own afterwards, and good for nothing
 * else. 0, or -errno and a sentence.
 */
int bench__run(const struct bench_order *order, struct result *result, struct err *err);

#endif
