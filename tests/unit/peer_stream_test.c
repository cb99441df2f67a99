/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as bytes, and two streams over a network of the test's own: loss, copies, disorder, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "peer/stream.h"

#define NOW_S 100000u
#define RTT_US 300u

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1d;
}

static struct fl_told a_record(bool ipv4, uint32_t state)
{
	struct fl_told t = {
		.key = {.sport = 0x1234, .dport = 0x5678, .service = 7, .proto = 6},
		.flow = {.state = state,
			 .backend = 9,
			 .slot = 0xfedcb,
			 .seen_s = NOW_S - 10,
			 .born_s = NOW_S - 300,
			 .fit = {1000, 5000}},
	};

	for (size_t i = 0; i < 16; i++) {
		t.key.saddr[i] = (uint8_t)(i + 1);
		t.key.daddr[i] = (uint8_t)(0x80 + i);
	}
	if (ipv4) {
		memset(t.key.saddr, 0, 10);
		memset(t.key.saddr + 10, 0xff, 2);
		memcpy(t.key.daddr, t.key.saddr, 12);
	}
	return t;
}

/* Of both families, in any state: all that is told comes back, as a copy, and takes what is documented. */
static void test_record(void **state)
{
	static const uint32_t states[] = {0, FL_FLOW_YOUNG, FL_FLOW_FIN, FL_FLOW_RST,
					  FL_FLOW_YOUNG | FL_FLOW_FIN | FL_FLOW_RST};
	uint8_t bytes[PEER_RECORD_MAX];

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(states) / sizeof(*states); i++) {
		uint32_t flags = states[i / 2], young = flags & FL_FLOW_YOUNG;
		struct fl_told t = a_record(i & 1, flags | FL_FLOW_DYING | FL_FLOW_OLD);
		size_t len = peer_record__write(&t, 0x123456789abcdefULL, NOW_S, bytes), at = 0;
		struct peer_record back;

		assert_int_equal(len, (i & 1 ? 29 : 53) + (young ? 8 : 0));
		/* Another clock, and what has no meaning there. */
		assert_true(peer_record__read(bytes, len, &at, 777, &back));
		assert_int_equal(at, len);
		assert_true(back.name == 0x123456789abcdefULL && !back.nat);
		t.key.service = 0;
		assert_memory_equal(&back.flow.key, &t.key, sizeof(t.key));
		assert_int_equal(back.flow.flow.state, FL_FLOW_ACTIVE | FL_FLOW_COPY | flags);
		assert_int_equal(back.flow.flow.backend, 0);
		assert_int_equal(back.flow.flow.slot, 0xfedcb);
		assert_int_equal(back.flow.flow.seen_s, 777 - 10);
		assert_int_equal(back.flow.flow.born_s, 777u - 300);
		if (young) {
			assert_int_equal(back.flow.flow.fit.isn, 1000);
			assert_int_equal(back.flow.flow.fit.seq, 1000 + (16 << 20));
		}
		for (size_t cut = 0; cut < len; cut++) {
			at = 0;
			assert_false(peer_record__read(bytes, cut, &at, 777, &back));
			assert_int_equal(at, 0);
		}
	}
}

/* Ages have a bound; what a copy says of its age never makes it younger. */
static void test_ages(void **state)
{
	struct fl_told t = a_record(true, FL_FLOW_ACTIVE | FL_FLOW_COPY);
	struct peer_record back;
	uint8_t bytes[PEER_RECORD_MAX];
	size_t at = 0;

	(void)state;
	peer_record__write(&t, 1, NOW_S, bytes);
	assert_true(peer_record__read(bytes, sizeof(bytes), &at, NOW_S, &back));
	assert_int_equal(back.flow.flow.seen_s, NOW_S - 11);
	t.flow.seen_s = NOW_S + 1;
	t.flow.born_s = NOW_S - 70000;
	t.flow.state = FL_FLOW_ACTIVE;
	peer_record__write(&t, 1, NOW_S, bytes);
	at = 0;
	assert_true(peer_record__read(bytes, sizeof(bytes), &at, NOW_S, &back));
	assert_int_equal(back.flow.flow.seen_s, NOW_S);
	assert_int_equal(back.flow.flow.born_s, NOW_S - 65535);
	/* A flag that this version does not know. */
	bytes[0] |= 0x80;
	at = 0;
	assert_false(peer_record__read(bytes, sizeof(bytes), &at, NOW_S, &back));
}

