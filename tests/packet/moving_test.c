/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP to slots that are not clean, line by line of docs/transitions.md, "A packet to a slot that is not
 * clean", over both versions of IP.
 */
#include "moves.h"

#include <bpf/bpf.h>
#include <string.h>

#include "maps.h"

#define ISN 0xfffff000U /* so that numbers wrap */

/* As bpf/pick/sight.h has it: what is there at once, and how long each more takes. */
#define TENTATIVE_BURST_NS 4000000000ULL
#define TENTATIVE_GAP_NS (TENTATIVE_BURST_NS / (FL_MAX_TENTATIVE / 2))

/* --- no record ---------------------------------------------------------------------------------- */

static void test_clean_leaves_nothing(void **state)
{
	struct rig *r = moves__rig((struct rig_gates){0});

	(void)state;
	BOTH
	{
		struct spec syn = moves__tcp(v, FLAG_SYN, ISN),
			    ack = moves__tcp(v, FLAG_ACK, ISN + 1);

		assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	}
	assert_int_equal(moves__records(r) + moves__tentatives(r) + moves__sightings(r), 0);
}

static void test_new_connection(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_tentative t;
	struct fl_flow f;

	(void)state;
	BOTH
	{
		struct spec syn = moves__tcp(v, FLAG_SYN, ISN),
			    ack = moves__tcp(v, FLAG_ACK, ISN + 1);

		assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
		assert_true(moves__tentative(r, &syn, &t));
		assert_int_equal(t.backend, MOVES_CUR);
		assert_int_equal(t.fit.isn, ISN);
		assert_int_equal(t.fit.seq, ISN);
		assert_int_equal(t.slot, rig__hash(r, &syn) % FL_SLOTS_4K_N);
		assert_in_range(moves__now() - t.seen_s, 0, 1);
		assert_false(moves__record(r, &syn, &f));

		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		assert_true(moves__record(r, &syn, &f));
		assert_int_equal(f.state, FL_FLOW_ACTIVE | FL_FLOW_YOUNG);
		assert_int_equal(f.backend, MOVES_CUR);
		assert_int_equal(f.slot, t.slot);
		assert_int_equal(f.fit.isn, ISN);
		assert_int_equal(f.fit.seq, ISN + 1);
		assert_int_equal(f.seen_s, f.born_s);
		assert_false(moves__tentative(r, &syn, &t));
	}
	assert_int_equal(moves__noted(r, FL_N_TENTATIVE), 2);
	assert_int_equal(moves__noted(r, FL_N_PROMOTED), 2);
	assert_int_equal(moves__sightings(r), 0);
	assert_int_equal(moves__old_flows(r), 0);
}

/* Too many handshakes become records: this one's waits, and goes where it began all the same. */
static void test_promotion_waits(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN), ack = moves__tcp(4, FLAG_ACK, ISN + 1);
	struct fl_tentative t;
	struct fl_flow f;

	(void)state;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	moves__set_churn(r, FL_CHURN_PROMOTED, maps__clock() + 60 * 1000000000ULL);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_false(moves__record(r, &syn, &f));
	assert_true(moves__tentative(r, &syn, &t));
	assert_int_equal(moves__noted(r, FL_N_PROMOTION_WAITS), 1);
	assert_in_range(moves__now() - moves__pressure(r).full_s, 0, 1);
	moves__set_churn(r, FL_CHURN_PROMOTED, 0);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_true(moves__record(r, &syn, &f));
	assert_int_equal(f.backend, MOVES_CUR);
}

/* Only a number that fits confirms. */
static void test_answers_that_fit(void **state)
{
	static const struct {
		uint32_t beyond;
		bool fits;
	} rows[] = {{0, false},
		    {1, true},
		    {2000, true},
		    {FL_FIT_BYTES, true},
		    {FL_FIT_BYTES + 1, false},
		    {0x80000000, false},
		    {(uint32_t)-1, false}};
	struct fl_flow f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig *r = moves__moving(false);
		struct spec syn = moves__tcp(4, FLAG_SYN, ISN),
			    ack = moves__tcp(4, FLAG_ACK, ISN + rows[i].beyond);

		assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
		assert_int_equal(moves__goes_to(r, &ack), rows[i].fits ? MOVES_CUR : MOVES_PREV);
		assert_int_equal(moves__record(r, &syn, &f), rows[i].fits);
	}
}

/* A SYN+ACK, and a reset of nothing, begin nothing. */
static void test_any_other(void **state)
{
	static const uint8_t flags[] = {FLAG_ACK, FLAG_SYN | FLAG_ACK, FLAG_RST, FLAG_FIN, 0};
	struct rig *r = moves__moving(false);

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		BOTH
		{
			struct spec s = moves__tcp(v, flags[i], 77);

			s.sport = (uint16_t)(1000 + i);
			assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
		}
	}
	assert_int_equal(moves__records(r) + moves__tentatives(r), 0);
	assert_int_equal(moves__sightings(r), 2 * COUNT(flags));
}

