/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explaining a packet changes nothing: not one byte of a map, whatever the packet would have written. That
 * it says what then happens is seen in all packet tests (explain.h).
 */
#include "explain.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "maps.h"
#include "moves.h"

#define TIMES 64 /* explanations of each packet */
#define ISN 5000
#define LONG_NS 1000000000000ULL
#define SMALL_MTU 1280

static const struct rig_gates gates = {
	.sources = true, .limits = true, .nat = true, .events = true, .passive = true};

static uint32_t explained; /* by all tests */

/* Explains the packet many times, then sends it. What was told. */
static struct fl_explained frame_step(struct rig *r, const struct frame *in, uint32_t ingress)
{
	static struct run run;
	struct fl_explained first = {0}, told;
	const struct explain *e = rig__explain(r);
	uint64_t before = explain__digest(r);

	for (int i = 0; i < TIMES; i++, explained++) {
		explain__run(e, in, ingress, &run, &told);
		if (!i)
			first = told;
		assert_memory_equal(&told, &first, sizeof(told));
	}
	if (before != explain__digest(r))
		fail_msg("explaining has written to a map (verdict %u, notes %x)", first.verdict,
			 first.notes);
	rig__run(r->lb, in, ingress, &run);
	return first;
}

static struct fl_explained step(struct rig *r, const struct spec *s)
{
	static struct frame in;

	build__frame(s, &in);
	return frame_step(r, &in, 0);
}

static struct rig *open_rig(void)
{
	struct rig *r = moves__rig(gates);
	struct fl_settings s = r->settings;

	s.flow_event_every = s.drop_event_every = 1;
	rig__settings(r, &s);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++)
		r->services[id].sampled = r->services[id].watched = FL_PASSIVE_ALL;
	maps__icmp_rest(r);
	return r;
}

static void expect(const struct fl_explained *e, enum fl_verdict verdict, uint32_t backend,
		   uint32_t notes)
{
	assert_int_equal(e->verdict, verdict);
	assert_int_equal(e->backend, backend);
	assert_int_equal(e->notes, notes);
}

#define N(name) (1U << FL_N_##name)

static void test_clean(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	BOTH
	{
		struct spec s = moves__tcp(v, FLAG_SYN, ISN), udp = build__udp(v);
		struct fl_explained e = step(r, &s);

		expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
		assert_int_equal(e.service, rig__service_of(&s));
		assert_int_equal(e.hash, rig__hash(r, &s));
		assert_int_equal(e.reply, 0);
		s = moves__tcp(v, FLAG_ACK, ISN + 1);
		e = step(r, &s);
		expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
		e = step(r, &udp);
		expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
		udp.dport++;
		e = step(r, &udp);
		expect(&e, FL_V_PASS_NOT_SERVICE, 0, 0);
		assert_int_equal(e.service, 0);
	}
}

/* The digest sees what one packet leaves behind. */
static void test_digest(void **state)
{
	struct rig *r = open_rig();
	uint64_t before = explain__digest(r);
	struct spec s = moves__tcp(4, FLAG_SYN, ISN);

	(void)state;
	assert_int_equal(explain__digest(r), before);
	moves__goes_to(r, &s);
	assert_true(explain__digest(r) != before);
}

/* A handshake, a connection from before, and what ends one. */
static void test_moving_tcp(void **state)
{
	struct spec s = moves__tcp(4, FLAG_SYN, ISN);
	struct rig *r = open_rig();
	struct fl_explained e;
	struct fl_flow f;

	(void)state;
	moves__start(r);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, N(TENTATIVE));
	moves__later(r, 1);
	e = step(r, &s); /* sent again */
	expect(&e, FL_V_SEND_L2, MOVES_CUR, 0);
	s = moves__tcp(4, FLAG_ACK, ISN + 1);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, N(PROMOTED));
	s.seq += 3 * FL_FIT_BYTES;
	e = step(r, &s); /* which is a sighting, too */
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(YOUNG_MISFIT));
	s.seq = ISN + 2;
	moves__later(r, 2);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, 0);
	s.flags = FLAG_RST;
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, 0);
	s.flags = FLAG_FIN | FLAG_ACK;
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, 0);
	s = moves__tcp(4, FLAG_SYN, 2 * ISN); /* another one, to where the flow was sighted */
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(TENTATIVE));
	s = moves__tcp(4, FLAG_ACK, 2 * ISN + 1);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(PROMOTED));
	s.sport++;
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
	moves__later(r, FL_REAPPEAR_S);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(OLD_FLOW));
	/* A young record of another handshake says the same as where the flow is. */
	s.sport++;
	f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_YOUNG);
	f.backend = MOVES_PREV;
	moves__set_record(r, &s, &f);
	s.seq = 0x50000000;
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(YOUNG_MISFIT));
	moves__later(r, FL_REAPPEAR_S);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(YOUNG_MISFIT) | N(OLD_FLOW));
}

