/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two links over a network of the test's own: virtual time, loss, delay, copies, partitions, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "peer/link.h"

#define INTERVAL_MS 100
#define MS 1000ull
#define SECOND (1000 * MS)

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1d;
}

struct side {
	struct peer_link link;
	struct ledger *ours;
	struct ledger *mirror; /* what the callbacks have told */
	bool up, alive;
	unsigned int ups, downs, clears;
	uint64_t n_sent;
};

struct flight {
	uint8_t bytes[PEER_DATAGRAM_MAX];
	size_t len;
	uint64_t at_us;
	int to;
};

#define FLIGHTS 4096
static struct flight flights[FLIGHTS];
static size_t n_flights;
static struct side sides[2];
static struct peer_keys keys;
static uint64_t now;
static unsigned int loss_pct;
static bool cut;

static void deliver_later(int to, const uint8_t *datagram, size_t len)
{
	struct flight *f = &flights[n_flights++];

	assert_true(n_flights < FLIGHTS);
	memcpy(f->bytes, datagram, len);
	f->len = len;
	f->to = to;
	f->at_us = now + 200 + rnd() % (2 * MS);
}

static void land(struct flight *f)
{
	struct flight landed = *f;

	*f = flights[--n_flights];
	if (sides[landed.to].alive)
		peer_link__input(&sides[landed.to].link, now, landed.bytes, landed.len);
}

static void on_send(void *ctx, const uint8_t *datagram, size_t len)
{
	struct side *s = ctx;
	int to = s == &sides[0];

	s->n_sent++;
	if (cut || rnd() % 100 < loss_pct)
		return;
	deliver_later(to, datagram, len);
	if (loss_pct && rnd() % 20 == 0)
		deliver_later(to, datagram, len);
}

static void on_changed(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct side *s = ctx;

	if (value)
		assert_int_equal(ledger__put(s->mirror, key, key_len, value, len), 0);
	else
		ledger__remove(s->mirror, key, key_len);
}

static void on_cleared(void *ctx)
{
	struct side *s = ctx;

	ledger__free(s->mirror);
	s->mirror = ledger__new();
	s->clears++;
}

static void on_state(void *ctx, bool up)
{
	struct side *s = ctx;

	assert_true(s->up != up);
	s->up = up;
	s->ups += up;
	s->downs += !up;
}

static const struct peer_link_calls calls = {on_send, on_changed, on_cleared, on_state, NULL, NULL};

static void start(struct side *s)
{
	uint8_t seed[PEER_SEED_LEN];

	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)rnd();
	memset(s, 0, sizeof(*s));
	s->ours = ledger__new();
	s->mirror = ledger__new();
	assert_int_equal(peer_link__init(&s->link, &keys, s->ours, seed, INTERVAL_MS, &calls, s),
			 0);
	s->link.now_us = now;
	s->alive = true;
}

static void stop(struct side *s)
{
	peer_link__clear(&s->link);
	ledger__free(s->ours);
	ledger__free(s->mirror);
	s->alive = false;
}

static void begin(uint64_t seed)
{
	rnd_state = seed;
	keys = (struct peer_keys){.n = 1, .key = {{.bytes = {7}, .hint = 7}}};
	n_flights = 0;
	now = 1000 * SECOND;
	loss_pct = 0;
	cut = false;
	start(&sides[0]);
	start(&sides[1]);
}

static void end(void)
{
	for (int i = 0; i < 2; i++) {
		if (sides[i].alive)
			stop(&sides[i]);
	}
}

/* Time passes, from one event to the next. */
static void pass(uint64_t us)
{
	uint64_t until = now + us;

	for (;;) {
		struct flight *next = NULL;
		uint64_t at = until;
		int ticks = -1;

		for (size_t i = 0; i < n_flights; i++) {
			if (flights[i].at_us <= at) {
				next = &flights[i];
				at = next->at_us;
			}
		}
		for (int i = 0; i < 2; i++) {
			if (sides[i].alive && peer_link__due(&sides[i].link) < at) {
				at = peer_link__due(&sides[i].link);
				ticks = i;
			}
		}
		if (at > now)
			now = at;
		if (ticks >= 0) {
			peer_link__tick(&sides[ticks].link, now);
			/* No tick asks for itself again at once. */
			assert_true(peer_link__due(&sides[ticks].link) > now);
		} else if (next) {
			land(next);
		} else {
			now = until;
			return;
		}
	}
}

