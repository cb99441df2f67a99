/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "peer/channel.h"

/* xorshift64*: the same sequence everywhere. */
static uint64_t rnd_state = 0x9e3779b97f4a7c15;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1d;
}

static struct peer_keys keys(uint8_t first, uint8_t second)
{
	struct peer_keys k = {.n = second ? 2 : 1};

	memset(k.key[0].bytes, first, PEER_KEY_LEN);
	memset(k.key[1].bytes, second, PEER_KEY_LEN);
	k.key[0].hint = first;
	k.key[1].hint = second;
	return k;
}

static void begin(struct peer_channel *c, const struct peer_keys *k)
{
	uint8_t seed[PEER_SEED_LEN];

	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)rnd();
	peer_channel__init(c, k, seed);
}

struct datagram {
	uint8_t bytes[PEER_DATAGRAM_MAX];
	size_t len;
};

static struct datagram say(struct peer_channel *c, const char *text)
{
	struct datagram d;

	d.len = peer_channel__seal(c, text, strlen(text), NULL, d.bytes);
	return d;
}

static enum peer_open hear(struct peer_channel *c, const struct datagram *d, char *text,
			   struct peer_answer *answer)
{
	uint8_t body[PEER_BODY_MAX];
	size_t len = 0;
	enum peer_open verdict = peer_channel__open(c, d->bytes, d->len, body, &len, answer);

	memcpy(text, body, len);
	text[len] = '\0';
	return verdict;
}

/* `d` goes to `to`, and answers go to and fro until nobody wants any; returns the first verdict. */
static enum peer_open converse(struct peer_channel *from, struct peer_channel *to,
			       struct datagram d)
{
	char text[PEER_BODY_MAX + 1];
	struct peer_answer answer;
	enum peer_open first = hear(to, &d, text, &answer);

	for (int i = 0; answer.wanted; i++) {
		struct peer_channel *swap = from;

		assert_true(i < 4);
		d.len = peer_channel__seal(to, NULL, 0, &answer, d.bytes);
		from = to;
		to = swap;
		hear(to, &d, text, &answer);
	}
	return first;
}

static void test_handshake(void **state)
{
	struct peer_keys k = keys(1, 0);
	char text[PEER_BODY_MAX + 1];
	struct peer_channel a, b;
	struct peer_answer answer;
	struct datagram d;

	(void)state;
	begin(&a, &k);
	begin(&b, &k);
	assert_false(peer_channel__is_up(&a));
	assert_int_equal(converse(&a, &b, say(&a, "too early")), PEER_EMPTY);
	assert_true(peer_channel__is_up(&a));
	assert_int_equal(b.n_accepted, 1);
	/* One more, and B knows as well that it is known. */
	d = say(&a, "hello");
	assert_int_equal(hear(&b, &d, text, &answer), PEER_BODY);
	assert_string_equal(text, "hello");
	assert_false(answer.wanted);
	assert_true(peer_channel__is_up(&b));
	d = say(&b, "");
	assert_int_equal(hear(&a, &d, text, &answer), PEER_BODY);
	assert_string_equal(text, "");
}

static void connect_both(struct peer_channel *a, struct peer_channel *b)
{
	converse(a, b, say(a, ""));
	converse(a, b, say(a, ""));
	assert_true(peer_channel__is_up(a));
	assert_true(peer_channel__is_up(b));
}

