/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One BFD session (RFC 5880 6): every state against every packet, timers, and Poll Sequences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "vip/bfd_session.h"

#define MS UINT64_C(1000000) /* ns */
#define T0 (7 * MS)

static const struct bfd_times times = {.min_tx_us = 50000, .min_rx_us = 60000, .mult = 3};

/* What a peer in that state says: 40 ms, 30 ms, three. */
static struct bfd_packet from_peer(enum bfd_state state)
{
	return (struct bfd_packet){
		.state = state,
		.mult = 3,
		.mine = 77,
		.yours = 5,
		.min_tx_us = 40000,
		.min_rx_us = 30000,
	};
}

static void hear(struct bfd_session *s, enum bfd_state state, uint64_t now)
{
	struct bfd_packet p = from_peer(state);

	bfd_session__receive(s, &p, now);
}

static struct bfd_packet sent(struct bfd_session *s, uint64_t now)
{
	struct bfd_packet p, more;

	assert_true(bfd_session__send(s, now, &p));
	assert_false(p.poll && p.final);
	assert_false(bfd_session__send(s, now, &more));
	return p;
}

static void quiet(struct bfd_session *s, uint64_t now)
{
	struct bfd_packet p;

	assert_false(bfd_session__send(s, now, &p));
}

/* A session in that state, what it had to say is said; for UP the Poll Sequence is over. */
static struct bfd_session session(enum bfd_state state)
{
	struct bfd_session s;
	struct bfd_packet p;

	bfd_session__init(&s, &times, 5, 1, T0);
	sent(&s, T0);
	if (state == BFD_INIT || state == BFD_UP)
		hear(&s, BFD_DOWN, T0);
	if (state == BFD_UP) {
		sent(&s, T0);
		p = from_peer(BFD_UP);
		bfd_session__receive(&s, &p, T0);
		sent(&s, T0);
		p.final = true;
		bfd_session__receive(&s, &p, T0);
	}
	if (state == BFD_ADMIN_DOWN)
		bfd_session__admin_down(&s, T0);
	while (bfd_session__send(&s, T0, &p))
		;
	assert_int_equal(s.state, state);
	return s;
}

/* RFC 5880 6.8.6: the state after a packet of each state, and why. */
static void test_every_state_and_packet(void **state)
{
	static const struct {
		enum bfd_state to;
		uint8_t diag;
	} expect[4][4] = {
		[BFD_ADMIN_DOWN] = {{BFD_ADMIN_DOWN, 7},
				    {BFD_ADMIN_DOWN, 7},
				    {BFD_ADMIN_DOWN, 7},
				    {BFD_ADMIN_DOWN, 7}},
		[BFD_DOWN] = {{BFD_DOWN, 0}, {BFD_INIT, 0}, {BFD_UP, 0}, {BFD_DOWN, 0}},
		[BFD_INIT] = {{BFD_DOWN, 3}, {BFD_INIT, 0}, {BFD_UP, 0}, {BFD_UP, 0}},
		[BFD_UP] = {{BFD_DOWN, 3}, {BFD_DOWN, 3}, {BFD_UP, 0}, {BFD_UP, 0}},
	};

	(void)state;
	for (int from = BFD_ADMIN_DOWN; from <= BFD_UP; from++) {
		for (int packet = BFD_ADMIN_DOWN; packet <= BFD_UP; packet++) {
			struct bfd_session s = session((enum bfd_state)from);
			uint64_t ups = s.ups, downs = s.downs;

			hear(&s, (enum bfd_state)packet, T0 + MS);
			assert_int_equal(s.state, expect[from][packet].to);
			assert_int_equal(s.diag, expect[from][packet].diag);
			assert_int_equal(s.remote_state, packet);
			assert_int_equal(s.yours, 77);
			assert_int_equal(s.ups - ups, from != BFD_UP && s.state == BFD_UP);
			assert_int_equal(s.downs - downs, from == BFD_UP && s.state != BFD_UP);
			assert_int_equal(s.since_ns,
					 s.state == (enum bfd_state)from ? T0 : T0 + MS);
			/* A change is told at once, and nothing else is. */
			if (s.state == (enum bfd_state)from)
				quiet(&s, T0 + MS);
			else
				assert_int_equal(sent(&s, T0 + MS).state, s.state);
		}
	}
}