static void put(struct side *s, uint32_t key, uint64_t value)
{
	assert_int_equal(ledger__put(s->ours, &key, sizeof(key), &value, sizeof(value)), 0);
	peer_link__news(&s->link, now);
}

static void check_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	const struct ledger *other = ctx;
	size_t other_len;
	const void *there = ledger__get(other, key, key_len, &other_len);

	assert_non_null(there);
	assert_int_equal(len, other_len);
	assert_memory_equal(there, value, len);
}

/* What the one tells, the other one's copy, and what its callbacks have told, are the same. */
static void check_equal(void)
{
	for (int i = 0; i < 2; i++) {
		const struct side *from = &sides[i], *to = &sides[!i];

		assert_true(to->up);
		assert_int_equal(ledger__version(to->link.copy), ledger__version(from->ours));
		ledger__each(from->ours, check_one, to->link.copy);
		ledger__each(to->link.copy, check_one, to->mirror);
		ledger__each(to->mirror, check_one, from->ours);
		assert_int_equal(peer_link__lag(&from->link), 0);
		assert_true(peer_link__is_whole(&to->link));
	}
}

static void test_quiet(void **state)
{
	uint64_t n;

	(void)state;
	begin(1);
	pass(SECOND);
	check_equal();
	assert_true(sides[0].link.rtt_us > 400 && sides[0].link.rtt_us < 5000);
	/* Nothing but beats, once they know each other. */
	n = sides[0].n_sent;
	pass(10 * SECOND);
	assert_in_range(sides[0].n_sent - n, 99, 101);
	assert_int_equal(sides[0].ups, 1);
	assert_int_equal(sides[0].downs, 0);
	end();
}

static void test_news(void **state)
{
	(void)state;
	begin(2);
	pass(SECOND);
	for (uint32_t i = 0; i < 100; i++) {
		put(&sides[0], i % 7, rnd());
		/* There within the network's delay, and acknowledged in another. */
		pass(5 * MS);
		check_equal();
	}
	assert_int_equal(sides[0].link.n_again, 0);
	end();
}

/* A hundred thousand values, to a peer that has none. */
static void test_bulk(void **state)
{
	(void)state;
	begin(3);
	assert_false(peer_link__is_whole(&sides[1].link));
	for (uint32_t i = 0; i < 100000; i++)
		put(&sides[0], i, i);
	pass(200 * MS);
	assert_int_equal(sides[1].link.copy_goal, 100000);
	assert_false(peer_link__is_whole(&sides[1].link));
	pass(10 * SECOND);
	check_equal();
	end();
}

static void test_partition(void **state)
{
	(void)state;
	begin(4);
	for (uint32_t i = 0; i < 1000; i++)
		put(&sides[0], i, i);
	pass(SECOND);
	check_equal();
	cut = true;
	pass(240 * MS);
	assert_true(sides[0].up);
	pass(300 * MS);
	assert_false(sides[0].up);
	assert_false(sides[1].up);
	assert_int_equal(peer_link__lag(&sides[0].link), 0);
	/* More graves than are kept: the copy has to start anew. */
	for (uint32_t i = 0; i < 3 * LEDGER_GRAVES; i++) {
		put(&sides[0], 10000 + i, i);
		ledger__remove(sides[0].ours, &(uint32_t){10000 + i}, sizeof(uint32_t));
		put(&sides[1], i % 50, rnd());
		if (i % 100 == 0)
			pass(MS);
	}
	assert_int_equal(sides[1].clears, 1);
	cut = false;
	pass(2 * SECOND);
	check_equal();
	/* The one did, the other did not have to. */
	assert_int_equal(sides[1].clears, 2);
	assert_int_equal(sides[0].clears, 1);
	assert_int_equal(sides[0].ups, 2);
	end();
}

static void test_restart(void **state)
{
	(void)state;
	begin(5);
	put(&sides[0], 1, 1);
	put(&sides[1], 2, 2);
	pass(SECOND);
	check_equal();
	for (int i = 0; i < 20; i++) {
		stop(&sides[1]);
		pass(rnd() % (2 * SECOND));
		start(&sides[1]);
		put(&sides[1], 100 + (uint32_t)i, 3);
		put(&sides[0], 200 + (uint32_t)i, 4);
		pass(SECOND);
		check_equal();
	}
	end();
}

