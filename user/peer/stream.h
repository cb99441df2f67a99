/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.h - records on their way to one peer and from it, as asides of a link (link.h).
 *
 * Records change too often for a ledger, and each of them counts for little: it is told again while its
 * connection goes on. So what is told is not kept. Messages are numbered, a window of them is kept until
 * it is acknowledged, and the peer takes them in order; where the window is full, who tells waits, or lets
 * the peer have everything anew later (a telling "of the whole", of which each message says how far it is).
 * In network order:
 *
 *    0  stream (4)       of the sender; another one, which begins with number 1, has nothing to do with the last
 *    4  number (4)       of this message: 1, 2, ...; 0: it only acknowledges
 *    8  have_stream (4)  what the sender takes: a stream of the receiver,
 *   12  have (4)         and up to which number
 *   16  done (4)         records of the whole that were told, this message included,
 *   20  of (4)           of so many
 *   24  flags (1)        1: the whole was told, and nothing since then has been left out
 *   25  records (record.h)
 *
 * Pure: times are given.
 */
#ifndef FAIRLEAD_PEER_STREAM_H
#define FAIRLEAD_PEER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/link.h"
#include "peer/record.h"

#define PEER_STREAM_WINDOW 64 /* messages */
#define PEER_STREAM_HEAD 25

struct peer_message {
	uint16_t len; /* bytes of records */
	uint16_t n; /* of them */
	uint32_t done, of;
	bool whole;
	uint8_t records[PEER_ASIDE_MAX - PEER_STREAM_HEAD];
};

struct peer_whole {
	uint32_t done, of;
	bool told; /* all of it, and what came since */
};

struct peer_stream {
	/* told */
	uint32_t stream, acked, sent, closed; /* numbers: each of them is <= the next one */
	struct peer_message window[PEER_STREAM_WINDOW]; /* number n is in window[n % ...] */
	struct peer_whole ours; /* as the message that is being filled says it */
	bool missed; /* something was left out since the whole was begun */
	bool news; /* the message that is being filled is worth sending without records */
	uint64_t progress_us; /* when one was acknowledged, or the first was sent */
	unsigned int backoff;
	uint64_t n_told; /* records, acknowledged or not */
	uint64_t n_again; /* times that messages were sent again */
	/* heard */
	uint32_t their_stream, have;
	struct peer_whole theirs;
	bool owes; /* an acknowledgement */
	uint64_t n_heard; /* records */
};

void peer_stream__init(struct peer_stream *s);

/* What is on its way is too old, or the peer has lost what it had: all that is told begins again. */
void peer_stream__again(struct peer_stream *s);

/* The peer has started anew: the same, and what it told is of its time before. */
void peer_stream__restart(struct peer_stream *s);

/* How many messages the window has room for, the one that is being filled included. */
uint32_t peer_stream__room(const struct peer_stream *s);

/* Adds a record (peer_record__write()); false: there is no room for it. */
bool peer_stream__put(struct peer_stream *s, const uint8_t *record, size_t len);

/*
 * The whole is told, from now on; `done` of its `of` records were; all of them. s->ours.told then says whether nothing
 * was left out since it was begun; if not, it is to be begun again.
 */
void peer_stream__begin(struct peer_stream *s);
void peer_stream__advance(struct peer_stream *s, uint32_t done, uint32_t of);
void peer_stream__end(struct peer_stream *s);

/* Something that was to be told was not. */
void peer_stream__miss(struct peer_stream *s);

/*
 * The next message that is to be sent, into PEER_ASIDE_MAX bytes: what is new, what was not acknowledged
 * within twice `rtt_us`, or an acknowledgement. Returns its length; 0: there is nothing more.
 */
size_t peer_stream__next(struct peer_stream *s, uint64_t now_us, uint32_t rtt_us, uint8_t *out);

/* When peer_stream__next() is to be asked again though nothing was told or heard; UINT64_MAX: never. */
uint64_t peer_stream__due(const struct peer_stream *s, uint32_t rtt_us);

/* Messages that the peer is not known to have. */
uint32_t peer_stream__lag(const struct peer_stream *s);

/* Whether something waits for a message of its own. */
bool peer_stream__is_open(const struct peer_stream *s);

/* A record of the peer, as this machine would have it at now_s. */
typedef void peer_stream_cb(void *ctx, const struct peer_record *r);

/* An aside of the peer: `each` is called for the records of a message that is the next one. False: it is malformed. */
bool peer_stream__input(struct peer_stream *s, uint64_t now_us, uint32_t now_s,
			const uint8_t *bytes, size_t len, peer_stream_cb *each, void *ctx);

#endif