static void test_retransmitted_syn(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN);
	struct fl_tentative t;
	uint32_t began_s = moves__now();

	(void)state;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	/* The slot moves on. */
	moves__slots(r, FL_SLOT_DIRTY | MOVES_THIRD);
	moves__later(r, 20);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_true(moves__tentative(r, &syn, &t));
	assert_in_range(moves__now() - t.seen_s, 0, 1);
	/* PINNED: the same, but the agent waits for its end. */
	moves__later(r, 20);
	moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_true(moves__tentative(r, &syn, &t));
	/* Seconds pass by themselves where the processor is emulated. */
	assert_in_range(moves__now() - t.seen_s, 20, 21 + moves__now() - began_s);
	moves__later(r, FL_TENTATIVE_S - 20);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_THIRD);
	/* Another connection is another connection. */
	moves__words(r, MOVES_PREV);
	syn.seq++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_THIRD);
	assert_true(moves__tentative(r, &syn, &t));
	assert_int_equal(t.fit.isn, ISN + 1);
}

/* A handshake that was begun before the end of MOVING is completed after it. */
static void test_answer_in_pinned(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(6, FLAG_SYN, ISN), ack = moves__tcp(6, FLAG_ACK, ISN + 1);
	struct fl_flow f;

	(void)state;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
	moves__slots(r, FL_SLOT_DIRTY | MOVES_PREV);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_true(moves__record(r, &ack, &f));
}

static void test_tentative_too_old(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN), ack = moves__tcp(4, FLAG_ACK, ISN + 1);

	(void)state;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	moves__later(r, FL_TENTATIVE_S);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	assert_int_equal(moves__records(r), 0);
}

/* PINNED, cur that is prev, a prev that nobody is, no table: to cur, and nothing is left behind. */
static void test_cur_stateless(void **state)
{
	static const uint32_t words[] = {MOVES_PREV | FL_MOVE_PINNED, MOVES_CUR, FL_SLOT_NONE, 0};
	struct rig *r = moves__moving(false);

	(void)state;
	for (size_t i = 0; i <= COUNT(words); i++) {
		if (i < COUNT(words))
			moves__words(r, words[i]);
		else
			moves__no_tables(r);
		BOTH
		{
			struct spec syn = moves__tcp(v, FLAG_SYN, 5),
				    ack = moves__tcp(v, FLAG_ACK, 6);

			assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
			assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		}
	}
	assert_int_equal(moves__records(r) + moves__tentatives(r) + moves__sightings(r), 0);
}

/* Nobody is to have new connections; the old ones stay. */
static void test_cur_is_nobody(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, 5), ack = moves__tcp(4, FLAG_ACK, 900);

	(void)state;
	moves__slots(r, FL_SLOT_DIRTY | FL_SLOT_NONE);
	assert_int_equal(moves__goes_to(r, &syn), 0);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	assert_int_equal(moves__tentatives(r), 0);
}

/* --- old flows ---------------------------------------------------------------------------------- */

/* A rig to which two packets of a flow came within one second: another one until it is so. */
static struct rig *twice_in_a_second(const struct spec *s)
{
	uint32_t began_s;
	struct rig *r;

	do {
		r = moves__moving(false);
		began_s = moves__now();
		assert_int_equal(moves__goes_to(r, s), MOVES_PREV);
		assert_int_equal(moves__goes_to(r, s), MOVES_PREV);
	} while (moves__now() != began_s);
	return r;
}

static void test_old_flow(void **state)
{
	struct fl_flow f;

	(void)state;
	BOTH
	{
		struct spec ack = moves__tcp(v, FLAG_ACK, 7000000);
		struct rig *r = twice_in_a_second(&ack);

		assert_false(moves__record(r, &ack, &f));
		assert_int_equal(moves__sightings(r), 1);
		/* However long it takes. */
		moves__later(r, v == 4 ? 1 : 800);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
		assert_true(moves__record(r, &ack, &f));
		assert_int_equal(f.state, FL_FLOW_ACTIVE | FL_FLOW_OLD);
		assert_int_equal(f.backend, MOVES_PREV);
		assert_int_equal(moves__sightings(r), 0);
		/* The slot moves on, and is done moving. */
		moves__slots(r, FL_SLOT_DIRTY | MOVES_THIRD);
		moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
		ack.seq += 0x40000000;
		assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
		assert_int_equal(moves__noted(r, FL_N_OLD_FLOW), 1);
		assert_int_equal(moves__old_flows(r), 1);
	}
}

static void test_sighted_keeps_beginnings(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec ack = moves__tcp(4, FLAG_ACK, 9), syn = moves__tcp(4, FLAG_SYN, ISN);
	struct fl_tentative t;

	(void)state;
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
	assert_true(moves__tentative(r, &syn, &t));
	assert_int_equal(t.backend, MOVES_PREV);
	/* Not with a backend that is gone, and not for ever. */
	moves__gone(r, MOVES_PREV, true);
	syn.seq++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	moves__gone(r, MOVES_PREV, false);
	syn.seq++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
	moves__later(r, FL_SIGHTED_S);
	syn.seq++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
}

