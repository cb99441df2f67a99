/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/stream.h"

#include <endian.h>
#include <string.h>

#define LEAST_PATIENCE_US 20000 /* for an acknowledgement: it comes after a turn of a busy loop */
#define MOST_BACKOFF 6
#define WHOLE 1

struct head {
	uint32_t stream, number, have_stream, have, done, of;
	uint8_t flags;
} __attribute__((packed));
_Static_assert(sizeof(struct head) == PEER_STREAM_HEAD, "no padding");

static struct peer_message *message_at(struct peer_stream *s, uint32_t number)
{
	return &s->window[number % PEER_STREAM_WINDOW];
}

/* The message that is being filled; only while there is room for it. */
static struct peer_message *open_message(struct peer_stream *s)
{
	return message_at(s, s->closed + 1);
}

static void begin_message(struct peer_stream *s)
{
	if (peer_stream__room(s))
		open_message(s)->len = open_message(s)->n = 0;
}

void peer_stream__again(struct peer_stream *s)
{
	s->stream++;
	s->acked = s->sent = s->closed = 0;
	s->ours = (struct peer_whole){0};
	s->missed = true;
	s->news = false;
	s->backoff = 0;
	begin_message(s);
}

void peer_stream__init(struct peer_stream *s)
{
	memset(s, 0, sizeof(*s));
	peer_stream__again(s);
}

void peer_stream__restart(struct peer_stream *s)
{
	peer_stream__again(s);
	s->their_stream = s->have = 0;
	s->theirs = (struct peer_whole){0};
	s->owes = false;
}

uint32_t peer_stream__room(const struct peer_stream *s)
{
	return PEER_STREAM_WINDOW - (s->closed - s->acked);
}

uint32_t peer_stream__lag(const struct peer_stream *s)
{
	return s->closed - s->acked;
}

bool peer_stream__is_open(const struct peer_stream *s)
{
	return peer_stream__room(s) && s->window[(s->closed + 1) % PEER_STREAM_WINDOW].len;
}

/* The open message is full, or is to be sent as it is. */
static void close_message(struct peer_stream *s)
{
	struct peer_message *m = open_message(s);

	m->done = s->ours.done;
	m->of = s->ours.of;
	m->whole = s->ours.told;
	s->news = false;
	s->closed++;
	begin_message(s);
}

bool peer_stream__put(struct peer_stream *s, const uint8_t *record, size_t len)
{
	struct peer_message *m;

	if (!peer_stream__room(s))
		return false;
	m = open_message(s);
	if (m->len + len > sizeof(m->records)) {
		close_message(s);
		if (!peer_stream__room(s))
			return false;
		m = open_message(s);
	}
	memcpy(m->records + m->len, record, len);
	m->len = (uint16_t)(m->len + len);
	m->n++;
	s->n_told++;
	return true;
}

void peer_stream__begin(struct peer_stream *s)
{
	s->ours = (struct peer_whole){0};
	s->missed = false;
	s->news = true;
}

void peer_stream__advance(struct peer_stream *s, uint32_t done, uint32_t of)
{
	s->ours.done = done;
	s->ours.of = of;
}

void peer_stream__end(struct peer_stream *s)
{
	s->ours.told = !s->missed;
	s->news = true;
}

void peer_stream__miss(struct peer_stream *s)
{
	s->news |= s->ours.told;
	s->ours.told = false;
	s->missed = true;
}

static size_t write_message(struct peer_stream *s, uint32_t number, uint8_t *out)
{
	const struct peer_message *m = number ? message_at(s, number) : NULL;
	const struct head h = {
		.stream = htobe32(s->stream),
		.number = htobe32(number),
		.have_stream = htobe32(s->their_stream),
		.have = htobe32(s->have),
		.done = htobe32(m ? m->done : 0),
		.of = htobe32(m ? m->of : 0),
		.flags = m && m->whole ? WHOLE : 0,
	};

	s->owes = false;
	memcpy(out, &h, sizeof(h));
	if (!m)
		return sizeof(h);
	memcpy(out + sizeof(h), m->records, m->len);
	return sizeof(h) + m->len;
}

static uint64_t again_after_us(const struct peer_stream *s, uint32_t rtt_us)
{
	uint64_t us = 2ull * rtt_us;

	return (us < LEAST_PATIENCE_US ? LEAST_PATIENCE_US : us) << s->backoff;
}

size_t peer_stream__next(struct peer_stream *s, uint64_t now_us, uint32_t rtt_us, uint8_t *out)
{
	if (s->sent > s->acked && now_us - s->progress_us >= again_after_us(s, rtt_us)) {
		s->n_again++;
		s->sent = s->acked;
		s->backoff += s->backoff < MOST_BACKOFF;
	}
	if (s->sent == s->closed && peer_stream__room(s) && (open_message(s)->len || s->news))
		close_message(s);
	if (s->sent < s->closed) {
		if (s->sent == s->acked)
			s->progress_us = now_us;
		return write_message(s, ++s->sent, out);
	}
	return s->owes ? write_message(s, 0, out) : 0;
}

uint64_t peer_stream__due(const struct peer_stream *s, uint32_t rtt_us)
{
	return s->sent > s->acked ? s->progress_us + again_after_us(s, rtt_us) : UINT64_MAX;
}

static void acknowledge(struct peer_stream *s, uint64_t now_us, const struct head *h)
{
	uint32_t have = be32toh(h->have);
	bool was_full = !peer_stream__room(s);

	if (be32toh(h->have_stream) != s->stream) {
		/* It had this one, and has it no more. */
		if (s->acked)
			peer_stream__again(s);
		return;
	}
	if (have <= s->acked || have > s->closed)
		return;
	s->acked = have;
	if (s->sent < have)
		s->sent = have;
	if (was_full)
		begin_message(s);
	s->progress_us = now_us;
	s->backoff = 0;
}

/* Whether the message is the next one; if so, it counts from now on. */
static bool is_next(struct peer_stream *s, const struct head *h)
{
	uint32_t stream = be32toh(h->stream), number = be32toh(h->number);

	s->owes = true;
	if (stream != s->their_stream) {
		if (number != 1)
			return false;
		s->their_stream = stream;
		s->have = 0;
	}
	if (number != s->have + 1)
		return false;
	s->have = number;
	s->theirs = (struct peer_whole){be32toh(h->done), be32toh(h->of), h->flags & WHOLE};
	return true;
}

static bool is_whole(const uint8_t *in, size_t len)
{
	struct peer_record r;
	size_t at = 0;

	while (at < len) {
		if (!peer_record__read(in, len, &at, 0, &r))
			return false;
	}
	return true;
}

bool peer_stream__input(struct peer_stream *s, uint64_t now_us, uint32_t now_s,
			const uint8_t *bytes, size_t len, peer_stream_cb *each, void *ctx)
{
	struct peer_record r;
	struct head h;
	size_t at = 0;

	if (len < sizeof(h))
		return false;
	memcpy(&h, bytes, sizeof(h));
	bytes += sizeof(h);
	len -= sizeof(h);
	if (!h.stream || (!h.number && len) || !is_whole(bytes, len))
		return false;
	acknowledge(s, now_us, &h);
	if (!h.number || !is_next(s, &h))
		return true;
	while (at < len && peer_record__read(bytes, len, &at, now_s, &r)) {
		s->n_heard++;
		each(ctx, &r);
	}
	return true;
}
