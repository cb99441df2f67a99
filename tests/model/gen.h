/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen.h - packets for a world: most are aimed at what it serves, some are spoilt. The next packet
 * depends on the seed, the world and what the model has learnt, on nothing else.
 */
#ifndef FAIRLEAD_TESTS_MODEL_GEN_H
#define FAIRLEAD_TESTS_MODEL_GEN_H

#include "rng.h"
#include "world.h"
#include "write.h"

#define GEN_PENDING 32

struct gen {
	struct world *w;
	struct rng *rng;
	/* fragments that come later, or never */
	uint32_t n_pending;
	struct frame pending[GEN_PENDING];
};

/* The next frame and where it comes in. */
void gen__next(struct gen *g, struct frame *out, uint32_t *ingress);

/* Spoils a frame: bits, lengths, an end too early, bytes too many. */
void gen__mutate(struct rng *rng, struct frame *f);

/* gen_flow.c: descriptions of packets */
struct desc gen__random_client(struct gen *g, uint8_t version, uint8_t proto);
bool gen__to_service(struct gen *g, struct desc *d); /* false: there is no service */
bool gen__reply(struct gen *g, struct desc *d);
bool gen__known_flow(struct gen *g, struct desc *d);
void gen__stray(struct gen *g, struct desc *d);

/* gen_icmp.c */
bool gen__echo(struct gen *g, struct desc *d);
bool gen__error(struct gen *g, struct desc *d);

#endif