static void test_expiry_in_every_state(void **state)
{
	static const struct {
		enum bfd_state to;
		uint8_t diag;
	} expect[4] = {{BFD_ADMIN_DOWN, 7}, {BFD_DOWN, 0}, {BFD_DOWN, 1}, {BFD_DOWN, 1}};

	(void)state;
	for (int from = BFD_ADMIN_DOWN; from <= BFD_UP; from++) {
		struct bfd_session s = session((enum bfd_state)from);
		uint64_t late = T0 + 180 * MS; /* 3 times the larger of 60 and 40 ms */

		bfd_session__tick(&s, late - 1);
		assert_int_equal(s.state, from);
		bfd_session__tick(&s, late);
		assert_int_equal(s.state, expect[from].to);
		assert_int_equal(s.diag, expect[from].diag);
		assert_int_equal(s.yours, 0);
		assert_int_equal(s.down_diag, from == BFD_UP ? BFD_DIAG_EXPIRED : BFD_DIAG_NONE);
	}
}

/* A peer that goes on saying Down has been heard: the time runs from its last packet. */
static void test_detection_runs_from_the_last_packet(void **state)
{
	struct bfd_session s = session(BFD_UP);

	(void)state;
	hear(&s, BFD_UP, T0 + 100 * MS);
	assert_int_equal(bfd_session__detection_ns(&s), 180 * MS);
	bfd_session__tick(&s, T0 + 279 * MS);
	assert_int_equal(s.state, BFD_UP);
	bfd_session__tick(&s, T0 + 280 * MS);
	assert_int_equal(s.state, BFD_DOWN);
}

/* Who notices late has stood still: the peer has one interval more, and no other one after that. */
static void test_late_notice(void **state)
{
	uint64_t late = T0 + 180 * MS + 16 * MS; /* more than a quarter of 60 ms */
	struct bfd_session s = session(BFD_UP);

	(void)state;
	bfd_session__tick(&s, late);
	assert_int_equal(s.state, BFD_UP);
	bfd_session__tick(&s, late + 60 * MS - 1);
	assert_int_equal(s.state, BFD_UP);
	/* Late again: that was it. */
	bfd_session__tick(&s, late + 80 * MS);
	assert_int_equal(s.state, BFD_DOWN);
	assert_int_equal(s.down_diag, BFD_DIAG_EXPIRED);
	/* A packet in between, and all is as it was. */
	s = session(BFD_UP);
	bfd_session__tick(&s, late);
	hear(&s, BFD_UP, late + MS);
	bfd_session__tick(&s, late + MS + 196 * MS);
	assert_int_equal(s.state, BFD_UP);
	/* A little late is in time. */
	s = session(BFD_UP);
	bfd_session__tick(&s, late - 2 * MS);
	assert_int_equal(s.state, BFD_DOWN);
}

/* The peer's multiplier and Desired Min TX count, not ours. */
static void test_detection_follows_the_peer(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_UP);

	(void)state;
	p.mult = 5;
	p.min_tx_us = 100000;
	bfd_session__receive(&s, &p, T0);
	assert_int_equal(bfd_session__detection_ns(&s), 500 * MS);
	p.mult = 255;
	p.min_tx_us = UINT32_MAX;
	bfd_session__receive(&s, &p, T0);
	assert_int_equal(bfd_session__detection_ns(&s), UINT64_C(255) * UINT32_MAX * 1000);
	assert_true(bfd_session__due(&s) > T0 && bfd_session__due(&s) < T0 + 50 * MS);
}

