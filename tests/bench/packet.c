/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet.c - `make bench-packet`: what a packet costs. See docs/performance.md for the method.
 *
 * Usage: packet RESULTS.json. Environment: BENCH_ROUNDS, rounds of each part (51); BENCH_QUICK=1, three
 * rounds of few packets, for tests: its figures say nothing. Exits with 0 when everything was
 * measured, whether goals are met or not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

#define ROUNDS 51
#define QUICK_ROUNDS 3
#define QUICK_SLICE (1u << 9)

static int read_environment(struct bench_order *o, struct err *err)
{
	const char *rounds = getenv("BENCH_ROUNDS"), *quick = getenv("BENCH_QUICK");
	bool short_form = quick && strcmp(quick, "1") == 0;
	char *end;
	long n;

	o->rounds = short_form ? QUICK_ROUNDS : ROUNDS;
	o->slice = short_form ? QUICK_SLICE : BENCH_SLICE;
	if (!rounds)
		return 0;
	n = strtol(rounds, &end, 10);
	if (*end || n < 1 || n > MAX_ROUNDS)
		return err__set(err, -EINVAL, "BENCH_ROUNDS=%s is not a number from 1 to %d",
				rounds, MAX_ROUNDS);
	o->rounds = (uint32_t)n;
	return 0;
}

static void told(void *ctx, const char *what, uint32_t done, uint32_t rounds)
{
	const struct bench_order *o = ctx;

	if (!done)
		fprintf(stderr, "bench: %s, %u rounds of %d slices of %u packets\n", what, rounds,
			SLICES, o->slice);
}

int main(int argc, char **argv)
{
	/* The machine is the benchmark's. */
	struct bench_order order = {
		.manners = {.cpu = -1, .first = true, .expedite = true}, .all = true, .told = told};
	struct result *result = result__new();
	struct err err = {{0}};
	int rc;

	if (argc != 2 || !result) {
		fprintf(stderr, "usage: %s RESULTS.json\n", argv[0]);
		return 2;
	}
	order.ctx = &order;
	rc = read_environment(&order, &err);
	if (!rc)
		rc = bench__run(&order, result, &err);
	if (!rc)
		rc = result__write(result, argv[1], &err);
	if (!rc)
		host__describe();
	else
		fprintf(stderr, "bench: %s\n", err.text);
	result__free(result);
	return rc ? 1 : 0;
}
