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

#include "cases.h"
#include "host.h"
#include "live.h"

#define ROUNDS 51
#define SLICE (1u << 14)
#define QUICK_ROUNDS 3
#define QUICK_SLICE (1u << 9)

static const struct part {
	const char *name;
	int (*run)(struct bench *b, struct err *err);
} parts[] = {
	{"path and steps", path__run},
	{"curves", curves__run},
	{"memory", memory__run},
	{"live path", live__run},
};

static int read_environment(struct bench *b, struct err *err)
{
	const char *rounds = getenv("BENCH_ROUNDS"), *quick = getenv("BENCH_QUICK");
	bool short_form = quick && strcmp(quick, "1") == 0;
	char *end;
	long n;

	b->rounds = short_form ? QUICK_ROUNDS : ROUNDS;
	b->slice = short_form ? QUICK_SLICE : SLICE;
	if (!rounds)
		return 0;
	n = strtol(rounds, &end, 10);
	if (*end || n < 1 || n > MAX_ROUNDS)
		return err__set(err, -EINVAL, "BENCH_ROUNDS=%s is not a number from 1 to %d",
				rounds, MAX_ROUNDS);
	b->rounds = (uint32_t)n;
	return 0;
}

static int run(struct bench *b, const char *path, struct err *err)
{
	int rc;

	rc = read_environment(b, err);
	if (!rc)
		rc = host__enter(err);
	if (!rc)
		rc = bench__open(b, err);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !rc; i++) {
		fprintf(stderr, "bench: %s, %u rounds of %d slices of %u packets\n", parts[i].name,
			b->rounds, SLICES, b->slice);
		rc = parts[i].run(b, err);
	}
	if (!rc)
		rc = result__write(b->result, path, err);
	if (!rc)
		host__describe();
	bench__close(b);
	host__leave();
	return rc;
}

int main(int argc, char **argv)
{
	struct bench b = {.kept = -1, .result = result__new()};
	struct err err = {{0}};
	int rc;

	if (argc != 2 || !b.result) {
		fprintf(stderr, "usage: %s RESULTS.json\n", argv[0]);
		return 2;
	}
	rc = run(&b, argv[1], &err);
	if (rc)
		fprintf(stderr, "bench: %s\n", err.text);
	result__free(b.result);
	return rc ? 1 : 0;
}