static void test_first_packets(void **state)
{
	struct bfd_session s;
	struct bfd_packet p;

	(void)state;
	bfd_session__init(&s, &times, 5, 1, T0);
	assert_true(bfd_session__due(&s) <= T0);
	p = sent(&s, T0);
	assert_int_equal(p.state, BFD_DOWN);
	assert_int_equal(p.mine, 5);
	assert_int_equal(p.yours, 0);
	assert_int_equal(p.min_tx_us, 1000000);
	assert_int_equal(p.min_rx_us, 60000);
	assert_int_equal(p.mult, 3);
	assert_false(p.poll || p.final || p.demand);
	/* Slow while nobody answers (6.8.3), with jitter. */
	assert_true(bfd_session__due(&s) >= T0 + 750 * MS);
	assert_true(bfd_session__due(&s) <= T0 + 1000 * MS);
	/* Slower, if that is what is configured. */
	bfd_session__init(&s, &(struct bfd_times){3000000, 60000, 3}, 5, 1, T0);
	assert_int_equal(sent(&s, T0).min_tx_us, 3000000);
	assert_true(bfd_session__due(&s) >= T0 + 2250 * MS);
}

static void test_three_way(void **state)
{
	struct bfd_session s;
	struct bfd_packet p;

	(void)state;
	bfd_session__init(&s, &times, 5, 1, T0);
	sent(&s, T0);
	hear(&s, BFD_DOWN, T0 + MS);
	p = sent(&s, T0 + MS);
	assert_int_equal(p.state, BFD_INIT);
	assert_int_equal(p.yours, 77);
	assert_int_equal(p.min_tx_us, 1000000);
	hear(&s, BFD_UP, T0 + 2 * MS);
	p = sent(&s, T0 + 2 * MS);
	assert_int_equal(p.state, BFD_UP);
	/* Now the configured interval is told, and asked to be answered. */
	assert_int_equal(p.min_tx_us, 50000);
	assert_true(p.poll);
	assert_true(bfd_session__due(&s) <= T0 + 52 * MS);
	/* Asked again with each packet, and only with those of the timer. */
	quiet(&s, T0 + 3 * MS);
	assert_true(sent(&s, T0 + 52 * MS).poll);
	p = from_peer(BFD_UP);
	p.final = true;
	bfd_session__receive(&s, &p, T0 + 53 * MS);
	quiet(&s, T0 + 53 * MS);
	assert_false(sent(&s, T0 + 102 * MS).poll);
}

static void test_poll_is_answered_at_once(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_UP);
	uint64_t due = bfd_session__due(&s);

	(void)state;
	p.poll = true;
	bfd_session__receive(&s, &p, T0 + MS);
	assert_int_equal(bfd_session__due(&s), 0);
	p = sent(&s, T0 + MS);
	assert_true(p.final && !p.poll);
	/* Beside the periodic ones, which go on as they were. */
	assert_int_equal(bfd_session__due(&s), due);
	assert_false(sent(&s, due).final);
}

/* With a poll of our own under way the answer does not ask; the next packet does. */
static void test_polls_cross(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_UP);

	(void)state;
	bfd_session__configure(&s, &(struct bfd_times){50000, 200000, 3});
	p.poll = true;
	bfd_session__receive(&s, &p, T0 + MS);
	p = sent(&s, T0 + MS);
	assert_true(p.final && !p.poll);
	assert_int_equal(p.min_rx_us, 200000);
	assert_true(sent(&s, T0 + 100 * MS).poll);
}

/* Admin down: nothing is answered, nothing changes. */
static void test_admin_down_is_deaf(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_DOWN);

	(void)state;
	bfd_session__admin_down(&s, T0 + MS);
	p.poll = true;
	bfd_session__receive(&s, &p, T0 + 2 * MS);
	p = sent(&s, T0 + 2 * MS);
	assert_int_equal(p.state, BFD_ADMIN_DOWN);
	assert_int_equal(p.diag, BFD_DIAG_ADMIN);
	assert_false(p.final);
	assert_int_equal(p.min_tx_us, 1000000);
	assert_int_equal(s.down_diag, BFD_DIAG_ADMIN);
}

