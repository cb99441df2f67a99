/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_talk.h - holds a talk against a script of what a server says, without any socket.
 *
 * Each exchange is held four times: with the server's bytes in one piece, one by one, in pieces of 3,
 * and all with more behind that nobody asked for; what the talk says and its verdict must be the same.
 * Cut off anywhere, it must end in a failure, never in a success, unless the cut comes after the verdict.
 */
#ifndef TESTS_PROBE_TALK_H
#define TESTS_PROBE_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "probe/talk.h"

/* One turn: what the talk must have said, and then what the server answers. */
struct turn {
	const char *says; /* NULL: nothing */
	size_t says_len; /* 0: strlen(says) */
	const char *answers; /* NULL: the server closes */
	size_t answers_len; /* 0: strlen(answers) */
};

#define BYTES(s) (s), sizeof(s) - 1

struct held {
	enum probe_outcome outcome;
	char detail[PROBE_DETAIL_LEN];
	bool over, tls; /* a verdict; TLS was asked for */
};

static inline size_t turn_len(const char *s, size_t len)
{
	return s && !len ? strlen(s) : len;
}

/* Feeds `len` bytes in pieces of `piece`; what is not used stays in `in`. */
static inline enum talk_next talk_feed(const struct talk_kind *kind, struct talk *t, uint8_t *in,
				       const char *bytes, size_t len, size_t piece)
{
	enum talk_next next = TALK_MORE;

	for (size_t at = 0; at < len && next == TALK_MORE; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		assert_true(t->len + n <= TALK_IN_MAX);
		memmove(in, t->in, t->len);
		memcpy(in + t->len, bytes + at, n);
		t->in = in;
		t->len += n;
		next = kind->input(t);
		while (next == TALK_AGAIN)
			next = t->len ? kind->input(t) : TALK_MORE;
	}
	return next;
}

/*
 * Holds the exchange: the server's bytes in pieces of `piece`, of which only the first `cut` are
 * sent before it closes. `check`: whether what the talk says is compared.
 */
static inline struct held talk_hold(const struct talk_kind *kind, const struct config_probe *args,
				    const char *password, const struct turn *turns, size_t n,
				    size_t piece, size_t cut, bool check)
{
	static uint8_t in[TALK_IN_MAX];
	static struct talk t;
	struct addr address = {{0}};
	struct held h = {.over = false};
	enum talk_next next;

	memset(&t, 0, sizeof(t));
	address.b[10] = address.b[11] = 0xff;
	t.args = args;
	t.address = &address;
	t.port = 1000;
	t.password = password;
	t.tls = args->tls && !args->starttls ? "TLSv1.3" : NULL;
	t.in = in;
	next = kind->begin(&t);
	for (size_t i = 0; i < n && next != TALK_OVER; i++) {
		size_t says = turn_len(turns[i].says, turns[i].says_len);
		size_t len = turn_len(turns[i].answers, turns[i].answers_len);

		if (check) {
			assert_int_equal(t.out_len, says);
			if (says)
				assert_memory_equal(t.out, turns[i].says, says);
		}
		t.out_len = 0;
		if (next == TALK_TLS) {
			h.tls = true;
			t.tls = "TLSv1.3";
			next = kind->begin(&t);
			i--;
			continue;
		}
		if (turns[i].answers && cut)
			next = talk_feed(kind, &t, in, turns[i].answers, len < cut ? len : cut,
					 piece);
		if ((!turns[i].answers || cut < len) && next != TALK_OVER) {
			if (kind->closed)
				next = kind->closed(&t);
			break;
		}
		cut -= turns[i].answers ? len : 0;
	}
	h.over = next == TALK_OVER;
	h.outcome = h.over ? t.outcome : PROBE_FAILED;
	memcpy(h.detail, t.detail, sizeof(h.detail));
	return h;
}

/* Holds the exchange in all the ways above and compares the verdict. */
static inline void talk_check(const struct talk_kind *kind, const struct config_probe *args,
			      const char *password, const struct turn *turns, size_t n,
			      enum probe_outcome outcome, const char *detail)
{
	static const size_t pieces[] = {TALK_IN_MAX, 1, 3};
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += turn_len(turns[i].answers, turns[i].answers_len);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct held h =
			talk_hold(kind, args, password, turns, n, pieces[i], SIZE_MAX, true);

		assert_true(h.over);
		assert_string_equal(h.detail, detail);
		assert_int_equal(h.outcome, outcome);
	}
	for (size_t cut = 0; cut < total; cut++) {
		struct held h = talk_hold(kind, args, password, turns, n, TALK_IN_MAX, cut, false);

		/* What decides may come before the last byte, but a success is never another one. */
		if (h.over && h.outcome == PROBE_OK)
			assert_string_equal(h.detail, detail);
	}
}

#define TALK_CHECK(kind, args, password, turns, outcome, detail) \
	talk_check(kind, args, password, turns, sizeof(turns) / sizeof(*(turns)), outcome, detail)

/* Random and mutated bytes: no verdict of success, no crash, no endless loop. */
static inline void talk_garbage(const struct talk_kind *kind, const struct config_probe *args,
				const char *password, unsigned int rounds)
{
	char bytes[512];
	uint64_t x = 88172645463325252ULL;

	for (unsigned int r = 0; r < rounds; r++) {
		struct turn turn = {.answers = bytes, .answers_len = 1 + r % sizeof(bytes)};
		struct held h;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bytes[i] = r % 3 ? (char)(x >> 32) : "\r\n +-$*: 0123456789OK"[x % 20];
		}
		h = talk_hold(kind, args, password, &turn, 1, 1 + r % 64, SIZE_MAX, false);
		assert_true(!h.over || h.outcome != PROBE_OK);
	}
}

#endif
