/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/link.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define LEAST_PATIENCE_US 5000 /* for an acknowledgement: a peer may be busy */
#define MOST_BACKOFF 6
#define ASIDE UINT64_MAX
#define PAGE (UINT64_MAX - 1)

struct message {
	uint32_t epoch, have_epoch;
	uint64_t have, version, stamp, echo, held;
};
_Static_assert(sizeof(struct message) == 48, "no padding");

int peer_link__init(struct peer_link *l, const struct peer_keys *keys, struct ledger *ours,
		    const uint8_t seed[PEER_SEED_LEN], uint32_t interval_ms,
		    const struct peer_link_calls *calls, void *ctx)
{
	struct ledger *copy = ledger__new();

	if (!copy)
		return -ENOMEM;
	memset(l, 0, sizeof(*l));
	peer_channel__init(&l->channel, keys, seed);
	l->ours = ours;
	l->copy = copy;
	l->interval_ms = interval_ms;
	l->calls = calls;
	l->ctx = ctx;
	l->answers = PEER_ANSWERS_PER_S;
	/* 0 would be that of a copy which was never told anything. */
	l->epoch = 1;
	return 0;
}

void peer_link__clear(struct peer_link *l)
{
	ledger__free(l->copy);
	l->copy = NULL;
}

uint64_t peer_link__patience_us(const struct peer_link *l)
{
	return 3500ull * l->interval_ms;
}

bool peer_link__is_whole(const struct peer_link *l)
{
	return l->copy_epoch && ledger__version(l->copy) >= l->copy_goal;
}

uint64_t peer_link__lag(const struct peer_link *l)
{
	return l->up ? ledger__version(l->ours) - l->acked : 0;
}

/* What follows the message comes in two pieces, either of which may be empty. */
static void send_pieces(struct peer_link *l, const struct peer_answer *answer, const void *mark,
			size_t mark_len, const void *part, size_t part_len)
{
	uint8_t body[PEER_BODY_MAX], datagram[PEER_DATAGRAM_MAX];
	const struct message m = {
		.epoch = htobe32(l->epoch),
		.have_epoch = htobe32(l->copy_epoch),
		.have = htobe64(ledger__version(l->copy)),
		.version = htobe64(ledger__version(l->ours)),
		.stamp = htobe64(l->now_us),
		.echo = htobe64(l->peer_stamp),
		.held = htobe64(l->now_us - l->peer_stamp_us),
	};

	memcpy(body, &m, sizeof(m));
	if (mark_len)
		memcpy(body + sizeof(m), mark, mark_len);
	if (part_len)
		memcpy(body + sizeof(m) + mark_len, part, part_len);
	l->beat_us = l->now_us;
	l->calls->send(l->ctx, datagram,
		       peer_channel__seal(&l->channel, body, sizeof(m) + mark_len + part_len,
					  answer, datagram));
}

static void send_message(struct peer_link *l, const struct peer_answer *answer, const void *part,
			 size_t part_len)
{
	send_pieces(l, answer, NULL, 0, part, part_len);
}

/* The peer's copy is empty, or is to be. */
static void tell_anew(struct peer_link *l)
{
	l->acked = l->sent = 0;
	l->told_from = ledger__version(l->ours);
	l->n_under_way = 0;
}

/* Sends what the peer lacks, as far as its acknowledgements allow. */
static void pump(struct peer_link *l)
{
	uint8_t part[PEER_BODY_MAX - sizeof(struct message)];
	uint64_t upto;
	size_t len;

	_Static_assert(sizeof(part) >= LEDGER_PART_MIN, "any entry fits");
	if (!peer_channel__is_up(&l->channel))
		return;
	if (!ledger__can_follow(l->ours, l->acked > l->told_from ? l->acked : l->told_from)) {
		l->epoch++;
		tell_anew(l);
	}
	while (l->n_under_way < PEER_PARTS &&
	       (len = ledger__write(l->ours, l->sent, part, sizeof(part), &upto))) {
		if (l->n_under_way == 0)
			l->progress_us = l->now_us;
		l->under_way[l->n_under_way++] = upto;
		l->sent = upto;
		send_message(l, NULL, part, len);
	}
}

static uint64_t again_after_us(const struct peer_link *l)
{
	uint64_t us = 2ull * l->rtt_us;

	return (us < LEAST_PATIENCE_US ? LEAST_PATIENCE_US : us) << l->backoff;
}

static void set_up(struct peer_link *l, bool up)
{
	if (l->up == up)
		return;
	l->up = up;
	l->calls->state(l->ctx, up);
}

static void advance(struct peer_link *l, uint64_t now_us)
{
	l->answers += (double)(now_us - l->now_us) * PEER_ANSWERS_PER_S / 1e6;
	if (l->answers > PEER_ANSWERS_PER_S)
		l->answers = PEER_ANSWERS_PER_S;
	l->now_us = now_us;
}

void peer_link__tick(struct peer_link *l, uint64_t now_us)
{
	advance(l, now_us);
	if (l->up && now_us - l->heard_us > peer_link__patience_us(l))
		set_up(l, false);
	if (l->n_under_way && now_us - l->progress_us >= again_after_us(l)) {
		l->n_again++;
		l->sent = l->acked;
		l->n_under_way = 0;
		l->backoff += l->backoff < MOST_BACKOFF;
	}
	pump(l);
	if (now_us - l->beat_us >= 1000ull * l->interval_ms || l->beat_us == 0)
		send_message(l, NULL, NULL, 0);
}