/* Any byte that changes makes it another's. */
static void test_changed(void **state)
{
	struct peer_keys k = keys(1, 0);
	char text[PEER_BODY_MAX + 1];
	struct peer_channel a, b;
	struct peer_answer answer;
	uint64_t genuine;
	struct datagram d;

	(void)state;
	begin(&a, &k);
	begin(&b, &k);
	connect_both(&a, &b);
	genuine = b.counts[PEER_BODY] + b.counts[PEER_EMPTY];
	d = say(&a, "a body");
	for (size_t i = 0; i < d.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			enum peer_open verdict;

			d.bytes[i] ^= (uint8_t)(1 << bit);
			verdict = hear(&b, &d, text, &answer);
			assert_true(verdict >= PEER_MALFORMED);
			assert_false(answer.wanted);
			d.bytes[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t len = 0; len < d.len; len++) {
		struct datagram cut = d;

		cut.len = len;
		assert_true(hear(&b, &cut, text, &answer) >= PEER_MALFORMED);
	}
	assert_int_equal(b.counts[PEER_BODY] + b.counts[PEER_EMPTY], genuine);
	assert_int_equal(hear(&b, &d, text, &answer), PEER_BODY);
	assert_string_equal(text, "a body");
	assert_int_equal(hear(&b, &d, text, &answer), PEER_REPLAYED);
	assert_int_equal(hear(&a, &d, text, &answer), PEER_REFLECTED);
}

static void test_rotation(void **state)
{
	struct peer_keys old = keys(1, 0), both = keys(1, 2), turned = keys(2, 1), new = keys(2, 0),
			 stranger = keys(3, 0);
	char text[PEER_BODY_MAX + 1];
	struct peer_channel a, b;
	struct peer_answer answer;
	struct datagram d;

	(void)state;
	begin(&a, &old);
	begin(&b, &old);
	connect_both(&a, &b);
	b.keys = &both;
	d = say(&a, "old to both");
	assert_int_equal(hear(&b, &d, text, &answer), PEER_BODY);
	a.keys = &turned;
	d = say(&a, "new to both");
	assert_int_equal(hear(&b, &d, text, &answer), PEER_BODY);
	d = say(&b, "old to both");
	assert_int_equal(hear(&a, &d, text, &answer), PEER_BODY);
	b.keys = &new;
	d = say(&a, "new to new");
	assert_int_equal(hear(&b, &d, text, &answer), PEER_BODY);
	a.keys = &old;
	d = say(&a, "old to new");
	assert_int_equal(hear(&b, &d, text, &answer), PEER_NO_KEY);
	/* The same hint, another key. */
	stranger.key[0].hint = new.key[0].hint;
	a.keys = &stranger;
	d = say(&a, "forged");
	assert_int_equal(hear(&b, &d, text, &answer), PEER_FORGED);
}

static void test_window(void **state)
{
	static struct datagram sent[4 * PEER_WINDOW];
	struct peer_keys k = keys(1, 0);
	char text[PEER_BODY_MAX + 1];
	struct peer_channel a, b;
	struct peer_answer answer;
	size_t n = sizeof(sent) / sizeof(*sent);

	(void)state;
	begin(&a, &k);
	begin(&b, &k);
	connect_both(&a, &b);
	for (size_t i = 0; i < n; i++)
		sent[i] = say(&a, "x");
	/* Backwards within a window: all of them count, once. */
	for (size_t i = PEER_WINDOW; i-- > 0;)
		assert_int_equal(hear(&b, &sent[i], text, &answer), PEER_BODY);
	for (size_t i = 0; i < PEER_WINDOW; i++)
		assert_int_equal(hear(&b, &sent[i], text, &answer), PEER_REPLAYED);
	/* A leap: the one that is a window behind is too late, the next one is not. */
	assert_int_equal(hear(&b, &sent[3 * PEER_WINDOW], text, &answer), PEER_BODY);
	assert_int_equal(hear(&b, &sent[2 * PEER_WINDOW], text, &answer), PEER_REPLAYED);
	assert_int_equal(hear(&b, &sent[2 * PEER_WINDOW + 1], text, &answer), PEER_BODY);
	assert_int_equal(hear(&b, &sent[3 * PEER_WINDOW - 1], text, &answer), PEER_BODY);
	assert_int_equal(hear(&b, &sent[3 * PEER_WINDOW + 7], text, &answer), PEER_BODY);
	for (size_t i = 1; i < 7; i++)
		assert_int_equal(hear(&b, &sent[3 * PEER_WINDOW + i], text, &answer), PEER_BODY);
}

/* All that an attacker has recorded, of sessions on both sides that are over, is played to a new one. */
static void test_restarts(void **state)
{
	enum { ROUNDS = 40, PER_ROUND = 24 };
	static struct datagram recorded[ROUNDS * PER_ROUND];
	struct peer_keys k = keys(1, 0);
	char text[PEER_BODY_MAX + 1];
	struct peer_channel a, b;
	struct peer_answer answer;
	size_t n = 0;

	(void)state;
	begin(&a, &k);
	begin(&b, &k);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t accepted_a, accepted_b;

		if (round % 3 != 1)
			begin(&a, &k);
		if (round % 3 != 2)
			begin(&b, &k);
		for (size_t i = 0; i < n; i++) {
			assert_int_not_equal(hear(&a, &recorded[i], text, &answer), PEER_BODY);
			assert_int_not_equal(hear(&b, &recorded[i], text, &answer), PEER_BODY);
		}
		accepted_a = a.n_accepted;
		accepted_b = b.n_accepted;
		for (int i = 0; i < PER_ROUND / 4; i++) {
			struct peer_channel *from = rnd() % 2 ? &a : &b, *to = from == &a ? &b : &a;
			struct datagram d = say(from, "y");

			recorded[n++] = d;
			hear(to, &d, text, &answer);
			/* The whole exchange is recorded, and the attacker is in the middle of it. */
			for (int j = 0; answer.wanted && j < 3; j++) {
				struct peer_channel *swap = from;

				d.len = peer_channel__seal(to, NULL, 0, &answer, d.bytes);
				from = to;
				to = swap;
				recorded[n++] = d;
				hear(to, &d, text, &answer);
			}
		}
		connect_both(&a, &b);
		/* Nobody but the new session was accepted. */
		assert_true(a.n_accepted - accepted_a <= 1);
		assert_true(b.n_accepted - accepted_b <= 1);
	}
}