static void test_source_cap(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec ack = moves__tcp(6, FLAG_ACK, 9);

	(void)state;
	moves__set_old_flows(r, FL_SRC_FLOWS);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	moves__later(r, 1);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	assert_int_equal(moves__records(r), 0);
	assert_int_equal(moves__noted(r, FL_N_SOURCE_FULL), 1);
	moves__set_old_flows(r, FL_SRC_FLOWS - 1);
	moves__later(r, 1);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	assert_int_equal(moves__records(r), 1);
}

/* A flood of unknown flows takes neither records nor sightings that another flow needs for long. */
static void test_ack_flood(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec ack = moves__tcp(4, FLAG_ACK, 9);

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		ack.sport = (uint16_t)i;
		ack.seq = i * 2654435761U;
		ack.ip.src[3] = (uint8_t)(i >> 7);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	}
	assert_int_equal(moves__records(r) + moves__tentatives(r), 0);
}

/* --- freeze ------------------------------------------------------------------------------------- */

static void test_freeze_when_full(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN);
	struct fl_pressure full = {.full_s = moves__now()};

	(void)state;
	moves__set_pressure(r, &full);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR); /* prev does not accept */
	assert_int_equal(moves__tentatives(r), 1);
	moves__words(r, MOVES_PREV | FL_MOVE_ACCEPTS);
	syn.sport++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
	assert_int_equal(moves__tentatives(r), 1);
	assert_int_equal(moves__noted(r, FL_N_FROZEN), 1);
	assert_in_range(moves__now() - moves__pressure(r).frozen_s, 0, 1);
	moves__later(r, FL_PRESSURE_S);
	syn.sport++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
}

/* To the nanosecond: the clock is coarse, and so stands still while a packet is looked at. */
static void test_freeze_when_churning(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(6, FLAG_SYN, ISN);

	(void)state;
	moves__words(r, MOVES_PREV | FL_MOVE_ACCEPTS);
	moves__set_churn(r, FL_CHURN_TENTATIVE, maps__clock() + 60 * 1000000000ULL);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
	assert_int_equal(moves__noted(r, FL_N_FROZEN), 1);
	assert_int_equal(moves__noted(r, FL_N_TENTATIVE), 0);
	moves__set_churn(r, FL_CHURN_TENTATIVE, maps__clock());
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_int_equal(moves__noted(r, FL_N_FROZEN), 1);
	assert_int_equal(moves__noted(r, FL_N_TENTATIVE), 1);
	r->unexplained = true;
	for (uint64_t over = 0; over < 2; over++) {
		uint64_t now;
		uint32_t to;

		do {
			syn.sport++;
			now = maps__clock();
			moves__set_churn(r, FL_CHURN_TENTATIVE, now + TENTATIVE_BURST_NS + over);
			to = moves__goes_to(r, &syn);
		} while (maps__clock() != now);
		assert_int_equal(to, over ? MOVES_PREV : MOVES_CUR);
	}
}

/* Tentative records made at once, until the freeze: fewer than the LRU holds. */
static void test_syn_flood(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN);
	uint64_t at_once = TENTATIVE_BURST_NS / TENTATIVE_GAP_NS + 1, began;
	uint32_t to_cur = 0;

	(void)state;
	assert_in_range(at_once, FL_MAX_TENTATIVE / 2, FL_MAX_TENTATIVE - 1);
	r->unexplained = true;
	moves__words(r, MOVES_PREV | FL_MOVE_ACCEPTS);
	began = maps__clock();
	for (uint32_t i = 0; i < FL_MAX_TENTATIVE; i++) {
		syn.sport = (uint16_t)i;
		to_cur += moves__goes_to(r, &syn) == MOVES_CUR;
	}
	assert_in_range(to_cur, at_once, at_once + (maps__clock() - began) / TENTATIVE_GAP_NS + 1);
	assert_int_equal(moves__noted(r, FL_N_FROZEN), FL_MAX_TENTATIVE - to_cur);
	assert_int_equal(moves__records(r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_leaves_nothing),
		cmocka_unit_test(test_new_connection),
		cmocka_unit_test(test_promotion_waits),
		cmocka_unit_test(test_answers_that_fit),
		cmocka_unit_test(test_any_other),
		cmocka_unit_test(test_retransmitted_syn),
		cmocka_unit_test(test_answer_in_pinned),
		cmocka_unit_test(test_tentative_too_old),
		cmocka_unit_test(test_cur_stateless),
		cmocka_unit_test(test_cur_is_nobody),
		cmocka_unit_test(test_old_flow),
		cmocka_unit_test(test_sighted_keeps_beginnings),
		cmocka_unit_test(test_source_cap),
		cmocka_unit_test(test_ack_flood),
		cmocka_unit_test(test_freeze_when_full),
		cmocka_unit_test(test_freeze_when_churning),
		cmocka_unit_test(test_syn_flood),
	};

	return check__table("packet_moving", NULL, 0, tests, COUNT(tests));
}
