/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of NAT and peers: what is told of them, and what becomes of those that are told. docs/peers.md */
#include "check.h"
#include "maps.h"
#include "natcopy.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "lb.skel.h"

/* When it goes on after the first answer, and with what ends it; never for another packet of the same kind. */
static void test_told(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, lone), both = FL_NAT_FIN | FL_NAT_FIN_OTHER;

		assert_int_equal(natcopy__answers(r, &s, lone, port, SYN | ACK), FL_V_SEND_REPLY);
		/* All that a flood of beginnings has. */
		assert_int_equal(natcopy__told(r), 0);
		s.flags = ACK;
		natcopy__goes(r, &s, lone);
		assert_int_equal(natcopy__told(r), 1);
		natcopy__is_told(r, &s, lone, port, ON);
		for (int i = 0; i < 3; i++) {
			natcopy__goes(r, &s, lone);
			assert_int_equal(natcopy__answers(r, &s, lone, port, ACK), FL_V_SEND_REPLY);
		}
		assert_int_equal(natcopy__told(r), 0);
		s.flags = FIN;
		natcopy__goes(r, &s, lone);
		assert_int_equal(natcopy__told(r), 1);
		natcopy__is_told(r, &s, lone, port, ON | (lone ? FL_NAT_FIN_OTHER : FL_NAT_FIN));
		assert_int_equal(natcopy__answers(r, &s, lone, port, FIN), FL_V_SEND_REPLY);
		assert_int_equal(natcopy__told(r), 1);
		natcopy__is_told(r, &s, lone, port, ON | both);
		assert_int_equal(natcopy__answers(r, &s, lone, port, RST), FL_V_SEND_REPLY);
		assert_int_equal(natcopy__told(r), 1);
		natcopy__is_told(r, &s, lone, port, ON | both | FL_NAT_RST);
	}
}

/* The time that is told is that of the packet, whichever entry it came along. */
static void test_told_time(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(false, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, false);

		natcopy__answers(r, &s, false, port, ACK);
		s.flags = ACK;
		natcopy__goes(r, &s, false);
		natcopy__age(r, &s, false, port, 9);
		natcopy__told(r);
		natcopy__answers(r, &s, false, port, FIN);
		assert_int_equal(natcopy__told(r), 1);
		assert_in_range(natcopy__last.flow.seen_s, natcopy__now() - 2, natcopy__now());
	}
}

/* A pair of the time when the service was full NAT is no part of a `nat` flow of the same client. */
static void test_no_partner(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(true, 0);
		struct spec s = natcopy__client(v, 4000, ACK);
		struct fl_told_nat t = natcopy__theirs(r, &s, false, THEIRS, ON | FL_NAT_FIN, 3);

		assert_int_equal(natcopy__take(r, &t), STANDS);
		natcopy__goes(r, &s, true);
		natcopy__goes(r, &s, true);
		assert_int_equal(natcopy__told(r), 1);
		natcopy__is_told(r, &s, true, s.sport, ON);
	}
}

/* A ring without room is counted, and the packet goes its way. */
static void test_no_room_to_tell(void **state)
{
	const uint32_t bytes = 4096, most = bytes / 96; /* a record with the ring's own 8 bytes */
	struct rig *r = natcopy__small_ring(true, bytes);
	struct spec s = natcopy__client(4, 4000, ACK);
	uint64_t before = natcopy__noted(r, FL_N_UNTOLD);
	uint32_t n;

	(void)state;
	for (n = 0; n < most + 10 && natcopy__noted(r, FL_N_UNTOLD) == before; n++) {
		s.sport++;
		natcopy__goes(r, &s, true);
		natcopy__goes(r, &s, true);
	}
	assert_in_range(n, most - 2, most + 1);
	assert_int_equal(natcopy__told(r), n - 1);
}

