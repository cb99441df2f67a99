/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scenario.h - configurations of all kinds, from a number and a generator of numbers. */
#ifndef FAIRLEAD_TESTS_MODEL_SCENARIO_H
#define FAIRLEAD_TESTS_MODEL_SCENARIO_H

#include "rng.h"
#include "world.h"

#define SCENARIO_SETS 32
#define SCENARIOS (SCENARIO_SETS + 8)

/*
 * Makes a world. The gates follow from `number`, below SCENARIOS, so that 16 of the first SCENARIO_SETS in a row
 * have every set of wild, nat, sources and limits (lease: with every other one); the rest is drawn. `cpu`, of `cpus`,
 * is the one that the test is pinned to.
 */
void scenario__make(struct world *w, uint32_t number, struct rng *rng, int cpu, int cpus);

/*
 * The gates of scenario `number`. After the first SCENARIO_SETS those that change no verdict, each with few of
 * the others and with many: events and jumbo close the straight way, capture and explain do not.
 */
struct world_gates scenario__gates(uint32_t number);

#endif
