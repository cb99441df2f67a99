/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure.h - what a program costs, in test runs.
 *
 * Net cost of a program = time per packet of feeder + program, less that of feeder + `empty`, which
 * only returns XDP_TX, under the same packets in the same round. Ratios are to the net cost of
 * `encap_floor` in the same round. Rounds go over all cases, and medians are taken over rounds, so what
 * disturbs the machine for a while disturbs all cases alike. What disturbs it for milliseconds is
 * filtered out: a time is that of the fastest of SLICES slices, and those of the programs that are
 * compared take turns.
 *
 * Before anything is timed, each case proves that the program does what is to be measured: action,
 * length and next hop of one packet, then the program's own verdict counter over a round's packets.
 */
#ifndef FAIRLEAD_BENCH_MEASURE_H
#define FAIRLEAD_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "bench/frames.h"
#include "bench/result.h"
#include "core/err.h"
#include "fairlead/abi.h"

/* Test runs arrive on `lo`, so it is the port of ingress, and for XDP_TX the way out. */
#define LO_IFINDEX 1

#define SLICES 8
#define SLICES_A_TURN 2 /* the first one warms the caches */

struct bpf_program;
struct feed_bpf;
struct world;

struct bench {
	struct feed_bpf *feed;
	int kept; /* link, see bench__keep() */
	uint32_t rounds;
	uint32_t slice; /* packets, a power of two */
	struct result *result;
	/* How far it is: rounds of what is measured now that are over; 0: it begins. NULL: nobody asks. */
	void (*told)(void *ctx, const char *what, uint32_t done, uint32_t rounds);
	void *ctx;
};

/* What a target must do with each packet of a case. */
struct expect {
	uint32_t action; /* enum xdp_action */
	int grow; /* bytes that the frame is longer by afterwards */
	enum fl_verdict verdict; /* counted by world's program; nobody counts when world is NULL */
	const struct world *world;
};

struct measured {
	char name[96]; /* of its rows */
	struct flows flows;
	struct expect expect;
	int prog; /* fd of the target */
	double net[MAX_ROUNDS]; /* ns */
	double floor[MAX_ROUNDS]; /* net cost of the floor under the same packets, ns */
	double empty[MAX_ROUNDS]; /* feeder and XDP_TX, ns */
};

int bench__open(struct bench *b, struct err *err);
void bench__close(struct bench *b);

/*
 * Makes test runs of one feeding program cheap to start. The kernel calls XDP programs that are in use
 * through a dispatcher; a run of a program that is not in it waits for two grace periods to put it
 * in and take it out. So it is attached to `lo`, which carries nothing.
 */
int bench__keep(struct bench *b, const struct bpf_program *prog, struct err *err);

/* Says how far it is with `what`. */
void bench__tell(const struct bench *b, const char *what, uint32_t done);

/*
 * Measures all cases in each of b->rounds rounds. Neighbours with equal flows take turns, and share
 * the figures of `empty` and of the floor. -EPROTO: a program does not do what is expected of it; -EINTR.
 */
int measure__all(struct bench *b, struct measured *cases, size_t n, struct err *err);

#endif
