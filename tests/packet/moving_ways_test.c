/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that are not clean, for packets that do not go straight: fragments, ICMP errors, VLAN tags and
 * IP options, affinities, NAT. docs/transitions.md
 */
#include "moves.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "icmp.h"
#include "lb.skel.h"
#include "maps.h"

#define ISN 7000U

/* One connection, its packets in every shape. */
static void test_shapes(void **state)
{
	static void (*const shapes[])(struct spec *) = {change__tag, change__qinq, change__padded,
							change__tos, change__all_options};

	(void)state;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct rig *r = moves__moving(true);

		BOTH
		{
			struct spec syn = moves__tcp(v, FLAG_SYN, ISN),
				    ack = moves__tcp(v, FLAG_ACK, ISN + 1);
			struct fl_flow f;

			if (shapes[i] == change__all_options && v == 6)
				continue;
			assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
			shapes[i](&ack);
			assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
			assert_true(moves__record(r, &ack, &f));
			moves__words(r, MOVES_PREV);
			moves__slots(r, FL_SLOT_DIRTY | MOVES_THIRD);
			assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
			moves__start(r);
		}
	}
}

/* What the straight way cannot forward after it picked is picked once: one note, one token. */
static void test_picked_once(void **state)
{
	struct rig *r = moves__moving(true);
	struct fl_pressure full = {.full_s = moves__now()};

	(void)state;
	/* A small MTU is for the longer way. */
	r->backends[MOVES_PREV].hop[0].mtu = 100;
	moves__words(r, MOVES_PREV | FL_MOVE_ACCEPTS);
	moves__set_pressure(r, &full);
	for (uint32_t i = 1; i <= 3; i++) {
		struct spec syn = moves__tcp(4, FLAG_SYN, ISN + i);

		assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
		assert_int_equal(moves__noted(r, FL_N_FROZEN), i);
	}
}

static void test_fragments(void **state)
{
	struct rig *r = moves__moving(true);
	struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE);

	(void)state;
	f.backend = MOVES_THIRD;
	BOTH
	{
		struct spec first = moves__tcp(v, FLAG_ACK, ISN), later = first;

		moves__set_record(r, &first, &f);
		build__first(&first, v);
		build__later(&later, v, 100);
		assert_int_equal(moves__goes_to(r, &first), MOVES_THIRD);
		assert_int_equal(moves__goes_to(r, &later), MOVES_THIRD);
		first.sport++;
		build__first(&first, v + 10U);
		build__later(&later, v + 10U, 100);
		assert_int_equal(moves__goes_to(r, &first), MOVES_PREV);
		assert_int_equal(moves__goes_to(r, &later), MOVES_PREV);
		/* The rest of the datagram goes there still when the slot is done. */
		moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
		assert_int_equal(moves__goes_to(r, &later), MOVES_PREV);
		assert_int_equal(moves__goes_to(r, &first), MOVES_CUR);
		moves__words(r, MOVES_PREV);
	}
}

/* By the record, else to prev, else to cur; and an error changes nothing. */
static void test_errors(void **state)
{
	struct rig *r = moves__moving(true);
	struct fl_flow f = moves__a_record(FL_FLOW_DYING | FL_FLOW_YOUNG);

	(void)state;
	f.backend = MOVES_THIRD;
	BOTH
	{
		struct spec flow = moves__tcp(v, FLAG_ACK, ISN), answer = build__reply(&flow);
		struct spec error = icmp__error(&answer, 0), udp = build__udp(v), udp_answer;
		struct fl_flow after;

		moves__words(r, MOVES_PREV);
		assert_int_equal(moves__goes_to(r, &error), MOVES_PREV);
		moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
		assert_int_equal(moves__goes_to(r, &error), MOVES_CUR);
		moves__set_record(r, &flow, &f);
		assert_int_equal(moves__goes_to(r, &error), MOVES_THIRD);
		assert_true(moves__record(r, &flow, &after));
		assert_memory_equal(&after, &f, sizeof(f));
		f.state = FL_FLOW_DEAD;
		moves__set_record(r, &flow, &f);
		assert_int_equal(moves__goes_to(r, &error), MOVES_CUR);
		f.state = FL_FLOW_ACTIVE;

		udp_answer = build__reply(&udp);
		error = icmp__error(&udp_answer, 0);
		moves__words(r, MOVES_PREV);
		assert_int_equal(moves__goes_to(r, &error), MOVES_PREV);
		moves__later(r, 30);
		assert_int_equal(moves__goes_to(r, &error), MOVES_CUR);
		moves__no_tables(r);
		assert_int_equal(moves__goes_to(r, &error), MOVES_CUR);
		moves__words(r, MOVES_PREV);
	}
	assert_int_equal(moves__sightings(r), 0);
}

