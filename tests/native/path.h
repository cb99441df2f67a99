/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path.h - bpf/lb.bpf.c and bpf/decap.bpf.c as functions of this process.
 *
 * lb.c and decap.c include the programs' sources unchanged; only one of the two is in a binary.
 */
#ifndef FAIRLEAD_TESTS_NATIVE_PATH_H
#define FAIRLEAD_TESTS_NATIVE_PATH_H

#include <stdint.h>

struct xdp_md;

/* bpf/gates.h, which says what each is for. */
struct path_gates {
	uint8_t lease, wild, sources, limits, nat, jumbo, events, passive, peers;
};

int lb(struct xdp_md *ctx);
int lease_arm(struct xdp_md *ctx);
int decap(struct xdp_md *ctx);

/* Makes the maps of lb.bpf.c; once, before it runs. */
void path__define_maps(void);

/* The key of fl_flow_hash(). */
void path__set_key(const uint64_t key[4]);
void path__set_gates(const struct path_gates *gates);

#endif
