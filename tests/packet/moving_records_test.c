/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records: who follows them, when they are over, and what takes their place. docs/transitions.md */
#include "moves.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "lb.skel.h"
#include "maps.h"

#define ISN 0xffff8000U
#define IDLE_S 900 /* of the rig's services */

static struct fl_flow record_of(struct rig *r, const struct spec *s)
{
	struct fl_flow f = {0};

	assert_true(moves__record(r, s, &f));
	return f;
}

static void established(struct rig *r, uint8_t version)
{
	struct spec syn = moves__tcp(version, FLAG_SYN, ISN),
		    ack = moves__tcp(version, FLAG_ACK, ISN + 1);

	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
}

/* Wherever the slot is by now, and whatever state it is in. */
static void test_followed(void **state)
{
	static const uint32_t words[] = {MOVES_PREV, MOVES_PREV | FL_MOVE_PINNED, MOVES_THIRD, 0};
	struct rig *r = moves__moving(false);

	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct spec ack = moves__tcp(v, FLAG_ACK, ISN + 2);

		established(r, v);
		for (size_t i = 0; i < COUNT(words); i++) {
			moves__words(r, words[i]);
			moves__slots(r, FL_SLOT_DIRTY | MOVES_THIRD);
			assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		}
		moves__no_tables(r);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		moves__slots(r, FL_SLOT_DIRTY | FL_SLOT_NONE);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		moves__start(r);
	}
}

static void test_seen(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec ack = moves__tcp(4, FLAG_ACK, ISN + 2);
	struct fl_flow f;

	(void)state;
	established(r, 4);
	moves__later(r, 100);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	f = record_of(r, &ack);
	/* Seconds, and some more for a machine that is emulated and busy. */
	assert_in_range(moves__now() - f.seen_s, 0, 9);
	assert_in_range(moves__now() - f.born_s, 100, 109);
	assert_int_equal(f.state, FL_FLOW_ACTIVE); /* and YOUNG no more */
}

/* A packet saves a record that the sweeper has marked, not one that it is deleting. */
static void test_dying_and_dead(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec ack = moves__tcp(6, FLAG_ACK, ISN + 2);
	struct fl_flow f = moves__a_record(FL_FLOW_DYING | FL_FLOW_OLD);

	(void)state;
	moves__set_record(r, &ack, &f);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_int_equal(record_of(r, &ack).state, FL_FLOW_ACTIVE | FL_FLOW_OLD);
	f.state = FL_FLOW_DEAD;
	moves__set_record(r, &ack, &f);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	moves__later(r, 1);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	assert_int_equal(record_of(r, &ack).state, FL_FLOW_DEAD);
	assert_int_equal(record_of(r, &ack).backend, MOVES_CUR);
}

static void test_fin_and_rst(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec s = moves__tcp(4, FLAG_ACK, ISN + 2);
	struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE);

	(void)state;
	moves__set_record(r, &s, &f);
	s.flags = FLAG_RST;
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	assert_int_equal(record_of(r, &s).state, FL_FLOW_ACTIVE | FL_FLOW_RST);
	s.flags = FLAG_FIN | FLAG_ACK;
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	assert_int_equal(record_of(r, &s).state, FL_FLOW_ACTIVE | FL_FLOW_FIN);
	s.flags = FLAG_ACK;
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	assert_int_equal(record_of(r, &s).state, FL_FLOW_ACTIVE | FL_FLOW_FIN);
}

/* --- young ---------------------------------------------------------------------------------------- */

/* A number has to fit in the record's first second; it begins anew, so that it lasts. */
static void keep_young(struct rig *r, const struct spec *s)
{
	struct fl_flow f = record_of(r, s);

	if (moves__now() == f.born_s)
		assert_true(f.state & FL_FLOW_YOUNG);
	f.state |= FL_FLOW_YOUNG;
	f.born_s = moves__now();
	moves__set_record(r, s, &f);
}

