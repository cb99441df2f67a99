/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff.h - the model and the real program side by side. */
#ifndef FAIRLEAD_TESTS_MODEL_DIFF_H
#define FAIRLEAD_TESTS_MODEL_DIFF_H

#include "gen.h"
#include "model.h"
#include "real.h"
#include "told.h"

struct diff {
	uint64_t seed;
	uint32_t scenario;
	struct world w;
	struct rng rng;
	struct gen gen;
	struct real *real;
	struct told *told;
	uint64_t packets, differences;
	bool late; /* a second began while the program ran: which one it knew nobody can tell */
};

/*
 * Runs a scenario of `packets` packets, or until one is late, after which nothing can be compared; what
 * differs goes to stderr. -errno: it could not run.
 */
int diff__scenario(struct diff *d, uint64_t seed, uint32_t scenario, uint64_t packets, int cpu,
		   int cpus);

/* All that a scenario had. */
void diff__free(struct diff *d);

/* diff_state.c: what packets left behind: counters, records, fragments' ways. Returns differences. */
uint32_t diff__state(const struct diff *d);

/* Ages entries, lets the lease lapse, changes a backend: on both sides. */
void diff__event(struct diff *d, uint32_t now_s);

#endif
