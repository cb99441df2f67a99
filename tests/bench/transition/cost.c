/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cost.c - usage: cost RESULTS.json: what a packet of a recorded connection to a MOVING slot costs.
 *
 * Beside it, in the same rounds, the same packets through the same path with a bare look-up of `flows`
 * (../bare.bpf.c), and packets to a service of which all slots are CLEAN. Records are made as in
 * production: the program meets the flows in two different seconds.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare.skel.h"
#include "bench/host.h"
#include "bench/measure.h"
#include "bench/world.h"

#define ROUNDS 21
#define SLICE 16384
#define BACKENDS 64
#define CLEAN_PORT 80
#define MOVING_PORT 81
#define MEETINGS 5 /* passes over the flows, each in another second */
#define GOAL 1.15

static const uint32_t counts[] = {1, 1U << 14, 1U << 17};
#define N_COUNTS (sizeof(counts) / sizeof(*counts))

enum which { MOVING, BARE, CLEAN, WHICH };

static const struct goal no_goal = {NO_GOAL, 0};

static int fill(struct world *w, struct err *err)
{
	const struct addr vip = frames__vip(4, 0);
	uint16_t indices[BACKENDS];
	int rc = world__backends(w, FL_FWD_IPIP4, LO_IFINDEX, BACKENDS, indices, err);

	if (!rc)
		rc = world__service(w, &vip, IPPROTO_TCP, CLEAN_PORT, FL_SLOTS_64K, indices,
				    BACKENDS, err);
	if (!rc)
		rc = world__service(w, &vip, IPPROTO_TCP, MOVING_PORT, FL_SLOTS_64K, indices + 1,
				    BACKENDS - 1, err);
	return rc ? rc : world__move(w, indices[0], err);
}

static struct measured one(const struct world *w, const struct bare_bpf *bare, uint32_t flows,
			   enum which which, uint8_t tcp_flags)
{
	static const char *const names[WHICH] = {"recorded connection, slot MOVING",
						 "bare look-up of flows", "slot CLEAN"};
	struct measured m = {
		.flows = {4, IPPROTO_TCP, tcp_flags, false,
			  which == CLEAN ? CLEAN_PORT : MOVING_PORT, flows, 1},
		.expect = {XDP_TX, 20, FL_V_SEND_IPIP, w},
		.prog = which == BARE ? bpf_program__fd(bare->progs.bare) : world__lb(w),
	};

	if (tcp_flags == TCP_SYN)
		snprintf(m.name, sizeof(m.name), "cost: SYN of a random source, %s",
			 which == CLEAN ? "slot CLEAN" : "slot MOVING: a tentative record each");
	else
		snprintf(m.name, sizeof(m.name), "cost: %s, %u flow%s", names[which], flows,
			 flows == 1 ? "" : "s");
	return m;
}

/* The program meets each flow in different seconds, and records it. */
static int meet(const struct bench *b, const struct world *w, struct err *err)
{
	struct bench once = *b;
	int rc = 0;

	once.rounds = 1;
	for (int i = 0; i < MEETINGS && !rc; i++) {
		for (size_t c = 0; c < N_COUNTS && !rc; c++) {
			struct measured m = one(w, NULL, counts[c], MOVING, TCP_ACK);

			rc = measure__all(&once, &m, 1, err);
		}
		usleep(1100000);
	}
	return rc;
}

static void report(const struct bench *b, const struct world *w, const struct measured *m)
{
	double ratio[MAX_ROUNDS];

	/* What has none is not what is measured: it must be all but a few. */
	result__add_one(b->result, "cost: records of the 131072 connections", "records",
			(double)world__note(w, FL_N_OLD_FLOW), no_goal);

	for (size_t i = 0; i < N_COUNTS * WHICH + 2; i++) {
		result__add(b->result, m[i].name, "ns", m[i].net, b->rounds, no_goal);
		if (i >= N_COUNTS * WHICH || i % WHICH != MOVING)
			continue;
		for (uint32_t r = 0; r < b->rounds; r++)
			ratio[r] = m[i].net[r] / m[i + BARE].net[r];
		result__add(b->result, m[i].name, "x bare look-up", ratio, b->rounds,
			    (struct goal){AT_MOST, GOAL});
	}
}

static int measure(struct bench *b, const struct world *w, const struct bare_bpf *bare,
		   struct err *err)
{
	const size_t n = N_COUNTS * WHICH + 2;
	struct measured *m = calloc(n, sizeof(*m));
	int rc;

	if (!m)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < N_COUNTS * WHICH; i++)
		m[i] = one(w, bare, counts[i / WHICH], (enum which)(i % WHICH), TCP_ACK);
	m[n - 2] = one(w, bare, RANDOM_SOURCES, MOVING, TCP_SYN);
	m[n - 1] = one(w, bare, RANDOM_SOURCES, CLEAN, TCP_SYN);
	rc = meet(b, w, err);
	if (!rc)
		rc = measure__all(b, m, n, err);
	if (!rc)
		report(b, w, m);
	free(m);
	return rc;
}

static int with_world(struct bench *b, struct err *err)
{
	struct bare_bpf *bare = bare_bpf__open();
	struct world *w = NULL;
	int rc = bare ? world__open(WORLD_PLAIN, &w, err) : err__set(err, -ENOMEM, "out of memory");

	if (!rc)
		rc = fill(w, err);
	if (!rc)
		rc = world__share(w, bare->obj, err);
	if (!rc && bare_bpf__load(bare))
		rc = err__set(err, -EINVAL, "cannot load bare.bpf.o (libbpf says: %s)",
			      world__libbpf_said());
	if (!rc)
		rc = measure(b, w, bare, err);
	bare_bpf__destroy(bare);
	world__close(w);
	return rc;
}

int main(int argc, char **argv)
{
	struct bench b = {.kept = -1, .rounds = ROUNDS, .slice = SLICE, .result = result__new()};
	struct err err = {{0}};
	int rc;

	if (argc != 2 || !b.result) {
		fprintf(stderr, "usage: %s RESULTS.json\n", argv[0]);
		return 2;
	}
	rc = host__enter(&(struct host_manners){-1, true, true}, &err);
	if (!rc)
		rc = bench__open(&b, &err);
	if (!rc) {
		host__describe();
		rc = with_world(&b, &err);
		bench__close(&b);
	}
	host__leave();
	if (!rc)
		rc = result__write(b.result, argv[1], &err);
	if (rc)
		fprintf(stderr, "cost: %s\n", err.text);
	result__free(b.result);
	return rc ? 1 : 0;
}