/* RFC 5880 6.8.3: a longer interval is told first and kept by when the peer knows. */
static void test_slower_waits_for_the_answer(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p;

	(void)state;
	bfd_session__configure(&s, &(struct bfd_times){400000, 60000, 3});
	p = sent(&s, T0 + MS);
	assert_true(p.poll);
	assert_int_equal(p.min_tx_us, 400000);
	assert_int_equal(bfd_session__interval_ns(&s), 50 * MS);
	p = from_peer(BFD_UP);
	bfd_session__receive(&s, &p, T0 + 2 * MS);
	assert_int_equal(bfd_session__interval_ns(&s), 50 * MS);
	p.final = true;
	bfd_session__receive(&s, &p, T0 + 3 * MS);
	assert_int_equal(bfd_session__interval_ns(&s), 400 * MS);
	/* Faster: at once. */
	bfd_session__configure(&s, &(struct bfd_times){20000, 60000, 3});
	assert_int_equal(bfd_session__interval_ns(&s), 30 * MS); /* the peer wants no more */
	assert_true(sent(&s, T0 + 4 * MS).poll);
}

static void test_stricter_waits_for_the_answer(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p;

	(void)state;
	bfd_session__configure(&s, &(struct bfd_times){50000, 10000, 3});
	p = sent(&s, T0 + MS);
	assert_true(p.poll);
	assert_int_equal(p.min_rx_us, 10000);
	assert_int_equal(bfd_session__detection_ns(&s), 180 * MS);
	p = from_peer(BFD_UP);
	p.final = true;
	bfd_session__receive(&s, &p, T0 + 2 * MS);
	assert_int_equal(bfd_session__detection_ns(&s), 120 * MS); /* the peer's 40 ms */
	/* More patient: at once. */
	bfd_session__configure(&s, &(struct bfd_times){50000, 90000, 3});
	assert_int_equal(bfd_session__detection_ns(&s), 270 * MS);
}

/* What changes during a poll is polled for again: the answer may be older than the change. */
static void test_change_during_a_poll(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_UP);

	(void)state;
	bfd_session__configure(&s, &(struct bfd_times){200000, 60000, 3});
	assert_true(sent(&s, T0 + MS).poll);
	bfd_session__configure(&s, &(struct bfd_times){400000, 60000, 3});
	p.final = true;
	bfd_session__receive(&s, &p, T0 + 2 * MS);
	assert_int_equal(bfd_session__interval_ns(&s), 50 * MS);
	assert_true(sent(&s, T0 + 3 * MS).poll);
	bfd_session__receive(&s, &p, T0 + 4 * MS);
	assert_int_equal(bfd_session__interval_ns(&s), 400 * MS);
	assert_false(sent(&s, T0 + 500 * MS).poll);
}

/* The same times again are no change, another multiplier needs no answer. */
static void test_configured_without_a_poll(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_times other = times;
	struct bfd_packet p;

	(void)state;
	bfd_session__configure(&s, &times);
	quiet(&s, T0 + MS);
	other.mult = 5;
	bfd_session__configure(&s, &other);
	p = sent(&s, T0 + MS);
	assert_int_equal(p.mult, 5);
	assert_false(p.poll);
}

/* The peer's Required Min RX: the larger one wins, a smaller one is honoured at once, 0 is silence. */
static void test_peer_sets_the_pace(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_UP);

	(void)state;
	p.min_rx_us = 500000;
	bfd_session__receive(&s, &p, T0 + MS);
	assert_int_equal(bfd_session__interval_ns(&s), 500 * MS);
	assert_true(bfd_session__due(&s) > T0 + 150 * MS); /* the detection time is next */
	p.min_rx_us = 0;
	bfd_session__receive(&s, &p, T0 + MS);
	quiet(&s, T0 + 170 * MS);
	assert_int_equal(bfd_session__due(&s), T0 + 181 * MS);
	/* Silent, but not dumb. */
	p.poll = true;
	bfd_session__receive(&s, &p, T0 + 2 * MS);
	assert_true(sent(&s, T0 + 2 * MS).final);
	p.poll = false;
	p.min_rx_us = 10000;
	bfd_session__receive(&s, &p, T0 + 100 * MS);
	sent(&s, T0 + 100 * MS);
	assert_true(bfd_session__due(&s) <= T0 + 150 * MS);
}