/* A flow of NAT as the program tells of it; `lone`: of `nat`, without a source of the pool. */
static struct fl_told_nat a_flow(bool ipv4, bool lone)
{
	struct fl_told ends = a_record(ipv4, 0);
	struct fl_told_nat t = {
		.key = {.sport = 0x1122, .dport = 0x3344, .proto = 17},
		.flow = {.sport = 0x5566,
			 .dport = 0x7788,
			 .backend = 9,
			 .service = 7,
			 .flags = (uint16_t)(FL_NAT_HERE | (lone ? FL_NAT_BACK : 0)),
			 .seen_s = NOW_S - 10},
	};

	memcpy(t.key.saddr, ends.key.saddr, 16);
	memcpy(t.key.daddr, ends.key.daddr, 16);
	memcpy(t.flow.saddr, ends.key.daddr, 16);
	memcpy(t.flow.daddr, ends.key.saddr, 16);
	t.flow.saddr[15] = 0x44;
	t.flow.daddr[15] = 0x55;
	if (lone) {
		memcpy(t.flow.daddr, t.key.daddr, 16);
		t.flow.dport = t.key.dport;
	}
	return t;
}

/* Flows of NAT, of both kinds and families, with each flag: all but what the name says comes back. */
static void test_nat(void **state)
{
	static const uint16_t flags[] = {0,
					 FL_NAT_SEEN,
					 FL_NAT_SEEN_OTHER,
					 FL_NAT_FIN,
					 FL_NAT_FIN_OTHER,
					 FL_NAT_RST,
					 FL_NAT_SEEN | FL_NAT_SEEN_OTHER | FL_NAT_FIN |
						 FL_NAT_FIN_OTHER | FL_NAT_RST};
	uint8_t bytes[PEER_RECORD_MAX];
	struct peer_record back;

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(flags) / sizeof(*flags); i++) {
		bool ipv4 = i & 1, lone = i & 2;
		struct fl_told_nat t = a_flow(ipv4, lone);
		size_t len, at = 0;

		t.flow.flags |= flags[i / 4];
		len = peer_record__write_nat(&t, 0xfedcba9876543210ULL, NOW_S, bytes);
		assert_int_equal(len, 21 + (ipv4 ? 4 : 16) * (lone ? 2 : 3));
		for (size_t cut = 0; cut < len; cut++)
			assert_false(peer_record__read(bytes, cut, &at, 777, &back));
		assert_true(peer_record__read(bytes, len, &at, 777, &back));
		assert_int_equal(at, len);
		assert_true(back.nat && back.name == 0xfedcba9876543210ULL);
		/* Where the backend is, what it is called, and who has seen it. */
		t.flow.service = 0;
		t.flow.backend = 0;
		t.flow.flags &= (uint16_t)~FL_NAT_HERE;
		t.flow.seen_s = 777 - 10;
		memset(lone ? t.key.saddr : t.flow.daddr, 0, 16);
		*(lone ? &t.key.sport : &t.flow.dport) = 0;
		assert_memory_equal(&back.nat_flow, &t, sizeof(t));
	}
}

/* What does not fit together; that a copy grows older as it is told on. */
static void test_nat_odd(void **state)
{
	struct fl_told_nat t = a_flow(true, false);
	uint8_t bytes[PEER_RECORD_MAX];
	struct peer_record back;
	size_t len, at = 0;

	(void)state;
	t.flow.flags &= (uint16_t)~FL_NAT_HERE;
	len = peer_record__write_nat(&t, 1, NOW_S, bytes);
	assert_true(peer_record__read(bytes, len, &at, NOW_S, &back));
	assert_int_equal(back.nat_flow.flow.seen_s, NOW_S - 11);
	/* A slot, YOUNG, a flag that is none, no port of the pool. */
	for (size_t i = 0; i < 4; i++) {
		static const struct {
			uint8_t at, bits;
		} odd[] = {{3, 1}, {1, 0x20}, {0, 0x20}, {0, 0x80}};

		at = 0;
		bytes[odd[i].at] ^= odd[i].bits;
		assert_false(peer_record__read(bytes, len, &at, NOW_S, &back));
		bytes[odd[i].at] ^= odd[i].bits;
	}
	bytes[18] = bytes[19] = 0;
	assert_false(peer_record__read(bytes, len, &at, NOW_S, &back));
	/* One of `nat` has no such port. */
	t = a_flow(true, true);
	len = peer_record__write_nat(&t, 1, NOW_S, bytes);
	bytes[19] = 1;
	assert_false(peer_record__read(bytes, len, &at, NOW_S, &back));
	bytes[19] = 0;
	assert_true(peer_record__read(bytes, len, &at, NOW_S, &back));
}

/* --- streams -------------------------------------------------------------------------------------- */

#define RECORDS 20000
#define FLIGHTS 4096

