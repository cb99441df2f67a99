/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases.h - the parts of the benchmark. Each opens planes of its own, adds its rows, and closes them. */
#ifndef FAIRLEAD_BENCH_CASES_H
#define FAIRLEAD_BENCH_CASES_H

#include "bench/measure.h"

/* Rows "path:", "step:", "size:": what a packet costs, what each step of it does, the program. */
int path__run(struct bench *b, struct err *err);

/* Rows "curve:": the cost against the number of services and of backends. */
int curves__run(struct bench *b, struct err *err);

/* Rows "memory:": what a large configuration takes. */
int memory__run(struct bench *b, struct err *err);

#endif