/* --- affinities ----------------------------------------------------------------------------------- */

static struct rig *affine(enum fl_affinity affinity)
{
	struct rig *r = moves__moving(true);

	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++)
		r->services[id].affinity = (__u8)affinity;
	return r;
}

/* Another connection of the client. */
static struct spec another(const struct spec *s)
{
	struct spec out = *s;

	out.sport += 100;
	return out;
}

static void test_client_stays_together(void **state)
{
	struct rig *r = affine(FL_AFF_SOURCE);

	(void)state;
	BOTH
	{
		struct spec old = moves__tcp(v, FLAG_ACK, 99), syn = moves__tcp(v, FLAG_SYN, ISN);
		struct spec ack = moves__tcp(v, FLAG_ACK, ISN + 1);
		struct fl_flow c;

		syn = another(&syn);
		ack = another(&ack);
		assert_int_equal(moves__goes_to(r, &old), MOVES_PREV);
		moves__later(r, 1);
		assert_int_equal(moves__goes_to(r, &old), MOVES_PREV);
		assert_true(moves__client(r, &old, FL_AFF_SOURCE, &c));
		assert_int_equal(c.backend, MOVES_PREV);
		assert_int_equal(c.state, FL_FLOW_ACTIVE);
		/* Its next connection is recorded where it goes, in MOVING and PINNED. */
		assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
		moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
		syn.sport++;
		assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
		/* A connection keeps the client's record up to date. */
		moves__later(r, 800);
		assert_int_equal(moves__goes_to(r, &old), MOVES_PREV);
		moves__later(r, 800);
		syn.sport++;
		assert_int_equal(moves__goes_to(r, &syn), MOVES_PREV);
		/* It counts no more where its backend is gone. */
		moves__gone(r, MOVES_PREV, true);
		syn.sport++;
		assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
		moves__gone(r, MOVES_PREV, false);
		moves__words(r, MOVES_PREV);
	}
}

/* A client's silent old connection is not broken by its new one, nor the new one by the old one. */
static void test_client_with_both(void **state)
{
	struct rig *r = affine(FL_AFF_SOURCE);

	(void)state;
	BOTH
	{
		struct spec old = moves__tcp(v, FLAG_ACK, 99), syn = moves__tcp(v, FLAG_SYN, ISN);
		struct spec ack = moves__tcp(v, FLAG_ACK, ISN + 1);
		struct fl_flow f;

		syn = another(&syn);
		ack = another(&ack);
		assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		for (int i = 0; i < 3; i++) {
			moves__later(r, 1);
			assert_int_equal(moves__goes_to(r, &old), MOVES_PREV);
			assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		}
		assert_true(moves__record(r, &old, &f));
		assert_int_equal(f.backend, MOVES_PREV);
		assert_true(moves__client(r, &old, FL_AFF_SOURCE, &f));
		assert_int_equal(f.backend, MOVES_CUR);
	}
}

static void test_client_of_a_port(void **state)
{
	struct rig *r = affine(FL_AFF_SOURCE_PORT);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN), ack = moves__tcp(4, FLAG_ACK, ISN + 1);
	struct fl_flow c;

	(void)state;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_true(moves__client(r, &syn, FL_AFF_SOURCE_PORT, &c));
	assert_int_equal(c.backend, MOVES_CUR);
	assert_false(moves__client(r, &syn, FL_AFF_SOURCE, &c));
	moves__slots(r, FL_SLOT_DIRTY | MOVES_THIRD);
	syn.sport++;
	assert_int_equal(moves__goes_to(r, &syn), MOVES_THIRD);
}

