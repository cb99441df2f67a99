/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/result.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct result {
	json_t *rows;
};

struct result *result__new(void)
{
	struct result *r = calloc(1, sizeof(*r));

	if (r)
		r->rows = json_array();
	return r;
}

void result__free(struct result *r)
{
	if (!r)
		return;
	json_decref(r->rows);
	free(r);
}

json_t *result__rows(const struct result *r)
{
	return r->rows;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sorted(const double *samples, size_t n, double *out)
{
	memcpy(out, samples, n * sizeof(*out));
	qsort(out, n, sizeof(*out), compare);
}

double result__median(const double *samples, size_t n)
{
	double s[MAX_ROUNDS];

	sorted(samples, n, s);
	return n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
}

/* Three decimals: what is measured has no more. */
static json_t *number(double x)
{
	return json_real(round(x * 1000) / 1000);
}

void result__add(struct result *r, const char *name, const char *unit, const double *samples,
		 size_t n, struct goal goal)
{
	double s[MAX_ROUNDS], median = result__median(samples, n);
	json_t *goal_text = json_null(), *holds = json_null();

	sorted(samples, n, s);
	if (goal.kind != NO_GOAL) {
		goal_text = json_sprintf(goal.value < 1000 ? "%s %.3g" : "%s %.0f",
					 goal.kind == AT_MOST ? "<=" : ">=", goal.value);
		holds = json_boolean(goal.kind == AT_MOST ? median <= goal.value
							  : median >= goal.value);
	}
	json_array_append_new(r->rows, json_pack("{ss ss so so so sI so so}", "name", name, "unit",
						 unit, "value", number(median), "min", number(s[0]),
						 "max", number(s[n - 1]), "n", (json_int_t)n,
						 "goal", goal_text, "holds", holds));
}

void result__add_one(struct result *r, const char *name, const char *unit, double value,
		     struct goal goal)
{
	result__add(r, name, unit, &value, 1, goal);
}

int result__write(const struct result *r, const char *path, struct err *err)
{
	if (json_dump_file(r->rows, path, JSON_INDENT(1)))
		return err__set(err, -EIO, "cannot write the results to %s: %s", path,
				strerror(errno));
	return 0;
}
