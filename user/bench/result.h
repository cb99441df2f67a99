/* SPDX-License-Identifier: GPL-2.0-or-later */
/* result.h - the rows that the benchmark writes: medians of rounds, and whether goals are met. */
#ifndef FAIRLEAD_BENCH_RESULT_H
#define FAIRLEAD_BENCH_RESULT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define MAX_ROUNDS 999

struct goal {
	enum { NO_GOAL, AT_MOST, AT_LEAST } kind;
	double value;
};

struct result;

struct result *result__new(void);
void result__free(struct result *r);

double result__median(const double *samples, size_t n);

/*
 * Adds a row: the median of n samples, one a round, their smallest and largest. Its name is
 * "section: what"; name and unit together are unique.
 */
void result__add(struct result *r, const char *name, const char *unit, const double *samples,
		 size_t n, struct goal goal);

/* A row of one figure that does not vary. */
void result__add_one(struct result *r, const char *name, const char *unit, double value,
		     struct goal goal);

/* The rows, as result__write() has them; valid while `r` is. */
json_t *result__rows(const struct result *r);

/* A list of {name, unit, value, min, max, n, goal, holds}; goal and holds are null where none. */
int result__write(const struct result *r, const char *path, struct err *err);

#endif