static void test_moving_others(void **state)
{
	struct rig *r = open_rig();
	struct fl_pressure full = {0};
	struct spec s = build__udp(4);
	struct fl_explained e;

	(void)state;
	moves__start(r);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
	moves__later(r, FL_REAPPEAR_S);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(OLD_FLOW));
	moves__words(r, MOVES_PREV | FL_MOVE_ACCEPTS);
	/* It lasts 10 s, and a step may take some where the processor is emulated. */
	full.full_s = moves__now();
	moves__set_pressure(r, &full);
	s = moves__tcp(6, FLAG_SYN, ISN);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(FROZEN));
	moves__set_pressure(r, &(struct fl_pressure){0});
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, N(TENTATIVE));
	moves__set_churn(r, FL_CHURN_PROMOTED, maps__clock() + LONG_NS);
	s = moves__tcp(6, FLAG_ACK, ISN + 1);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, N(PROMOTION_WAITS));
	moves__words(r, MOVES_PREV | FL_MOVE_PINNED);
	s.sport++;
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, 0);
}

/* A client that is known, and one whose backend is gone meanwhile. */
static void test_affinity(void **state)
{
	struct spec s = moves__tcp(4, FLAG_SYN, ISN), ack = moves__tcp(4, FLAG_ACK, ISN + 1);
	struct rig *r = open_rig();
	struct fl_explained e;

	(void)state;
	r->services[RIG_TCP4].affinity = FL_AFF_SOURCE;
	moves__start(r);
	step(r, &s);
	step(r, &ack);
	moves__later(r, 2);
	ack.seq++;
	step(r, &ack);
	moves__later(r, 2);
	s.sport++;
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_CUR, N(TENTATIVE));
	/* The client goes elsewhere, and is known there then. */
	moves__gone(r, MOVES_CUR, true);
	moves__slots(r, FL_SLOT_DIRTY | MOVES_THIRD);
	s.sport = ack.sport = 9;
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_THIRD, N(TENTATIVE));
	ack.seq = ISN + 1;
	e = step(r, &ack);
	expect(&e, FL_V_SEND_L2, MOVES_THIRD, N(PROMOTED));
	moves__gone(r, MOVES_CUR, false);
	r->services[RIG_TCP4].affinity = FL_AFF_FLOW;
}

static void test_admission(void **state)
{
	struct fl_limits l = {.flags = FL_LIMIT_MONITOR};
	struct spec s = moves__tcp(4, FLAG_SYN, ISN);
	struct rig *r = open_rig();
	struct fl_explained e;

	(void)state;
	for (int m = 0; m < FL_METERS_N; m++)
		l.limit[m] = (struct fl_limit){.gap_ns = LONG_NS, .burst_ns = LONG_NS};
	for (int monitor = 1; monitor >= 0; monitor--) {
		l.flags = monitor ? FL_LIMIT_MONITOR : 0;
		maps__limits(r, RIG_TCP4, &l);
		r->services[RIG_TCP4].flags |= FL_SVC_LIMITS;
		e = step(r, &s);
		expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
		step(r, &s);
		e = step(r, &s);
		if (monitor)
			expect(&e, FL_V_SEND_L2, MOVES_PREV, N(SRC_PACKETS));
		else
			expect(&e, FL_V_DROP_SRC_PACKETS, 0, 0);
	}
	r->services[RIG_TCP4].flags = 0;
	maps__source(r, 0, 4, s.ip.src, 32, FL_SRC_DENY | FL_SRC_MONITOR);
	e = step(r, &s);
	expect(&e, FL_V_SEND_L2, MOVES_PREV, N(DENIED));
	maps__source(r, 0, 4, s.ip.src, 32, FL_SRC_DENY);
	e = step(r, &s);
	expect(&e, FL_V_DROP_DENIED, 0, 0);
	maps__source(r, 0, 4, s.ip.src, 32, 0);
	moves__slots(r, FL_SLOT_NONE);
	e = step(r, &s);
	expect(&e, FL_V_DROP_NO_BACKEND, FL_SLOT_NONE, 0);
}

