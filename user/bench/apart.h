/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apart.h - the benchmark in a process of its own, beside whatever the machine does.
 *
 * That process is the first to be given up when memory runs out, is in a session of its own so that the
 * scheduler's groups of sessions do not lift it, and does not outlive the one that began it: killed or not, its
 * namespaces, and all that is in them, go with it.
 */
#ifndef FAIRLEAD_BENCH_APART_H
#define FAIRLEAD_BENCH_APART_H

#include <jansson.h>

#include "bench/bench.h"

/*
 * Runs the benchmark; `told` is called in this process. 0 and *rows, which is the caller's, and the other's CPU time in
 * seconds; or -errno and a sentence: -EINTR after SIGINT or SIGTERM, which are the benchmark's meanwhile.
 */
int bench_apart__run(const struct bench_order *order, json_t **rows, double *cpu_s,
		     struct err *err);

#endif
