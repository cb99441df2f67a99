/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two BFD sessions over a network that delays, loses and repeats packets, by a seed. Time is simulated:
 * a step goes to whatever is due next, as the caller of a session does it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "vip/bfd_session.h"

#define MS UINT64_C(1000000) /* ns */
#define SEC (1000 * MS)
#define QUEUE 256
#define SEEDS 200

struct flight {
	uint64_t at_ns;
	int to;
	uint64_t number;
	uint8_t bytes[BFD_WIRE_LEN];
};

struct net {
	struct bfd_session end[2];
	struct flight queue[QUEUE];
	size_t n;
	uint64_t now, random;
	uint64_t delay_ns; /* packets take up to that */
	unsigned int lost, twice; /* of 1000 */
	uint64_t last_sent[2], longest[2]; /* between two packets in UP with nothing polled */
	uint64_t heard[2], arrives[2], number;
	bool alive[2];
};

static uint64_t draw(struct net *net)
{
	net->random ^= net->random << 13;
	net->random ^= net->random >> 7;
	net->random ^= net->random << 17;
	return net->random;
}

static void begin(struct net *net, uint64_t seed, const struct bfd_times *a,
		  const struct bfd_times *b)
{
	memset(net, 0, sizeof(*net));
	net->now = SEC;
	net->random = seed * 2654435761 + 1;
	net->delay_ns = 2 * MS;
	net->alive[0] = net->alive[1] = true;
	bfd_session__init(&net->end[0], a, 1000, draw(net), net->now);
	bfd_session__init(&net->end[1], b, 2000, draw(net), net->now);
}

static void put(struct net *net, int from, const struct bfd_packet *p)
{
	unsigned int copies = draw(net) % 1000 < net->twice ? 2 : 1;

	if (draw(net) % 1000 < net->lost)
		return;
	while (copies--) {
		struct flight *f = &net->queue[net->n++];

		assert_true(net->n < QUEUE);
		f->at_ns = net->now + draw(net) % (net->delay_ns + 1);
		/* In order: an old Down behind a new Up is what the protocol has no answer to. */
		if (f->at_ns < net->arrives[from])
			f->at_ns = net->arrives[from];
		net->arrives[from] = f->at_ns;
		f->to = !from;
		f->number = net->number++;
		bfd_wire__write(p, f->bytes);
	}
}

static void send_due(struct net *net, int i)
{
	struct bfd_session *s = &net->end[i];
	struct bfd_packet p;
	int n = 0;

	while (net->alive[i] && bfd_session__send(s, net->now, &p)) {
		assert_false(p.poll && p.final);
		assert_true(++n <= 2); /* an answer, and a packet of its own */
		if (p.state == BFD_UP && net->last_sent[i] &&
		    net->now - net->last_sent[i] > net->longest[i])
			net->longest[i] = net->now - net->last_sent[i];
		net->last_sent[i] = p.state == BFD_UP ? net->now : 0;
		put(net, i, &p);
	}
}

static void deliver(struct net *net, size_t which)
{
	struct flight f = net->queue[which];
	struct bfd_packet p;
	bool auth;

	net->queue[which] = net->queue[--net->n];
	if (!net->alive[f.to])
		return;
	assert_int_equal(bfd_wire__read(f.bytes, sizeof(f.bytes), &p, &auth), BFD_ACCEPTED);
	if (p.yours && p.yours != net->end[f.to].mine)
		return;
	bfd_session__receive(&net->end[f.to], &p, net->now);
	net->heard[f.to] = net->now;
}

/* To the next event, or to `until`. */
static void step(struct net *net, uint64_t until)
{
	uint64_t next = until;
	size_t first = QUEUE;

	for (size_t i = 0; i < net->n; i++) {
		if (net->queue[i].at_ns < next ||
		    (first < QUEUE && net->queue[i].at_ns == next &&
		     net->queue[i].number < net->queue[first].number)) {
			next = net->queue[i].at_ns;
			first = i;
		}
	}
	for (int i = 0; i < 2; i++) {
		uint64_t due = net->alive[i] ? bfd_session__due(&net->end[i]) : UINT64_MAX;

		if (due < next) {
			next = due;
			first = QUEUE;
		}
	}
	net->now = next > net->now ? next : net->now;
	if (first < QUEUE)
		deliver(net, first);
	for (int i = 0; i < 2; i++) {
		if (net->alive[i])
			bfd_session__tick(&net->end[i], net->now);
		send_due(net, i);
	}
}

static void run(struct net *net, uint64_t ns)
{
	uint64_t until = net->now + ns;

	while (net->now < until)
		step(net, until);
}

static bool both(const struct net *net, enum bfd_state state)
{
	return net->end[0].state == state && net->end[1].state == state;
}

static bool settled(const struct net *net)
{
	return both(net, BFD_UP) && !net->end[0].poll && !net->end[1].poll;
}

static const struct bfd_times fast = {10000, 10000, 3}, slow = {200000, 100000, 4},
			      single = {50000, 50000, 1};

/* Up within two slow intervals and what the packets take, and never down again. */
static void test_up_and_stays(void **state)
{
	static const struct bfd_times *const pairs[][2] = {
		{&fast, &fast}, {&fast, &slow}, {&slow, &slow}, {&single, &fast}};

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
			struct net net;

			begin(&net, seed, pairs[i][0], pairs[i][1]);
			net.twice = 50;
			run(&net, 2 * SEC + 20 * MS);
			assert_true(both(&net, BFD_UP));
			run(&net, SEC);
			assert_true(settled(&net));
			net.longest[0] = net.longest[1] = 0;
			run(&net, 10 * SEC);
			assert_int_equal(net.end[0].downs + net.end[1].downs, 0);
			for (int e = 0; e < 2; e++) {
				uint64_t interval = bfd_session__interval_ns(&net.end[e]);

				assert_in_range(net.longest[e], interval / 100 * 75, interval);
			}
		}
	}
}

