/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a peer's clock is away: of samples, and of two links whose clocks count from different moments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "peer/link.h"
#include "peer/offset.h"

#define MS 1000ull
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)

static void assert_offset(const struct peer_offset *o, int64_t want)
{
	int64_t us = 0;

	assert_true(peer_offset__get(o, &us));
	assert_int_equal(us, want);
}

/* The peer's clock is 100 s ahead; what took longer there than back seems to be further away. */
static void the_shortest_round_trip_counts(void **state)
{
	struct peer_offset o = {0};
	uint64_t now = 1000 * SECOND, ahead = 100 * SECOND;
	int64_t us;

	(void)state;
	assert_false(peer_offset__get(&o, &us));
	/* 3 ms of a round trip of 4 ms were on the way here. */
	peer_offset__take(&o, now, now + ahead - 3 * MS, 4 * MS);
	assert_offset(&o, (int64_t)(ahead - MS));
	peer_offset__take(&o, now + SECOND, now + SECOND + ahead - MS, 2 * MS);
	assert_offset(&o, (int64_t)ahead);
	/* This machine stood still for 3 s: that is not the peer's clock. */
	peer_offset__take(&o, now + 6 * SECOND, now + 3 * SECOND + ahead, 3 * SECOND);
	assert_offset(&o, (int64_t)ahead);
	/* Also if that begins the next window, as the last one still counts. */
	peer_offset__take(&o, now + 9 * SECOND, now + 6 * SECOND + ahead, 3 * SECOND);
	assert_offset(&o, (int64_t)ahead);
	/* A clock that drifts is followed: by what is as good, and when the window before has gone. */
	peer_offset__take(&o, now + 10 * SECOND, now + 10 * SECOND + ahead - 3 * MS, 2 * MS);
	peer_offset__take(&o, now + 18 * SECOND, now + 18 * SECOND + ahead + 9 * MS, 8 * MS);
	assert_offset(&o, (int64_t)(ahead - 2 * MS));
	peer_offset__take(&o, now + 27 * SECOND, now + 27 * SECOND + ahead + 8 * MS, 8 * MS);
	assert_offset(&o, (int64_t)(ahead + 12 * MS));
}

static void what_is_old_is_forgotten(void **state)
{
	struct peer_offset o = {0};
	uint64_t now = 1000 * SECOND;

	(void)state;
	peer_offset__take(&o, now, now + HOUR, 0);
	peer_offset__take(&o, now + HOUR, now, 9 * MS);
	assert_offset(&o, -(int64_t)HOUR + 4500);
}

/* Two clocks a lifetime apart, and one that began a moment ago. */
static void any_clock(void **state)
{
	struct peer_offset o = {0};

	(void)state;
	peer_offset__take(&o, 7, (uint64_t)1 << 62, 0);
	assert_offset(&o, ((int64_t)1 << 62) - 7);
	o = (struct peer_offset){0};
	peer_offset__take(&o, (uint64_t)1 << 62, 7, 0);
	assert_offset(&o, 7 - ((int64_t)1 << 62));
}

/* --- two links ------------------------------------------------------------------------------------ */

#define IN_FLIGHT 64

struct side {
	struct peer_link link;
	struct ledger *ours;
	uint64_t ahead_us; /* its clock, of `now` */
	uint64_t delay_us; /* of what it sends */
};

static struct side sides[2];
static struct {
	uint8_t bytes[PEER_DATAGRAM_MAX];
	size_t len; /* 0: nothing */
	uint64_t at_us;
	int to;
} flights[IN_FLIGHT];
static uint64_t now_us;
static const struct peer_keys keys = {.n = 1, .key = {{.bytes = {7}, .hint = 7}}};

static void on_send(void *ctx, const uint8_t *datagram, size_t len)
{
	const struct side *s = ctx;
	size_t i = 0;

	while (i < IN_FLIGHT && flights[i].len)
		i++;
	assert_true(i < IN_FLIGHT);
	memcpy(flights[i].bytes, datagram, len);
	flights[i].len = len;
	flights[i].at_us = now_us + s->delay_us;
	flights[i].to = s == &sides[0];
}

static void on_changed(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)ctx;
	(void)key;
	(void)key_len;
	(void)value;
	(void)len;
}

static void on_cleared(void *ctx)
{
	(void)ctx;
}

static void on_state(void *ctx, bool up)
{
	(void)ctx;
	(void)up;
}

static const struct peer_link_calls calls = {on_send, on_changed, on_cleared, on_state, NULL, NULL};

static void start(struct side *s, uint64_t ahead_us, uint64_t delay_us)
{
	uint8_t seed[PEER_SEED_LEN];

	randombytes_buf(seed, sizeof(seed));
	*s = (struct side){.ours = ledger__new(), .ahead_us = ahead_us, .delay_us = delay_us};
	assert_int_equal(peer_link__init(&s->link, &keys, s->ours, seed, 100, &calls, s), 0);
	s->link.now_us = now_us + ahead_us;
}

static void stop(struct side *s)
{
	peer_link__clear(&s->link);
	ledger__free(s->ours);
}

static void pass(uint64_t us)
{
	for (uint64_t until = now_us + us; now_us < until; now_us += 100) {
		for (size_t i = 0; i < IN_FLIGHT; i++) {
			struct side *to = &sides[flights[i].to];
			size_t len = flights[i].len;

			if (!len || flights[i].at_us > now_us)
				continue;
			flights[i].len = 0;
			peer_link__input(&to->link, now_us + to->ahead_us, flights[i].bytes, len);
		}
		for (size_t i = 0; i < 2; i++)
			peer_link__tick(&sides[i].link, now_us + sides[i].ahead_us);
	}
}

/* Both know how far the other's clock is, but for half of how the ways there and back differ. */
static void assert_measured(uint64_t wrong_us)
{
	for (int i = 0; i < 2; i++) {
		int64_t want = (int64_t)(sides[!i].ahead_us - sides[i].ahead_us), us = 0;

		assert_true(sides[i].link.up);
		assert_true(peer_offset__get(&sides[i].link.offset, &us));
		assert_in_range((uint64_t)(us - want) + wrong_us + 100, 0, 2 * wrong_us + 200);
	}
}

static void of_two_links(void **state)
{
	int64_t us;

	(void)state;
	now_us = 1000 * SECOND;
	start(&sides[0], 0, 20 * MS);
	start(&sides[1], 5 * HOUR, 20 * MS);
	assert_false(peer_offset__get(&sides[0].link.offset, &us));
	pass(2 * SECOND);
	assert_measured(0);
	/* Half the round trip is a guess where the way back is longer. */
	sides[1].delay_us = 26 * MS;
	pass(20 * SECOND);
	assert_measured(3 * MS);
	/* The other machine is another one, or was booted: what was known of its clock is void at once. */
	stop(&sides[1]);
	start(&sides[1], 0, 20 * MS);
	pass(2 * SECOND);
	assert_measured(0);
	stop(&sides[0]);
	stop(&sides[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shortest_round_trip_counts),
		cmocka_unit_test(what_is_old_is_forgotten),
		cmocka_unit_test(any_clock),
		cmocka_unit_test(of_two_links),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("peer_offset", tests, NULL, NULL);
}
