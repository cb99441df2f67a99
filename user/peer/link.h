/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h - what this side and one peer tell each other, over a channel: ledgers in both directions.
 *
 * Every body is the same message: how far the sender's copy is, for the receiver to go on from there,
 * stamps that measure the round trip, and perhaps the next part of the sender's ledger. One is sent each
 * interval, and at once when there is news or a part to be acknowledged. A number of parts may be under
 * way; if the first of them is not acknowledged in time, all are sent again. In network order:
 *
 *    0  epoch (4)       of what the sender tells: another one means that the receiver's copy starts anew
 *    4  have_epoch (4)  what the sender's copy is of: the receiver's epoch
 *    8  have (8)        and version
 *   16  version (8)     of the sender's ledger: how far a copy of it can get
 *   24  stamp (8)       the sender's clock, µs
 *   32  echo (8)        the last stamp of the receiver that the sender has seen, and
 *   40  held (8)        how long ago that was, µs
 *   48  a part of the sender's ledger (ledger.h), or nothing; or an aside: 2^64 - 1, which no part begins
 *       with, and what the link hands on as it is, once, if it gets there at all (stream.h); or, behind
 *       2^64 - 2 and likewise, a page of a text or a question for one (page.h)
 *
 * Pure: time, randomness and datagrams are given; the times are of a clock that never steps back.
 */
#ifndef FAIRLEAD_PEER_LINK_H
#define FAIRLEAD_PEER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/channel.h"
#include "peer/ledger.h"
#include "peer/offset.h"

#define PEER_ASIDE_MAX (PEER_BODY_MAX - 48 - 8)
#define PEER_PARTS 32 /* under way at once */
#define PEER_ANSWERS_PER_S 50 /* to datagrams that ask for the handshake */

struct peer_link_calls {
	/* A datagram that is to be sent. */
	void (*send)(void *ctx, const uint8_t *datagram, size_t len);
	/* The peer's copy changed; value NULL: the key has gone. */
	ledger_change_cb *changed;
	/* The peer has started anew, or has too much to tell: all that `changed` told of has gone. */
	void (*cleared)(void *ctx);
	/* It is heard, or silent from now on. */
	void (*state)(void *ctx, bool up);
	/* An aside, a page. NULL: they are not for this side. */
	void (*aside)(void *ctx, const uint8_t *bytes, size_t len);
	void (*page)(void *ctx, const uint8_t *bytes, size_t len);
};

struct peer_link {
	struct peer_channel channel;
	struct ledger *ours; /* what is told */
	struct ledger *copy; /* what the peer has told */
	const struct peer_link_calls *calls;
	void *ctx;
	uint32_t interval_ms;
	bool up;
	uint64_t now_us, heard_us, beat_us; /* beat: when the last message was sent */
	uint64_t n_accepted; /* of the channel, as seen last */
	uint32_t epoch, copy_epoch;
	uint64_t copy_goal; /* the version of the peer's ledger, as it said last */
	uint64_t acked, sent; /* versions of `ours` that the peer has, and that are on their way */
	uint64_t told_from; /* the version of `ours` when it was last told from the beginning */
	uint64_t under_way[PEER_PARTS]; /* `upto` of each part, oldest first */
	size_t n_under_way;
	uint64_t progress_us; /* when one of them was acknowledged, or the first was sent */
	uint64_t peer_stamp, peer_stamp_us; /* its last, and when that came */
	uint32_t rtt_us; /* smoothed; 0: not measured yet */
	struct peer_offset offset; /* of the peer's clock, by its stamps */
	unsigned int backoff; /* each time in vain, the patience for an acknowledgement doubles */
	double answers; /* tokens */
	uint64_t n_malformed; /* genuine, but none of these messages */
	uint64_t n_again; /* times that parts were sent again */
};

/* `keys` and `ours` stay the caller's. -ENOMEM. */
int peer_link__init(struct peer_link *l, const struct peer_keys *keys, struct ledger *ours,
		    const uint8_t seed[PEER_SEED_LEN], uint32_t interval_ms,
		    const struct peer_link_calls *calls, void *ctx);
void peer_link__clear(struct peer_link *l);

/* To be called at peer_link__due(), or before; sends what is to be sent. */
void peer_link__tick(struct peer_link *l, uint64_t now_us);

/* When the next tick is due. */
uint64_t peer_link__due(const struct peer_link *l);

/* `ours` has changed. */
void peer_link__news(struct peer_link *l, uint64_t now_us);

void peer_link__input(struct peer_link *l, uint64_t now_us, const uint8_t *datagram, size_t len);

/* Sends an aside of at most PEER_ASIDE_MAX bytes; nothing while the peer could not take it for genuine. */
void peer_link__say(struct peer_link *l, uint64_t now_us, const void *bytes, size_t len);
/* The same of a page. */
void peer_link__page(struct peer_link *l, uint64_t now_us, const void *bytes, size_t len);

/* How long the peer may be silent before it is taken for gone, in µs. */
uint64_t peer_link__patience_us(const struct peer_link *l);

/* All that the peer has told, as far as is known, has arrived. */
bool peer_link__is_whole(const struct peer_link *l);

/* Changes of `ours` that the peer is not known to have; 0 while it is not up. */
uint64_t peer_link__lag(const struct peer_link *l);

#endif
