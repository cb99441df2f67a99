/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP, QUIC (RFC 9000, RFC 9369) and SCTP (RFC 9260) to slots that are not clean. docs/transitions.md */
#include "moves.h"

#include <string.h>

#include "maps.h"

#define UDP_GRACE_S 30 /* of the rig's services */
#define QUIC_V1 0x00000001U
#define QUIC_V2 0x6b3343cfU
#define SCTP_COOKIE_ECHO 10
#define SCTP_DATA 0xff /* any chunk but those */

/* --- UDP ------------------------------------------------------------------------------------------ */

static void test_udp_grace(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_flow f;

	(void)state;
	BOTH
	{
		struct spec s = build__udp(v);

		assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
		moves__later(r, 5);
		assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
		assert_true(moves__record(r, &s, &f));
		assert_int_equal(f.state, FL_FLOW_ACTIVE | FL_FLOW_OLD);
		assert_int_equal(f.backend, MOVES_PREV);
		moves__later(r, UDP_GRACE_S);
		assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
		moves__start(r);
	}
}

/* A new flow after the time of grace, and one that was heard in it once. */
static void test_udp_after_grace(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_flow f;

	(void)state;
	BOTH
	{
		struct spec s = build__udp(v), old = s;

		old.sport++;
		assert_int_equal(moves__goes_to(r, &old), MOVES_PREV);
		moves__later(r, UDP_GRACE_S);
		assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
		assert_int_equal(moves__goes_to(r, &old), MOVES_PREV);
		assert_true(moves__record(r, &old, &f));
		assert_int_equal(f.backend, MOVES_PREV);
		moves__later(r, 1);
		assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
		assert_true(moves__record(r, &s, &f));
		assert_int_equal(f.backend, MOVES_CUR);
		moves__start(r);
	}
}

/* No room for its record: that it was sighted in its grace is not forgotten; what was not has none. */
static void test_udp_no_room(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec s = build__udp(4), late = s;

	(void)state;
	late.sport++;
	moves__set_old_flows(r, FL_SRC_FLOWS);
	assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
	moves__later(r, UDP_GRACE_S - 1);
	assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
	moves__later(r, UDP_GRACE_S);
	assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
		assert_int_equal(moves__goes_to(r, &late), MOVES_CUR);
		moves__later(r, 1);
	}
	assert_int_equal(moves__records(r), 0);
}

static void test_udp_pinned(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec s = build__udp(4);

	(void)state;
	moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	moves__later(r, 1);
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	assert_int_equal(moves__records(r) + moves__sightings(r), 0);
}

/* --- QUIC ----------------------------------------------------------------------------------------- */

struct quic {
	uint8_t first; /* the header's first byte */
	uint32_t version;
	uint8_t dcid, scid; /* their lengths */
	uint8_t id; /* what the client's is made of */
	uint16_t cut; /* bytes of the payload, 0: all */
};

static uint32_t sends(struct rig *r, uint8_t version, const struct quic *q)
{
	static struct frame f;
	struct spec s = build__udp(version);
	uint8_t *p;

	s.payload = q->cut ? q->cut : 1200;
	build__frame(&s, &f);
	p = f.b + f.len - s.payload;
	/* Past the end of what is sent too: nobody may look there. */
	p[0] = q->first;
	p[1] = (uint8_t)(q->version >> 24);
	p[2] = (uint8_t)(q->version >> 16);
	p[3] = (uint8_t)(q->version >> 8);
	p[4] = (uint8_t)q->version;
	p[5] = q->dcid;
	memset(p + 6, 0xdd, q->dcid);
	p[6 + q->dcid] = q->scid;
	memset(p + 7 + q->dcid, q->id, q->scid);
	return moves__frame_goes_to(r, &f);
}

static struct rig *quic(void)
{
	struct rig *r = moves__moving(false);

	r->services[RIG_UDP4].flags |= FL_SVC_QUIC;
	r->services[RIG_UDP6].flags |= FL_SVC_QUIC;
	return r;
}