/* A datagram that may come once, twice, late or never. */
struct kept {
	struct datagram d;
	uint64_t word; /* what it says, if it says anything */
	unsigned int start; /* which start of its sender it is of */
	uint64_t to; /* whom its sender took the receiver for */
	bool heard;
};

/*
 * Loss, copies, any order, restarts: a body that counts was said by the peer, counts once, and is of no
 * start of the peer before one that was heard of, or before the one that lived when the receiver started.
 */
static void test_storm(void **state)
{
	enum { KEPT = 256 };
	static struct kept kept[2][KEPT];
	struct peer_keys k = keys(1, 0);
	struct peer_channel c[2];
	uint64_t word = 0, bodies = 0, ups = 0;
	unsigned int starts[2] = {0, 0}, least[2] = {0, 0};

	(void)state;
	begin(&c[0], &k);
	begin(&c[1], &k);
	for (int step = 0; step < 300000; step++) {
		int side = (int)(rnd() % 2);
		struct kept *mine = &kept[side][rnd() % KEPT], *theirs = &kept[!side][rnd() % KEPT];
		uint8_t body[PEER_BODY_MAX];
		struct peer_answer answer;
		size_t len = 0;

		if (rnd() % 3 == 0) {
			*mine = (struct kept){
				.word = ++word, .start = starts[side], .to = c[side].peer};
			mine->d.len = peer_channel__seal(&c[side], &word, sizeof(word), NULL,
							 mine->d.bytes);
			continue;
		}
		if (rnd() % 5000 == 0) {
			begin(&c[side], &k);
			starts[side]++;
			least[side] = starts[!side];
			continue;
		}
		if (!theirs->d.len)
			continue;
		if (peer_channel__open(&c[side], theirs->d.bytes, theirs->d.len, body, &len,
				       &answer) == PEER_BODY) {
			assert_false(theirs->heard);
			theirs->heard = true;
			assert_true(theirs->to == c[side].own);
			assert_true(theirs->start >= least[side]);
			least[side] = theirs->start;
			assert_int_equal(len, theirs->word ? sizeof(word) : 0);
			assert_memory_equal(body, &theirs->word, len);
			bodies += len != 0;
		}
		if (answer.wanted && rnd() % 2) {
			*mine = (struct kept){.start = starts[side], .to = c[side].peer};
			mine->d.len = peer_channel__seal(&c[side], NULL, 0, &answer, mine->d.bytes);
		}
		ups += peer_channel__is_up(&c[0]) && peer_channel__is_up(&c[1]);
	}
	/* It did work most of the time. */
	assert_true(bodies > 30000);
	assert_true(ups > 100000);
}

static void test_garbage(void **state)
{
	struct peer_keys k = keys(1, 0);
	struct peer_channel a;
	struct peer_answer answer;
	struct datagram d;
	char text[PEER_BODY_MAX + 1];

	(void)state;
	begin(&a, &k);
	for (int i = 0; i < 20000; i++) {
		d.len = rnd() % (sizeof(d.bytes) + 1);
		for (size_t j = 0; j < d.len; j += 8) {
			uint64_t r = rnd();

			memcpy(d.bytes + j, &r, d.len - j < 8 ? d.len - j : 8);
		}
		if (rnd() % 2 && d.len > 8)
			memcpy(d.bytes, "FL\1\0\1\0\0\0", 8);
		assert_true(hear(&a, &d, text, &answer) >= PEER_MALFORMED);
		assert_false(answer.wanted);
	}
	assert_true(a.counts[PEER_FORGED] > 1000);
	assert_true(a.counts[PEER_MALFORMED] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_rotation),  cmocka_unit_test(test_window),
		cmocka_unit_test(test_restarts),  cmocka_unit_test(test_storm),
		cmocka_unit_test(test_garbage),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("peer_channel", tests, NULL, NULL);
}