/* RFC 5880 6.6: a peer in demand mode gets periodic packets only while one of both is not up. */
static void test_peer_in_demand_mode(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_UP);

	(void)state;
	p.demand = true;
	bfd_session__receive(&s, &p, T0 + MS);
	quiet(&s, T0 + 170 * MS);
	bfd_session__configure(&s, &(struct bfd_times){50000, 70000, 3});
	assert_true(sent(&s, T0 + 171 * MS).poll);
	p.final = true;
	bfd_session__receive(&s, &p, T0 + 172 * MS);
	quiet(&s, T0 + 300 * MS);
	p.state = BFD_DOWN;
	bfd_session__receive(&s, &p, T0 + 173 * MS);
	assert_int_equal(sent(&s, T0 + 173 * MS).state, BFD_DOWN);
}

/* After its death nothing that the peer said holds: a new one is spoken to as the first. */
static void test_a_dead_peer_is_forgotten(void **state)
{
	struct bfd_session s = session(BFD_UP);
	struct bfd_packet p = from_peer(BFD_UP);

	(void)state;
	p.min_rx_us = 0;
	bfd_session__receive(&s, &p, T0);
	bfd_session__tick(&s, T0 + 180 * MS);
	p = sent(&s, T0 + 180 * MS);
	assert_int_equal(p.state, BFD_DOWN);
	assert_int_equal(p.diag, BFD_DIAG_EXPIRED);
	assert_int_equal(p.yours, 0);
	assert_int_equal(p.min_tx_us, 1000000);
	assert_int_equal(bfd_session__interval_ns(&s), 1000 * MS);
	assert_true(bfd_session__due(&s) >= T0 + 930 * MS);
}

/* RFC 5880 6.8.7: 75 to 100 %, to 90 % with a multiplier of 1; spread, and never the same for long. */
static void test_jitter(void **state)
{
	(void)state;
	for (uint8_t mult = 1; mult <= 2; mult++) {
		uint64_t least = UINT64_MAX, most = 0, now = T0, due;
		struct bfd_session s;

		bfd_session__init(&s, &(struct bfd_times){1000000, 60000, mult}, 5, 42, T0);
		for (int i = 0; i < 5000; i++) {
			sent(&s, now);
			due = bfd_session__due(&s);
			least = due - now < least ? due - now : least;
			most = due - now > most ? due - now : most;
			now = due;
		}
		assert_in_range(least, 750 * MS, 752 * MS);
		assert_in_range(most, (mult == 1 ? 898 : 998) * MS, (mult == 1 ? 900 : 1000) * MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state_and_packet),
		cmocka_unit_test(test_expiry_in_every_state),
		cmocka_unit_test(test_detection_runs_from_the_last_packet),
		cmocka_unit_test(test_late_notice),
		cmocka_unit_test(test_detection_follows_the_peer),
		cmocka_unit_test(test_first_packets),
		cmocka_unit_test(test_three_way),
		cmocka_unit_test(test_poll_is_answered_at_once),
		cmocka_unit_test(test_polls_cross),
		cmocka_unit_test(test_admin_down_is_deaf),
		cmocka_unit_test(test_slower_waits_for_the_answer),
		cmocka_unit_test(test_stricter_waits_for_the_answer),
		cmocka_unit_test(test_change_during_a_poll),
		cmocka_unit_test(test_configured_without_a_poll),
		cmocka_unit_test(test_peer_sets_the_pace),
		cmocka_unit_test(test_peer_in_demand_mode),
		cmocka_unit_test(test_a_dead_peer_is_forgotten),
		cmocka_unit_test(test_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