struct side {
	struct peer_stream stream;
	uint8_t heard[RECORDS]; /* how often, by number */
	uint32_t last; /* number that came last */
	uint32_t told; /* numbers below it are told */
};

static struct side sides[2];
static struct flight {
	uint8_t bytes[PEER_ASIDE_MAX];
	size_t len;
	int to;
} flights[FLIGHTS];
static size_t n_flights;
static unsigned int loss_pct;
static uint64_t now_us;

static void hear(void *ctx, const struct peer_record *r)
{
	struct side *s = ctx;

	assert_true(r->name < RECORDS);
	if (r->nat)
		assert_int_equal(r->nat_flow.flow.seen_s, NOW_S - 10);
	else
		assert_int_equal(r->flow.flow.slot, r->name & 0xfffff);
	s->heard[r->name]++;
	s->last = (uint32_t)r->name;
}

static void begin(uint64_t seed, unsigned int loss)
{
	rnd_state = seed;
	loss_pct = loss;
	n_flights = 0;
	now_us = 5000000;
	memset(sides, 0, sizeof(sides));
	peer_stream__init(&sides[0].stream);
	peer_stream__init(&sides[1].stream);
}

static bool tell(struct side *s, uint32_t number)
{
	struct fl_told t = a_record(number & 1, number & 2 ? FL_FLOW_YOUNG : 0);
	struct fl_told_nat nat = a_flow(number & 1, number & 4);
	uint8_t bytes[PEER_RECORD_MAX];

	if (number & 8)
		return peer_stream__put(&s->stream, bytes,
					peer_record__write_nat(&nat, number, NOW_S, bytes));
	t.flow.slot = number & 0xfffff;
	return peer_stream__put(&s->stream, bytes, peer_record__write(&t, number, NOW_S, bytes));
}

static void send_all(int from)
{
	struct flight *f;
	size_t len;

	while (n_flights < FLIGHTS - 1) {
		f = &flights[n_flights];
		len = peer_stream__next(&sides[from].stream, now_us, RTT_US, f->bytes);
		if (!len)
			return;
		assert_in_range(len, PEER_STREAM_HEAD, PEER_ASIDE_MAX);
		f->len = len;
		f->to = !from;
		if (rnd() % 100 >= loss_pct)
			n_flights++;
		/* A copy now and then. */
		if (loss_pct && rnd() % 20 == 0) {
			flights[n_flights] = *f;
			n_flights++;
		}
	}
}

static void land_one(void)
{
	size_t i = loss_pct ? rnd() % n_flights : 0;
	struct flight f = flights[i];

	memmove(flights + i, flights + i + 1, (--n_flights - i) * sizeof(f));
	assert_true(peer_stream__input(&sides[f.to].stream, now_us, NOW_S, f.bytes, f.len, hear,
				       &sides[f.to]));
}

static void run(unsigned int steps)
{
	for (unsigned int i = 0; i < steps; i++) {
		now_us += 500;
		send_all(0);
		send_all(1);
		for (size_t n = n_flights; n > 0 && n_flights; n--)
			land_one();
	}
}

/* Each record once, in order, whatever the network does. */
static void test_stream(void **state)
{
	(void)state;
	for (unsigned int loss = 0; loss <= 30; loss += 15) {
		begin(loss + 1, loss);
		while (sides[0].told < RECORDS) {
			while (sides[0].told < RECORDS && tell(&sides[0], sides[0].told))
				sides[0].told++;
			assert_true(sides[0].told == RECORDS ||
				    peer_stream__room(&sides[0].stream) == 0);
			run(1);
			assert_true(now_us < 600000000);
		}
		while (peer_stream__lag(&sides[0].stream)) {
			run(100);
			assert_true(now_us < 600000000);
		}
		for (uint32_t i = 0; i < RECORDS; i++)
			assert_int_equal(sides[1].heard[i], 1);
		assert_int_equal(sides[1].last, RECORDS - 1);
		assert_int_equal(peer_stream__lag(&sides[0].stream), 0);
		assert_int_equal(sides[1].stream.n_heard, RECORDS);
		assert_true(peer_stream__due(&sides[0].stream, RTT_US) == UINT64_MAX);
		assert_true(!loss == !sides[0].stream.n_again);
	}
}

/* Nothing to tell: nothing is sent. */
static void test_quiet(void **state)
{
	uint8_t out[PEER_ASIDE_MAX];

	(void)state;
	begin(1, 0);
	assert_int_equal(peer_stream__next(&sides[0].stream, now_us, RTT_US, out), 0);
	assert_false(peer_stream__is_open(&sides[0].stream));
	assert_true(tell(&sides[0], 5));
	/* It waits for company, and is in no message yet. */
	assert_true(peer_stream__is_open(&sides[0].stream));
	assert_int_equal(peer_stream__lag(&sides[0].stream), 0);
	run(4);
	assert_int_equal(sides[1].heard[5], 1);
	assert_false(peer_stream__is_open(&sides[0].stream));
	assert_int_equal(peer_stream__next(&sides[0].stream, now_us, RTT_US, out), 0);
	assert_int_equal(peer_stream__next(&sides[1].stream, now_us, RTT_US, out), 0);
}

