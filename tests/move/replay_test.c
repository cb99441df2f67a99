/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program is what the model is: the same sequences, packet by packet, by BPF_PROG_TEST_RUN; where
 * each packet goes and what each flow's record is after it. FL_SEED, FL_REPLAYS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fairlead/abi.h"
#include "replay.h"
#include "sequence.h"

#define REPLAYS 3000
/* Sequences that once were told otherwise by the model: which, and what it was about. */
static const uint64_t known[] = {
	(1795935518ULL << 24) + 1383, /* a SYN sent again to a slot that is MOVING to its `prev` */
};

#define TRIES 20 /* of one sequence: it must not last into another second */

struct run {
	struct replay *replay;
	struct mv_net net;
	uint64_t packets;
	bool differs;
};

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t second(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec;
}

/* After the model has decided: what does the program say? */
static void on_packet(void *arg, const struct mv_packet *p, uint8_t backend)
{
	struct run *run = arg;
	uint8_t to;

	if (run->differs)
		return;
	replay__write(run->replay, &run->net.m);
	to = replay__packet(run->replay, p);
	run->packets++;
	if (to != backend) {
		fprintf(stderr, "flow %u: the model sends it to %u, the program to %u\n", p->flow,
			backend, to);
		run->differs = true;
	}
	run->differs |= !replay__same(run->replay, &run->net.m, p->flow);
}

static void step(struct run *run, const struct mv_op *op)
{
	struct mv_net *n = &run->net;
	const struct mv_op erase = {.kind = OP_SWEEP_ERASE};

	if (op->kind == OP_SWEEP_APPLY) {
		replay__write(run->replay, &n->m);
		replay__sweep(run->replay, &n->agent);
	}
	mv_net__run(n, op);
	/* Marked DEAD and deleted in one run of the program. */
	if (op->kind == OP_SWEEP_APPLY)
		mv_net__run(n, &erase);
	if (op->kind == OP_ADVANCE)
		replay__advance(run->replay, op->a);
	if (op->kind == OP_EVICT)
		replay__evict(run->replay, op->a % MV_FLOWS);
}

/* False: the program does something else. *late: a second has begun meanwhile, so it proves nothing. */
static bool replay(struct run *run, const struct mv_sequence *s, bool *late)
{
	uint64_t began = second();

	mv_net__init(&run->net, s->settings, MV_SOUND);
	/* The kernel's hash is full when it likes, and the rate of handshakes is none here. */
	run->net.m.flows_max = MV_RECORDS;
	run->net.watch = on_packet;
	run->net.arg = run;
	run->differs = false;
	replay__reset(run->replay, &run->net.m);
	for (uint32_t i = 0; i < s->n && !run->differs; i++) {
		if (s->ops[i].kind != OP_CHURN)
			step(run, &s->ops[i]);
	}
	*late = second() != began;
	return !run->differs;
}

static bool replay_surely(struct run *run, const struct mv_sequence *s)
{
	bool late = true, same = true;

	for (int i = 0; i < TRIES && late; i++)
		same = replay(run, s, &late);
	return same || late;
}

/* Takes out operations for as long as there is a difference. */
static void shrink(struct run *run, struct mv_sequence *s)
{
	for (uint32_t at = 0; at < s->n;) {
		struct mv_sequence less = *s;

		less.n--;
		for (uint32_t i = at; i < less.n; i++)
			less.ops[i] = s->ops[i + 1];
		if (replay_surely(run, &less))
			at++;
		else
			*s = less;
	}
}

static void test_replay(void **state)
{
	uint64_t seed = from_env("FL_SEED", (uint64_t)time(NULL)), at = 0;
	uint64_t most = from_env("FL_REPLAYS", REPLAYS);
	struct run run = {.replay = replay__new()};
	struct mv_sequence s;
	bool same = true;

	(void)state;
	assert_non_null(run.replay);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known) && same; i++) {
		mv_sequence__make(&s, known[i]);
		same = replay_surely(&run, &s);
	}
	for (; at < most && same; at++) {
		mv_sequence__make(&s, (seed << 24) + at);
		same = replay_surely(&run, &s);
	}
	printf("note: FL_SEED=%llu, %llu sequences, %llu packets by model and program\n",
	       (unsigned long long)seed, (unsigned long long)at, (unsigned long long)run.packets);
	if (!same) {
		shrink(&run, &s);
		mv_sequence__show(&s, MV_SOUND);
		replay_surely(&run, &s);
	}
	replay__free(run.replay);
	assert_true(same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_replay)};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