/* What was told decides, both ways, without a packet that would have made it; with the first it is this machine's. */
static void test_taken(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = natcopy__client(v, 4000, ACK);
		uint16_t port = lone ? s.sport : THEIRS;
		struct fl_told_nat t = natcopy__theirs(r, &s, lone, port, ON, 5);
		struct fl_nat_key back = natcopy__back_key(r, &s, lone, port);
		struct fl_nat_flow f;

		assert_int_equal(natcopy__answers(r, &s, lone, port, ACK), FL_V_PASS_NOT_SERVICE);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), lone ? 1 : 2);
		assert_true(natcopy__entry(r, &back, &f));
		assert_int_equal(f.flags,
				 FL_NAT_BACK | FL_NAT_SEEN | (lone ? FL_NAT_SEEN_OTHER : 0));
		assert_int_equal(f.seen_s, t.flow.seen_s);
		assert_int_equal(natcopy__told(r), 0);
		assert_int_equal(natcopy__answers(r, &s, lone, port, ACK), FL_V_SEND_REPLY);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_HERE);
		assert_int_equal(natcopy__told(r), 1);
		natcopy__is_told(r, &s, lone, port, ON);
		assert_int_equal(natcopy__goes(r, &s, lone), port);
		/* Twice the same changes nothing. */
		assert_int_equal(natcopy__take(r, &t), OLD);
		assert_int_equal(maps__flows(r), lone ? 1 : 2);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_HERE && f.seen_s >= t.flow.seen_s + 4);
	}
}

/* Without room a flow is counted, and there is no half of it. */
static void test_full(void **state)
{
	struct rig *r = natcopy__rig(false, 64);
	struct spec odd = natcopy__client(4, 3999, ACK);
	struct fl_nat_flow any = {.flags = FL_NAT_BACK | FL_NAT_HERE, .seen_s = natcopy__now()};
	uint32_t full = 0, stand = 0;

	(void)state;
	/* In the end there is room for one of the two entries. */
	maps__set_flow(r, &odd, &any);
	for (uint16_t i = 0; i < 64; i++) {
		struct spec s = natcopy__client(i & 1 ? 6 : 4, (uint16_t)(4000 + i), ACK);
		struct fl_told_nat t = natcopy__theirs(r, &s, false, (uint16_t)(THEIRS + i), ON, 0);
		enum natcopy o = natcopy__take(r, &t);

		assert_true(o == STANDS || o == FULL);
		full += o == FULL;
		stand += o == STANDS;
		assert_int_equal(maps__flows(r), 1 + 2 * stand);
		assert_int_equal(natcopy__verdict(r, &s, 0),
				 o == FULL ? FL_V_DROP_NAT_UNKNOWN : FL_V_SEND_FULLNAT);
	}
	assert_true(full > 0 && stand >= 16);
}

/* As many as fit, and frames that are none. */
static void test_many(void **state)
{
	struct rig *r = natcopy__rig(false, 0);

	(void)state;
	natcopy__job = (struct fl_nat_take){.n = FL_NAT_TAKE_RECORDS};
	for (uint16_t i = 0; i < FL_NAT_TAKE_RECORDS; i++) {
		struct spec s = natcopy__client(i & 1 ? 6 : 4, (uint16_t)(4000 + i), ACK);

		natcopy__job.records[i] =
			natcopy__theirs(r, &s, false, (uint16_t)(THEIRS + i), ON, 0);
	}
	assert_int_equal(natcopy__run(r, sizeof(natcopy__job)), XDP_PASS);
	assert_int_equal(natcopy__job.done, FL_NAT_TAKE_RECORDS);
	assert_int_equal(maps__flows(r), 2 * FL_NAT_TAKE_RECORDS);
	natcopy__job.n = FL_NAT_TAKE_RECORDS + 1;
	assert_int_equal(natcopy__run(r, sizeof(natcopy__job)), XDP_ABORTED);
	natcopy__job.n = 1;
	assert_int_equal(natcopy__run(r, sizeof(natcopy__job) - 1), XDP_ABORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),	   cmocka_unit_test(test_told_time),
		cmocka_unit_test(test_no_partner), cmocka_unit_test(test_no_room_to_tell),
		cmocka_unit_test(test_taken),	   cmocka_unit_test(test_full),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, rig__teardown);
}
