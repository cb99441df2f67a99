/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scenario.h - configurations of all kinds, from a number and a generator of numbers. */
#ifndef FAIRLEAD_TESTS_MODEL_SCENARIO_H
#define FAIRLEAD_TESTS_MODEL_SCENARIO_H

#include "rng.h"
#include "world.h"

/*
 * Makes a world. The gates follow from `number`, so that 16 scenarios in a row have every set of
 * wild, nat, sources and limits (lease: with every other one); the rest is drawn. `cpu`, of `cpus`,
 * is the one that the test is pinned to.
 */
void scenario__make(struct world *w, uint32_t number, struct rng *rng, int cpu, int cpus);

#endif