static void test_client_of_udp(void **state)
{
	struct rig *r = affine(FL_AFF_SOURCE);
	struct spec s = build__udp(6), next = another(&s);

	(void)state;
	assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
	moves__later(r, 1);
	assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
	moves__later(r, 100);
	assert_int_equal(moves__goes_to(r, &next), MOVES_PREV);
	moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
	next.sport++;
	assert_int_equal(moves__goes_to(r, &next), MOVES_PREV);
}

/* --- NAT ------------------------------------------------------------------------------------------ */

/* The backend's address, to which the packet went. */
static uint8_t nat_goes_to(struct rig *r, const struct spec *s)
{
	static struct frame in;
	static struct run run;

	build__frame(s, &in);
	rig__run(r->lb, &in, 0, &run);
	assert_int_equal(run.action, XDP_TX);
	return run.out.b[14 + 19];
}

static void test_nat(void **state)
{
	struct rig *r = moves__moving(true);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN), ack = moves__tcp(4, FLAG_ACK, ISN + 1);
	struct rig_backend prev = r->be[RIG_NAT4], cur = r->be[RIG_NAT4];

	(void)state;
	for (uint8_t record = 0; record < 2; record++) {
		prev.flags = cur.flags = record ? FL_BE_RECORD : 0;
		prev.tunnel.dst[3] = 101;
		cur.tunnel.dst[3] = 102;
		rig__backend(r, MOVES_PREV, &prev);
		rig__backend(r, MOVES_CUR, &cur);
		moves__start(r);
		assert_int_equal(nat_goes_to(r, &syn), 102);
		assert_int_equal(nat_goes_to(r, &ack), 102);
		moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
		moves__slots(r, FL_SLOT_DIRTY | MOVES_PREV);
		assert_int_equal(nat_goes_to(r, &ack), 102);
		syn.sport++;
		ack.sport++;
	}
	moves__words(r, MOVES_CUR);
	assert_int_equal(nat_goes_to(r, &ack), 102);
}

/* --- the other sizes of table ----------------------------------------------------------------------- */

#define OTHER_ID 15
#define OTHER_PORT 9100

static void class_of(struct rig *r, enum fl_slot_class class, const struct bpf_map *outer)
{
	uint32_t id = OTHER_ID + class, n = rig__slot_count(class), zero = 0;
	struct spec s = moves__tcp(4, FLAG_ACK, 77);
	struct fl_service_key key = rig__key(4, PROTO_TCP, (uint16_t)(OTHER_PORT + class));
	uint32_t *words = calloc(n, sizeof(*words));
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "moves", 4, n * 4, 1, &opts);

	assert_non_null(words);
	assert_true(fd >= 0);
	rig__service(r, id, &key, class);
	r->services[id].idle_s = 900;
	rig__point_one(r, id, FL_SLOT_DIRTY | MOVES_CUR);
	s.dport = (uint16_t)(OTHER_PORT + class);
	/* One slot alone has another prev. */
	for (uint32_t i = 0; i < n; i++)
		words[i] = MOVES_PREV;
	words[rig__hash(r, &s) & (n - 1)] = MOVES_THIRD;
	assert_int_equal(bpf_map_update_elem(fd, &zero, words, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(outer), &id, &fd, BPF_ANY), 0);
	close(fd);
	free(words);
	assert_int_equal(moves__goes_to(r, &s), MOVES_THIRD);
	s.sport++;
	assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
}

static void test_classes(void **state)
{
	struct rig *r = moves__moving(true);

	(void)state;
	class_of(r, FL_SLOTS_4K, r->skel->maps.moves_4k);
	class_of(r, FL_SLOTS_64K, r->skel->maps.moves_64k);
	class_of(r, FL_SLOTS_1M, r->skel->maps.moves_1m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_picked_once),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_client_stays_together),
		cmocka_unit_test(test_client_with_both),
		cmocka_unit_test(test_client_of_a_port),
		cmocka_unit_test(test_client_of_udp),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_classes),
	};

	return check__table("packet_moving_ways", NULL, 0, tests, COUNT(tests));
}