static void test_young_fits(void **state)
{
	static const struct {
		uint32_t from_isn;
		bool fits;
	} rows[] = {{40000, true},
		    {40000 + FL_FIT_BYTES, true},
		    {1, true}, /* sent again, from further back than FL_FIT_BYTES */
		    {0, true},
		    {(uint32_t)-1, false},
		    {40000 + 2 * FL_FIT_BYTES, true},
		    {40000 + 3 * FL_FIT_BYTES + 1, false},
		    {0x7fffffff, false}};
	struct rig *r = moves__moving(false);
	uint32_t misfits = 0;

	(void)state;
	established(r, 4);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spec s = moves__tcp(4, FLAG_ACK, ISN + rows[i].from_isn);

		keep_young(r, &s);
		misfits += !rows[i].fits;
		assert_int_equal(moves__goes_to(r, &s), rows[i].fits ? MOVES_CUR : MOVES_PREV);
	}
	assert_int_equal(moves__noted(r, FL_N_YOUNG_MISFIT), misfits);
	assert_int_equal(moves__records(r), 1);
}

/* A handshake forged on a living connection's addresses does not take it away. */
static void test_forged_handshake(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec living = moves__tcp(4, FLAG_ACK, ISN + 0x50000000);
	struct spec again = moves__tcp(4, FLAG_SYN, 0x20000077);
	struct spec answer = moves__tcp(4, FLAG_ACK, 0x20000078);

	(void)state;
	established(r, 4); /* the forged one */
	/* Not too long: the record must not be over before, on a slow machine either. */
	for (int i = 0; i < 6; i++) {
		assert_int_equal(moves__goes_to(r, &living), MOVES_PREV);
		/* Nor does another one change what was recorded first. */
		assert_int_equal(moves__goes_to(r, &again), MOVES_PREV);
		moves__later(r, 1);
	}
	assert_int_equal(record_of(r, &living).fit.isn, ISN);
	assert_int_equal(moves__goes_to(r, &answer), MOVES_PREV);
	/* Once it is over, the living one is recorded. */
	moves__later(r, FL_TENTATIVE_S);
	assert_int_equal(moves__goes_to(r, &living), MOVES_PREV);
	assert_int_equal(record_of(r, &living).state, FL_FLOW_ACTIVE | FL_FLOW_OLD);
	assert_int_equal(record_of(r, &living).backend, MOVES_PREV);
	assert_int_equal(moves__old_flows(r), 1);
}

/* Two forged packets do not take a new connection away. */
static void test_forged_packets(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec forged = moves__tcp(6, FLAG_ACK, ISN + 0x50000000);
	struct spec ack = moves__tcp(6, FLAG_ACK, ISN + 2);

	(void)state;
	established(r, 6);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(moves__goes_to(r, &forged), MOVES_PREV);
		moves__later(r, 1);
	}
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_int_equal(record_of(r, &ack).state, FL_FLOW_ACTIVE);
	assert_int_equal(moves__goes_to(r, &forged), MOVES_CUR);
}

/* --- over ----------------------------------------------------------------------------------------- */

/* Runs a new connection, ISN 500, over the record; true: it took its place. */
static bool replaced(struct rig *r, const struct fl_flow *f)
{
	struct spec syn = moves__tcp(4, FLAG_SYN, 500), ack = moves__tcp(4, FLAG_ACK, 501);
	uint32_t to;

	moves__set_record(r, &syn, f);
	to = moves__goes_to(r, &syn);
	assert_int_equal(moves__goes_to(r, &ack), to);
	return record_of(r, &ack).fit.isn == 500;
}

static void test_over(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE);

	(void)state;
	f.backend = MOVES_THIRD;
	assert_false(replaced(r, &f));
	f.seen_s = moves__now() - (IDLE_S - 1);
	assert_false(replaced(r, &f));
	f.seen_s = moves__now() - (IDLE_S + 1);
	assert_true(replaced(r, &f));
	f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_FIN);
	assert_true(replaced(r, &f));
	f = moves__a_record(FL_FLOW_DYING | FL_FLOW_RST);
	assert_true(replaced(r, &f));
	f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_PASSED);
	assert_true(replaced(r, &f));
	f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_YOUNG);
	f.seen_s -= FL_TENTATIVE_S;
	assert_true(replaced(r, &f));
	f = moves__a_record(FL_FLOW_ACTIVE);
	f.backend = MOVES_THIRD;
	moves__gone(r, MOVES_THIRD, true);
	assert_true(replaced(r, &f));
	moves__gone(r, MOVES_THIRD, false);
}