static void test_storm(void **state)
{
	(void)state;
	for (uint64_t seed = 10; seed < 22; seed++) {
		begin(seed);
		loss_pct = 5 + (unsigned int)(rnd() % 30);
		for (int step = 0; step < 1000; step++) {
			struct side *s = &sides[rnd() % 2];

			switch (rnd() % 400) {
			case 0:
				cut = !cut;
				break;
			case 1:
				stop(s);
				pass(rnd() % SECOND);
				start(s);
				break;
			default:
				for (uint64_t n = rnd() % 60; n; n--)
					put(s, (uint32_t)(rnd() % 3000), rnd() % 3);
				if (rnd() % 4 == 0) {
					uint32_t key = (uint32_t)(rnd() % 3000);

					ledger__remove(s->ours, &key, sizeof(key));
					peer_link__news(&s->link, now);
				}
			}
			pass(rnd() % (4 * MS));
		}
		cut = false;
		pass(5 * SECOND);
		loss_pct = 0;
		pass(SECOND);
		check_equal();
		end();
	}
}

/* Bodies that only a peer with the key can send, and that are none of ours. */
static void test_strange_bodies(void **state)
{
	uint8_t body[200], datagram[PEER_DATAGRAM_MAX];

	(void)state;
	begin(6);
	put(&sides[0], 1, 1);
	pass(SECOND);
	for (int i = 0; i < 20000; i++) {
		size_t len = rnd() % sizeof(body);

		for (size_t j = 0; j < len; j++)
			body[j] = (uint8_t)(rnd() % 4 ? 0 : rnd());
		len = peer_channel__seal(&sides[0].link.channel, body, len, NULL, datagram);
		now++;
		peer_link__input(&sides[1].link, now, datagram, len);
		/* Its answers go nowhere. */
		n_flights = 0;
	}
	assert_true(sides[1].link.n_malformed > 1000);
	end();
}

static uint8_t heard[PEER_ASIDE_MAX];
static size_t heard_len;
static unsigned int n_heard;

static void on_aside(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	assert_in_range(len, 0, sizeof(heard));
	memcpy(heard, bytes, len);
	heard_len = len;
	n_heard++;
}

static unsigned int n_pages;

static void on_page(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "abc", 3);
	n_pages++;
}

static const struct peer_link_calls calls_aside = {on_send,  on_changed, on_cleared,
						   on_state, on_aside,	 on_page};

/* An aside gets there as it is, of any length, and is nothing to the ledgers; to who does not take it, nothing. */
static void test_aside(void **state)
{
	uint8_t bytes[PEER_ASIDE_MAX];

	(void)state;
	begin(11);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rnd();
	peer_link__say(&sides[0].link, now, bytes, 10);
	assert_int_equal(n_flights, 0); /* nobody could open it */
	put(&sides[0], 1, 1);
	pass(SECOND);
	sides[1].link.calls = &calls_aside;
	n_heard = 0;
	for (size_t len = 0; len <= sizeof(bytes); len += len < 40 ? 1 : sizeof(bytes) - 40) {
		peer_link__say(&sides[0].link, now, bytes, len);
		pass(10 * MS);
		assert_int_equal(heard_len, len);
		assert_memory_equal(heard, bytes, len);
	}
	assert_int_equal(n_heard, 42);
	peer_link__say(&sides[1].link, now, bytes, 100);
	pass(10 * MS);
	assert_int_equal(n_heard, 42);
	/* A page is another matter. */
	peer_link__page(&sides[0].link, now, "abc", 3);
	peer_link__page(&sides[1].link, now, "abc", 3);
	pass(10 * MS);
	assert_int_equal(n_pages, 1);
	assert_int_equal(n_heard, 42);
	assert_int_equal(sides[0].link.n_malformed + sides[1].link.n_malformed, 0);
	put(&sides[0], 2, 2);
	peer_link__news(&sides[0].link, now);
	pass(50 * MS);
	assert_int_equal(peer_link__lag(&sides[0].link), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet),	       cmocka_unit_test(test_news),
		cmocka_unit_test(test_bulk),	       cmocka_unit_test(test_partition),
		cmocka_unit_test(test_restart),	       cmocka_unit_test(test_storm),
		cmocka_unit_test(test_strange_bodies), cmocka_unit_test(test_aside),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("peer_link", tests, NULL, NULL);
}