/* A peer that is silent is asked less and less often, and everything gets there when it is back. */
static void test_silence(void **state)
{
	uint64_t again;

	(void)state;
	begin(3, 100);
	assert_true(tell(&sides[0], 1));
	run(20000); /* 10 s */
	again = sides[0].stream.n_again;
	assert_in_range(again, 10, 50);
	assert_int_equal(peer_stream__lag(&sides[0].stream), 1);
	loss_pct = 0;
	run(4000);
	assert_int_equal(sides[1].heard[1], 1);
	assert_int_equal(peer_stream__lag(&sides[0].stream), 0);
}

/* The whole, with how far it is; what was left out meanwhile makes it void. */
static void test_whole(void **state)
{
	struct peer_stream *s = &sides[0].stream, *peer = &sides[1].stream;

	(void)state;
	begin(4, 0);
	peer_stream__begin(s);
	for (uint32_t i = 0; i < 500; i++) {
		assert_true(tell(&sides[0], i));
		peer_stream__advance(s, i + 1, 1000);
	}
	run(4);
	assert_int_equal(peer->theirs.of, 1000);
	assert_int_equal(peer->theirs.done, 500);
	assert_false(peer->theirs.told);
	peer_stream__miss(s);
	peer_stream__end(s);
	run(4);
	assert_false(peer->theirs.told);
	assert_false(s->ours.told);
	peer_stream__begin(s);
	peer_stream__end(s);
	run(4);
	assert_true(peer->theirs.told);
	assert_true(s->ours.told);
	/* And later: the peer is told that it no longer has all. */
	peer_stream__miss(s);
	run(4);
	assert_false(peer->theirs.told);
	/* The end is told even if there was no room for it when it came. */
	peer_stream__begin(s);
	for (uint32_t i = 0; tell(&sides[0], i % 500); i++)
		;
	peer_stream__end(s);
	run(6);
	assert_true(peer->theirs.told);
}

/* Either side starts anew, in the middle. */
static void test_restart(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		begin(9, 0);
		peer_stream__begin(&sides[0].stream);
		peer_stream__end(&sides[0].stream);
		for (uint32_t i = 0; i < 300; i++)
			assert_true(tell(&sides[0], i));
		run(5);
		assert_true(sides[1].stream.theirs.told);
		if (who)
			peer_stream__init(&sides[1].stream);
		else
			peer_stream__restart(&sides[0].stream);
		/* What it was told before is not known to be there any more. */
		assert_true(tell(&sides[0], 1000));
		run(30);
		assert_false(sides[0].stream.ours.told);
		assert_true(tell(&sides[0], 1001));
		run(30);
		assert_int_equal(sides[1].heard[1001], 1);
		assert_int_equal(peer_stream__lag(&sides[0].stream), 0);
	}
}

static void none(void *ctx, const struct peer_record *r)
{
	(void)ctx;
	(void)r;
	fail();
}

/* What is no message changes nothing. */
static void test_malformed(void **state)
{
	uint8_t out[PEER_ASIDE_MAX];
	struct peer_stream *peer = &sides[1].stream;
	size_t len;

	(void)state;
	begin(1, 0);
	assert_true(tell(&sides[0], 5) && tell(&sides[0], 6));
	len = peer_stream__next(&sides[0].stream, now_us, RTT_US, out);
	for (size_t cut = 0; cut < len; cut++) {
		/* The first record alone, and none, are a message. */
		if (cut == PEER_STREAM_HEAD || cut == PEER_STREAM_HEAD + 29)
			continue;
		assert_false(peer_stream__input(peer, now_us, NOW_S, out, cut, none, NULL));
		assert_int_equal(peer->have, 0);
	}
	memset(out + 4, 0, 4);
	assert_false(peer_stream__input(peer, now_us, NOW_S, out, len, none, NULL));
	memset(out, 0, 4);
	assert_false(peer_stream__input(peer, now_us, NOW_S, out, PEER_STREAM_HEAD, none, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),	cmocka_unit_test(test_ages),
		cmocka_unit_test(test_nat),	cmocka_unit_test(test_nat_odd),
		cmocka_unit_test(test_stream),	cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_silence), cmocka_unit_test(test_whole),
		cmocka_unit_test(test_restart), cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