/* PINNED, and frozen: a record that is over must not decide about the new connection's next packets. */
static void test_over_in_the_way(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_FIN | FL_FLOW_OLD);
	struct spec syn = moves__tcp(4, FLAG_SYN, 500), ack = moves__tcp(4, FLAG_ACK, 501);
	struct fl_pressure full = {.full_s = moves__now()};

	(void)state;
	f.backend = MOVES_THIRD;
	moves__set_old_flows(r, 7);
	moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
	moves__set_record(r, &syn, &f);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_true(record_of(r, &syn).state & FL_FLOW_PASSED);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_int_equal(record_of(r, &ack).state, FL_FLOW_ACTIVE | FL_FLOW_YOUNG);
	assert_int_equal(record_of(r, &ack).backend, MOVES_CUR);
	assert_int_equal(moves__old_flows(r), 7 * FL_SRC_CELLS - 1);

	moves__words(r, MOVES_PREV | FL_MOVE_ACCEPTS);
	moves__set_pressure(r, &full);
	moves__set_record(r, &syn, &f);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
	assert_int_equal(record_of(r, &ack).backend, MOVES_PREV);
}

/* The connection that is over still has packets on their way. */
static void test_over_is_followed(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_FIN);
	struct spec syn = moves__tcp(4, FLAG_SYN, 500), late = moves__tcp(4, FLAG_ACK, 0x60000000);

	(void)state;
	f.backend = MOVES_THIRD;
	moves__set_record(r, &syn, &f);
	assert_int_equal(moves__goes_to(r, &late), MOVES_THIRD);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_int_equal(moves__goes_to(r, &late), MOVES_THIRD);
}

/* A backend that was gone for a moment: the SYN has passed its record, whatever comes back. */
static void test_passed(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE);
	struct spec syn = moves__tcp(4, FLAG_SYN, 500), ack = moves__tcp(4, FLAG_ACK, 501);

	(void)state;
	f.backend = MOVES_THIRD;
	moves__set_record(r, &syn, &f);
	moves__gone(r, MOVES_THIRD, true);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	moves__gone(r, MOVES_THIRD, false);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_int_equal(record_of(r, &ack).backend, MOVES_CUR);
}

/* --- full ----------------------------------------------------------------------------------------- */

static void fill(struct rig *r)
{
	static struct fl_flow_key keys[FL_MAX_FLOWS];
	static struct fl_flow flows[FL_MAX_FLOWS];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t n = FL_MAX_FLOWS;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(keys[i].saddr + 4, &i, sizeof(i));
		flows[i] = moves__a_record(FL_FLOW_ACTIVE);
	}
	assert_int_equal(
		bpf_map_update_batch(bpf_map__fd(r->skel->maps.flows), keys, flows, &n, &opts), 0);
}

/* No room: the handshake's tentative record has to do, and the slot freezes where it can. */
static void test_flows_full(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN), ack = moves__tcp(4, FLAG_ACK, ISN + 1);
	struct fl_tentative t;

	(void)state;
	fill(r);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	moves__words(r, MOVES_PREV | FL_MOVE_ACCEPTS);
	moves__slots(r, FL_SLOT_DIRTY | MOVES_THIRD);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		assert_true(moves__tentative(r, &ack, &t));
		t.seen_s -= FL_TENTATIVE_S - 2;
		moves__set_tentative(r, &ack, &t);
		ack.seq += FL_FIT_BYTES;
	}
	assert_int_equal(moves__noted(r, FL_N_FLOWS_FULL), 3);
	assert_in_range(moves__now() - moves__pressure(r).full_s, 0, 1);
	syn.sport++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
	assert_int_equal(moves__records(r), FL_MAX_FLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_followed),	cmocka_unit_test(test_seen),
		cmocka_unit_test(test_dying_and_dead),	cmocka_unit_test(test_fin_and_rst),
		cmocka_unit_test(test_young_fits),	cmocka_unit_test(test_forged_handshake),
		cmocka_unit_test(test_forged_packets),	cmocka_unit_test(test_over),
		cmocka_unit_test(test_over_in_the_way), cmocka_unit_test(test_over_is_followed),
		cmocka_unit_test(test_passed),		cmocka_unit_test(test_flows_full),
	};

	return check__table("packet_moving_records", NULL, 0, tests, COUNT(tests));
}