uint64_t peer_link__due(const struct peer_link *l)
{
	uint64_t due = l->beat_us + 1000ull * l->interval_ms;

	if (l->n_under_way && l->progress_us + again_after_us(l) < due)
		due = l->progress_us + again_after_us(l);
	if (l->up && l->heard_us + peer_link__patience_us(l) + 1 < due)
		due = l->heard_us + peer_link__patience_us(l) + 1;
	return due;
}

void peer_link__news(struct peer_link *l, uint64_t now_us)
{
	peer_link__tick(l, now_us);
}

static void say(struct peer_link *l, uint64_t now_us, uint64_t mark, const void *bytes, size_t len)
{
	_Static_assert(PEER_ASIDE_MAX == PEER_BODY_MAX - sizeof(struct message) - sizeof(mark),
		       "what is left of a body");
	if (!peer_channel__is_up(&l->channel))
		return;
	advance(l, now_us);
	send_pieces(l, NULL, &mark, sizeof(mark), bytes, len);
}

void peer_link__say(struct peer_link *l, uint64_t now_us, const void *bytes, size_t len)
{
	say(l, now_us, htobe64(ASIDE), bytes, len);
}

void peer_link__page(struct peer_link *l, uint64_t now_us, const void *bytes, size_t len)
{
	say(l, now_us, htobe64(PAGE), bytes, len);
}

/* What stands behind a message beside parts: handed on. False: it is a part. */
static bool hand_on(struct peer_link *l, const uint8_t *bytes, size_t len)
{
	void (*to)(void *ctx, const uint8_t *bytes, size_t len);
	uint64_t mark = 0;

	if (len >= sizeof(mark))
		memcpy(&mark, bytes, sizeof(mark));
	if (mark != htobe64(ASIDE) && mark != htobe64(PAGE))
		return false;
	to = mark == htobe64(ASIDE) ? l->calls->aside : l->calls->page;
	if (to)
		to(l->ctx, bytes + sizeof(mark), len - sizeof(mark));
	return true;
}

/* The peer's word on how far its copy is. */
static void acknowledge(struct peer_link *l, const struct message *m)
{
	uint64_t have = be64toh(m->have);
	size_t done = 0;

	if (be32toh(m->have_epoch) != l->epoch || have <= l->acked ||
	    have > ledger__version(l->ours))
		return;
	l->acked = have;
	if (l->sent < have)
		l->sent = have;
	while (done < l->n_under_way && l->under_way[done] <= have)
		done++;
	l->n_under_way -= done;
	memmove(l->under_way, l->under_way + done, l->n_under_way * sizeof(*l->under_way));
	l->progress_us = l->now_us;
	l->backoff = 0;
}

static void measure(struct peer_link *l, const struct message *m)
{
	uint64_t echo = be64toh(m->echo), held = be64toh(m->held), rtt;

	l->peer_stamp = be64toh(m->stamp);
	l->peer_stamp_us = l->now_us;
	if (!echo || echo > l->now_us || held > l->now_us - echo)
		return;
	rtt = l->now_us - echo - held;
	if (rtt >= 10000000)
		return;
	l->rtt_us = l->rtt_us ? (uint32_t)((7ull * l->rtt_us + rtt + 7) / 8) : (uint32_t)rtt + 1;
	peer_offset__take(&l->offset, l->now_us, l->peer_stamp, rtt);
}

static int start_copy(struct peer_link *l, uint32_t epoch)
{
	struct ledger *empty = ledger__new();

	/* Without memory it is tried again with the next message, as no epoch is 0. */
	l->copy_epoch = 0;
	if (!empty)
		return -ENOMEM;
	ledger__free(l->copy);
	l->copy = empty;
	l->copy_epoch = epoch;
	l->calls->cleared(l->ctx);
	return 0;
}

/* False: it is malformed. */
static bool read_message(struct peer_link *l, const uint8_t *body, size_t len)
{
	struct message m;
	uint32_t epoch;
	int rc;

	if (len < sizeof(m))
		return false;
	memcpy(&m, body, sizeof(m));
	epoch = be32toh(m.epoch);
	if (epoch != l->copy_epoch && start_copy(l, epoch))
		return true;
	l->copy_goal = be64toh(m.version);
	measure(l, &m);
	acknowledge(l, &m);
	if (len == sizeof(m))
		return true;
	if (hand_on(l, body + sizeof(m), len - sizeof(m)))
		return true;
	rc = ledger__take(l->copy, body + sizeof(m), len - sizeof(m), l->calls->changed, l->ctx);
	if (rc == -EBADMSG)
		return false;
	/* Also of what was there already, or is missing: the peer must know where to go on. */
	send_message(l, NULL, NULL, 0);
	return true;
}

void peer_link__input(struct peer_link *l, uint64_t now_us, const uint8_t *datagram, size_t len)
{
	uint8_t body[PEER_BODY_MAX];
	struct peer_answer answer;
	enum peer_open verdict;
	size_t body_len;

	advance(l, now_us);
	verdict = peer_channel__open(&l->channel, datagram, len, body, &body_len, &answer);
	if (l->channel.n_accepted != l->n_accepted) {
		/* A new start of the peer: it knows nothing, and what it told is of its time before. */
		l->n_accepted = l->channel.n_accepted;
		tell_anew(l);
		l->peer_stamp = 0;
		l->offset = (struct peer_offset){0};
		l->copy_epoch = 0;
	}
	if (verdict == PEER_BODY) {
		l->heard_us = now_us;
		set_up(l, true);
		l->n_malformed += !read_message(l, body, body_len);
	}
	if (answer.wanted && l->answers >= 1) {
		l->answers--;
		send_message(l, &answer, NULL, 0);
	}
	pump(l);
}