static void test_quic_handshake(void **state)
{
	static const struct {
		struct quic initial, handshake;
	} rows[] = {
		{{0xc3, QUIC_V1, 8, 5, 1, 0}, {0xe0, QUIC_V1, 20, 5, 1, 0}},
		{{0xd3, QUIC_V2, 8, 5, 1, 0}, {0xf0, QUIC_V2, 4, 5, 1, 0}},
		{{0x80, QUIC_V1, 20, 20, 9, 0}, {0xd0, QUIC_V1, 0, 20, 9, 0}},
		{{0xc0, QUIC_V1, 8, 0, 0, 0}, {0xe0, QUIC_V1, 8, 0, 0, 0}},
	};
	struct spec s4 = build__udp(4), s6 = build__udp(6);
	struct fl_flow f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig *r = quic();
		struct quic after = {.first = 0x40, .version = 0x01020304};

		BOTH
		{
			assert_int_equal(sends(r, v, &rows[i].initial), MOVES_CUR);
			assert_int_equal(sends(r, v, &rows[i].initial), MOVES_CUR);
			assert_int_equal(moves__noted(r, FL_N_TENTATIVE), v == 4 ? 1 : 2);
			assert_false(moves__record(r, v == 4 ? &s4 : &s6, &f));
			assert_int_equal(sends(r, v, &rows[i].handshake), MOVES_CUR);
			assert_true(moves__record(r, v == 4 ? &s4 : &s6, &f));
			assert_int_equal(f.state, FL_FLOW_ACTIVE | FL_FLOW_YOUNG);
			assert_int_equal(sends(r, v, &after), MOVES_CUR);
		}
	}
}

/* What neither begins nor answers goes to prev, as the packets of old connections do. */
static void test_quic_others(void **state)
{
	static const struct quic rows[] = {
		{0x40, QUIC_V1, 8, 5, 1, 0}, /* a short header */
		{0xe0, QUIC_V1, 8, 5, 1, 0}, /* a handshake that nobody began */
		{0xc0, QUIC_V2, 8, 5, 1, 0}, /* version 2's Retry */
		{0xc0, 0xff00001d, 8, 5, 1, 0}, /* a draft's Initial */
		{0xc0, QUIC_V1, 21, 5, 1, 0}, /* ids that are too long */
		{0xc0, QUIC_V1, 8, 21, 1, 0},
		{0xc0, QUIC_V1, 8, 5, 1, 5}, /* and packets that are too short */
		{0xc0, QUIC_V1, 8, 5, 1, 6},
		{0xc0, QUIC_V1, 8, 5, 1, 14},
		{0xc0, QUIC_V1, 8, 5, 1, 19},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig *r = quic();

		BOTH assert_int_equal(sends(r, v, &rows[i]), MOVES_PREV);
		assert_int_equal(moves__tentatives(r), 0);
	}
}

/* Another id is another connection: it neither answers nor is it the same beginning. */
static void test_quic_ids(void **state)
{
	struct rig *r = quic();
	struct quic initial = {0xc0, QUIC_V1, 8, 5, 1, 0}, other = {0xe0, QUIC_V1, 8, 5, 2, 0};

	(void)state;
	assert_int_equal(sends(r, 4, &initial), MOVES_CUR);
	assert_int_equal(sends(r, 4, &other), MOVES_PREV);
	other.id = 1;
	other.scid = 6;
	assert_int_equal(sends(r, 4, &other), MOVES_PREV);
	assert_int_equal(moves__records(r), 0);
	/* It was sighted: a living connection's address. */
	initial.id = 3;
	assert_int_equal(sends(r, 4, &initial), MOVES_PREV);
}

/* Without FL_SVC_QUIC the same bytes are UDP. */
static void test_not_quic(void **state)
{
	struct rig *r = moves__moving(false);
	struct quic initial = {0xc0, QUIC_V1, 8, 5, 1, 0};

	(void)state;
	BOTH assert_int_equal(sends(r, v, &initial), MOVES_PREV);
	assert_int_equal(moves__tentatives(r), 0);
}

/* --- SCTP ----------------------------------------------------------------------------------------- */

static void test_sctp(void **state)
{
	struct rig *r = moves__moving(false);
	struct fl_tentative t;
	struct fl_flow f;

	(void)state;
	BOTH
	{
		struct spec s = build__sctp(v), data = s;

		data.chunk = SCTP_DATA;
		assert_int_equal(moves__goes_to(r, &data), MOVES_PREV);
		s.sport++;
		data.sport++;
		assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
		assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
		assert_int_equal(moves__noted(r, FL_N_TENTATIVE), v == 4 ? 1 : 2);
		assert_true(moves__tentative(r, &s, &t));
		assert_int_equal(moves__goes_to(r, &data), MOVES_PREV);
		s.chunk = SCTP_COOKIE_ECHO;
		assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
		assert_true(moves__record(r, &s, &f));
		assert_int_equal(f.state, FL_FLOW_ACTIVE | FL_FLOW_YOUNG);
		assert_int_equal(moves__goes_to(r, &data), MOVES_CUR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_grace),      cmocka_unit_test(test_udp_after_grace),
		cmocka_unit_test(test_udp_pinned),     cmocka_unit_test(test_udp_no_room),
		cmocka_unit_test(test_quic_handshake), cmocka_unit_test(test_quic_others),
		cmocka_unit_test(test_quic_ids),       cmocka_unit_test(test_not_quic),
		cmocka_unit_test(test_sctp),
	};

	return check__table("packet_moving_protos", NULL, 0, tests, COUNT(tests));
}