static void test_nat(void **state)
{
	struct fl_snat pool = {.n4 = 1, .port_first = 20000, .port_last = 29999, .span = 40};
	struct rig *r = open_rig();
	struct spec s = moves__tcp(4, FLAG_SYN, ISN);
	struct rig_backend b;
	struct fl_explained e;

	(void)state;
	memcpy(&pool.addr4[0], (uint8_t[4]){10, 99, 0, 1}, 4);
	maps__snat(r, &pool);
	r->services[RIG_TCP4].flags = FL_SVC_NAT | FL_SVC_FULLNAT;
	rig__point_one(r, RIG_TCP4, RIG_FULL4);
	e = step(r, &s); /* a pair of records */
	expect(&e, FL_V_SEND_FULLNAT, RIG_FULL4, 0);
	s.flags = FLAG_FIN | FLAG_ACK;
	moves__later(r, 2);
	e = step(r, &s);
	expect(&e, FL_V_SEND_FULLNAT, RIG_FULL4, 0);
	s.flags = FLAG_RST;
	step(r, &s);
	s.flags = FLAG_SYN;
	e = step(r, &s); /* another connection in its place */
	expect(&e, FL_V_SEND_FULLNAT, RIG_FULL4, 0);
	r->services[RIG_TCP4].flags = FL_SVC_NAT;
	rig__point_one(r, RIG_TCP4, RIG_NAT4);
	b = r->be[RIG_NAT4];
	b.flags = FL_BE_RECORD;
	rig__backend(r, RIG_NAT4, &b);
	e = step(r, &s);
	expect(&e, FL_V_SEND_NAT, RIG_NAT4, 0);
	/* A reply to a client whose router is not known: the kernel would be asked for it. */
	s.ip.src[2] = 101;
	step(r, &s);
	{
		struct spec sent = check__sent(r, &s, RIG_NAT4), back = build__reply(&sent);
		static struct frame in;

		memcpy(back.dmac, s.dmac, 6);
		build__frame(&back, &in);
		e = frame_step(r, &in, r->port);
		assert_int_equal(e.reply, 1);
		expect(&e, FL_V_DROP_NO_NEXTHOP, RIG_NAT4, 0);
	}
	rig__reset_backends(r);
}

static void test_fragments_and_icmp(void **state)
{
	struct rig *r = open_rig();
	struct rig_backend b = r->be[RIG_L2];
	struct fl_explained e;

	(void)state;
	BOTH
	{
		struct spec s = build__udp(v), echo = build__echo(v);

		build__first(&s, 7);
		e = step(r, &s);
		expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
		build__later(&s, 7, 3);
		e = step(r, &s);
		expect(&e, FL_V_SEND_L2, MOVES_PREV, 0);
		maps__vip(r, v, FL_VIP_ECHO);
		e = step(r, &echo);
		assert_int_equal(e.verdict, FL_V_SEND_ECHO);
	}
	b.mtu = SMALL_MTU;
	rig__backend(r, RIG_L2, &b);
	rig__point(r, RIG_L2);
	BOTH
	{
		struct spec s = build__udp(v);

		s.ip.frag = v == 4 ? FRAG_DF : 0;
		s.payload = 1400;
		e = step(r, &s);
		expect(&e, FL_V_SEND_TOO_BIG, RIG_L2, 0);
	}
	rig__reset_backends(r);
}

static void test_thousand(void **state)
{
	(void)state;
	printf("note: %u explanations\n", explained);
	assert_in_range(explained, 1000, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),	   cmocka_unit_test(test_digest),
		cmocka_unit_test(test_moving_tcp), cmocka_unit_test(test_moving_others),
		cmocka_unit_test(test_affinity),   cmocka_unit_test(test_admission),
		cmocka_unit_test(test_nat),	   cmocka_unit_test(test_fragments_and_icmp),
		cmocka_unit_test(test_thousand),
	};

	return check__table("packet_explain", NULL, 0, tests, COUNT(tests));
}