/* What each end is told by, it keeps: the larger of its own wish and of what the other bears. */
static void test_negotiated(void **state)
{
	struct net net;

	(void)state;
	begin(&net, 1, &fast, &slow);
	run(&net, 5 * SEC);
	assert_true(settled(&net));
	assert_int_equal(bfd_session__interval_ns(&net.end[0]), 100 * MS);
	assert_int_equal(bfd_session__interval_ns(&net.end[1]), 200 * MS);
	assert_int_equal(bfd_session__detection_ns(&net.end[0]), 4 * 200 * MS);
	assert_int_equal(bfd_session__detection_ns(&net.end[1]), 3 * 100 * MS);
}

/* A third of the packets is lost: with ten to lose in a row the session comes up, and nearly always stays. */
static void test_lossy(void **state)
{
	const struct bfd_times ten = {20000, 20000, 10};
	uint64_t downs = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct net net;

		begin(&net, seed, &ten, &ten);
		net.lost = 300;
		net.twice = 100;
		run(&net, 30 * SEC);
		assert_true(net.end[0].ups && net.end[1].ups);
		downs += net.end[0].downs + net.end[1].downs;
	}
	/* 2 * 200 * 30 s * 50/s * 0.3^10 = 3.5, and the jitter sends more; a rule that is broken makes hundreds. */
	assert_in_range(downs, 0, 20);
}

/* The other end is gone: told within the detection time, not before the last packet is that old. */
static void test_killed(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct net net;
		uint64_t detection, died;

		begin(&net, seed, &fast, &slow);
		run(&net, 4 * SEC + seed * MS);
		assert_true(settled(&net));
		died = net.now;
		net.alive[1] = false;
		detection = bfd_session__detection_ns(&net.end[0]);
		while (net.end[0].state == BFD_UP)
			step(&net, died + 2 * detection);
		assert_int_equal(net.end[0].diag, BFD_DIAG_EXPIRED);
		assert_int_equal(net.now, net.heard[0] + detection);
		assert_in_range(net.now, died + detection - 200 * MS,
				died + net.delay_ns + detection);
		/* And a new one in its place, with another discriminator. */
		net.alive[1] = true;
		bfd_session__init(&net.end[1], &slow, 3000, seed + 1, net.now);
		run(&net, 2 * SEC + 20 * MS);
		assert_true(both(&net, BFD_UP));
		assert_int_equal(net.end[0].yours, 3000);
	}
}

/* One direction is cut: both ends go down, the one that hears by being told. */
static void test_one_way(void **state)
{
	struct net net;

	(void)state;
	begin(&net, 3, &fast, &fast);
	run(&net, 5 * SEC);
	assert_true(settled(&net));
	for (int i = 0; i < 2000; i++) {
		step(&net, net.now + MS);
		for (size_t f = 0; f < net.n;) {
			if (net.queue[f].to == 1)
				net.queue[f] = net.queue[--net.n];
			else
				f++;
		}
	}
	assert_int_equal(net.end[1].down_diag, BFD_DIAG_EXPIRED);
	assert_int_equal(net.end[0].down_diag, BFD_DIAG_NEIGHBOR);
	assert_int_equal(net.end[0].state, BFD_INIT);
	assert_int_equal(net.end[1].state, BFD_DOWN);
}

static void test_admin_down(void **state)
{
	struct net net;

	(void)state;
	begin(&net, 4, &fast, &fast);
	run(&net, 5 * SEC);
	bfd_session__admin_down(&net.end[0], net.now);
	run(&net, 5 * MS);
	assert_int_equal(net.end[1].state, BFD_DOWN);
	assert_int_equal(net.end[1].diag, BFD_DIAG_NEIGHBOR);
	assert_int_equal(net.end[1].remote_diag, BFD_DIAG_ADMIN);
	run(&net, 10 * SEC);
	assert_int_equal(net.end[0].state, BFD_ADMIN_DOWN);
	assert_int_equal(net.end[1].state, BFD_DOWN);
}

/*
 * Times change under way, again and again, faster and slower, at both ends at once: no session goes
 * down, since nobody sends less than what the other still expects (6.8.3).
 */
static void test_times_change(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct net net;

		begin(&net, seed, &fast, &slow);
		run(&net, 4 * SEC);
		assert_true(settled(&net));
		for (int i = 0; i < 40; i++) {
			struct bfd_times t = {
				.min_tx_us = (uint32_t)(10000 + draw(&net) % 490000),
				.min_rx_us = (uint32_t)(10000 + draw(&net) % 490000),
				.mult = (uint8_t)(2 + draw(&net) % 4),
			};

			bfd_session__configure(&net.end[draw(&net) % 2], &t);
			run(&net, draw(&net) % (400 * MS));
		}
		run(&net, 5 * SEC);
		assert_true(settled(&net));
		assert_int_equal(net.end[0].downs + net.end[1].downs, 0);
		for (int e = 0; e < 2; e++) {
			assert_int_equal(net.end[e].tx_us, net.end[e].wanted.min_tx_us);
			assert_int_equal(net.end[e].rx_us, net.end[e].wanted.min_rx_us);
			assert_int_equal(net.end[e].remote_tx_us, net.end[!e].wanted.min_tx_us);
			assert_int_equal(net.end[e].remote_rx_us, net.end[!e].wanted.min_rx_us);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_and_stays), cmocka_unit_test(test_negotiated),
		cmocka_unit_test(test_lossy),	     cmocka_unit_test(test_killed),
		cmocka_unit_test(test_one_way),	     cmocka_unit_test(test_admin_down),
		cmocka_unit_test(test_times_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
