/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No sequence breaks a connection that the promise covers; and each rule of docs/transitions.md is
 * needed: without it, some sequence does. FL_SEED, FL_SEQUENCES; a failure prints the shortest
 * sequence that was found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sequence.h"

#define SEQUENCES 200000
#define MUTANT_SEED 7
#define MUTANT_SEQUENCES 2000000 /* a mutant must be found out within so many */

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* The first sequence of a seed's that breaks; its number, or `most`. */
static uint64_t find(uint64_t seed, enum mv_broken broken, uint64_t most, struct mv_sequence *s,
		     struct mv_net *sums)
{
	struct mv_net net;

	for (uint64_t i = 0; i < most; i++) {
		bool sound;

		mv_sequence__make(s, (seed << 24) + i);
		/* What has nothing to do with them is found sooner without. */
		if (broken && broken < MV_NO_GRACE)
			s->settings &= ~MV_KIND_BITS;
		sound = mv_sequence__run(s, broken, &net);
		for (int e = 0; e < MV_EXCUSES; e++)
			sums->breaks[e] += net.breaks[e];
		sums->packets += net.packets;
		sums->homecomings += net.homecomings;
		if (!sound)
			return i;
	}
	return most;
}

static void test_promise(void **state)
{
	uint64_t seed = from_env("FL_SEED", (uint64_t)time(NULL)), at;
	uint64_t most = from_env("FL_SEQUENCES", SEQUENCES);
	struct mv_net sums = {};
	struct mv_sequence s;

	(void)state;
	at = find(seed, MV_SOUND, most, &s, &sums);
	printf("note: FL_SEED=%llu, %llu sequences, %llu packets; breaks: avoidable %llu, quiet %llu, "
	       "backend %llu, SYN twice %llu, handshake void %llu, "
	       "forged %llu, rival %llu; %llu connections of known clients\n",
	       (unsigned long long)seed, (unsigned long long)most, (unsigned long long)sums.packets,
	       (unsigned long long)sums.breaks[MV_AVOIDABLE],
	       (unsigned long long)sums.breaks[MV_QUIET],
	       (unsigned long long)sums.breaks[MV_BACKEND],
	       (unsigned long long)sums.breaks[MV_RESYN], (unsigned long long)sums.breaks[MV_VOID],
	       (unsigned long long)sums.breaks[MV_FORGED],
	       (unsigned long long)sums.breaks[MV_RIVAL], (unsigned long long)sums.homecomings);
	if (at < most) {
		mv_sequence__shrink(&s, MV_SOUND);
		mv_sequence__show(&s, MV_SOUND);
	}
	assert_int_equal(at, most);
}

static const char *const rules[MV_RULES] = {
	[MV_PREV_REPLACED] = "a second change keeps prev",
	[MV_HOLD_SHORT] = "MOVING lasts for hold",
	[MV_HOLD_FROZEN] = "the freeze prolongs hold",
	[MV_HOLD_DOWN] = "down_hold runs from DOWN",
	[MV_NO_TENTATIVE] = "a new connection has a tentative record",
	[MV_FIT_ANY] = "sequence numbers must fit the ISN",
	[MV_FIT_BACK] = "a retransmission fits down to the ISN",
	[MV_PINNED_FIRST] = "a retransmitted SYN follows the first",
	[MV_AGE_ANEW] = "tentative records end in PINNED",
	[MV_OVER_STAYS] = "a SYN past a record that is over has a tentative record",
	[MV_OVER_AGAIN] = "what a SYN has passed stays over",
	[MV_DISPLACE] = "a young record is not displaced by a handshake",
	[MV_GIVES_WAY] = "a young record is not displaced by a sighting",
	[MV_SIGHT_VOID] = "a sighting counts for all of hold",
	[MV_OVER_DEAD] = "no record over a DEAD one",
	[MV_SWEEP_BLIND] = "the sweeper compares",
	[MV_SWEEP_DOWN] = "records outlive their backend's flap",
	[MV_CLEAN_EARLY] = "PINNED lasts until the last record is gone",
	[MV_WORDS_LATE] = "words before the swap",
	[MV_STALE] = "hold runs from the swap",
	[MV_BACK_EARLY] = "prev back: PINNED after the swap",
	[MV_NO_GRACE] = "UDP has its grace",
	[MV_GRACE_ONLY] = "UDP that was sighted in its grace is recorded after it",
	[MV_GRACE_LOST] = "and is not forgotten while there is no room",
	[MV_INITIAL] = "a QUIC Initial begins a connection",
	[MV_SPLIT] = "a known client's next connections follow the others",
	[MV_CLIENT_STALE] = "a client is known as long as its connections speak",
};

static void test_rule(void **state)
{
	enum mv_broken broken = (enum mv_broken)(intptr_t)*state;
	struct mv_net sums = {};
	struct mv_sequence s;
	uint64_t at = find(MUTANT_SEED, broken, MUTANT_SEQUENCES, &s, &sums);
	uint32_t n = s.n;

	assert_true(at < MUTANT_SEQUENCES);
	mv_sequence__shrink(&s, broken);
	printf("note: without \"%s\": sequence %llu breaks, %u of its %u operations suffice\n",
	       rules[broken], (unsigned long long)at, s.n, n);
	if (getenv("FL_SHOW"))
		mv_sequence__show(&s, broken);
}

int main(void)
{
	struct CMUnitTest tests[MV_RULES] = {cmocka_unit_test(test_promise)};

	for (int i = 1; i < MV_RULES; i++)
		tests[i] = (struct CMUnitTest){.name = rules[i],
					       .test_func = test_rule,
					       .initial_state = (void *)(intptr_t)i};
	return cmocka_run_group_tests_name("transitions", tests, NULL, NULL);
}
