/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel.h - datagrams between two peers that nobody else can make, read or play again.
 *
 * A datagram is a header in the clear and a sealed body (XChaCha20-Poly1305 of libsodium under a key
 * that both have; the header is authenticated with it). All numbers are in network order:
 *
 *    0  'F' 'L', version (1), 0
 *    4  hint     of the key
 *    8  from     the sender's session: a random number, new with each start of the sender
 *   16  to       the receiver's session that the sender has accepted; 0: none
 *   24  seq      1, 2, ... within `from`; from and seq are the nonce, so no nonce comes twice
 *   32  cookie   a challenge to the receiver; 0: none
 *   40  echo     the receiver's challenge, returned; 0: none
 *   48  body, then a tag of 16 bytes
 *
 * Within an accepted session a window over `seq` refuses what was there before. That alone would let an
 * attacker play again a session from before the receiver's last start, or the sender's. So a session is
 * accepted only after it has returned a challenge, and the challenge depends on the receiver's secret,
 * on the session, and on how many sessions were accepted before: what answered it once does never again.
 * Challenges need no memory, so there is nothing to fill with them. After a start of either side:
 *
 *   A                                   B
 *   from=a to=0                    ->       unknown session: challenged
 *                                  <-   from=b to=0 cookie=C(a)
 *   from=a to=0 cookie=C(b) echo=C(a) ->    a is accepted
 *                                  <-   from=b to=a echo=C(b)
 *   b is accepted; from now on from=a to=b
 *
 * A body counts only if it is to the receiver's own session, from one that is accepted. There are no
 * clocks. Keys are not renewed by the protocol: who gets hold of a key can read what was recorded before.
 *
 * Pure: randomness is given, datagrams are bytes.
 */
#ifndef FAIRLEAD_PEER_CHANNEL_H
#define FAIRLEAD_PEER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/keys.h"

#define PEER_HEADER_LEN 48
#define PEER_OVERHEAD (PEER_HEADER_LEN + 16)
#define PEER_BODY_MAX \
	1168 /* 1 280 bytes, the least MTU of IPv6, less the headers of IPv6, UDP and this */
#define PEER_DATAGRAM_MAX (PEER_BODY_MAX + PEER_OVERHEAD)
#define PEER_WINDOW 1024 /* how far a datagram may be behind the newest one */
#define PEER_SEED_LEN 40

enum peer_open {
	PEER_BODY, /* a body that counts */
	PEER_EMPTY, /* genuine, and of use for the handshake only */
	/* Refused, from here on. */
	PEER_MALFORMED, /* no datagram of this protocol, or of another version */
	PEER_NO_KEY, /* sealed with a key that this side doesn't have */
	PEER_FORGED, /* changed on its way, or sealed by somebody else */
	PEER_REFLECTED, /* this side's own */
	PEER_REPLAYED, /* was here before, or is too late to tell */
	PEER_OPENS,
};

struct peer_channel {
	const struct peer_keys *keys;
	uint8_t secret[32]; /* of the challenges */
	uint64_t own; /* this side's session */
	uint64_t seq; /* of the last datagram that was sealed */
	uint64_t peer; /* the accepted session; 0: none yet */
	bool known; /* the peer has accepted this side's session */
	uint64_t
		n_accepted; /* sessions of the peer that were ever accepted: a new one is a new start */
	uint64_t newest; /* seq within `peer` */
	uint64_t seen[PEER_WINDOW / 64]; /* bit seq % PEER_WINDOW */
	uint64_t counts[PEER_OPENS];
};

/* What a datagram has to be answered with, so that both sides accept each other. */
struct peer_answer {
	bool wanted; /* the caller may leave it out, to bound its rate: the next datagram asks again */
	uint64_t cookie, echo;
};

/* `keys` stay the caller's, and may change between calls. seed: random bytes, other ones at each start. */
void peer_channel__init(struct peer_channel *c, const struct peer_keys *keys,
			const uint8_t seed[PEER_SEED_LEN]);

/* Both sides have accepted each other: what is sealed now will count. */
bool peer_channel__is_up(const struct peer_channel *c);

/*
 * Seals `len` (0..PEER_BODY_MAX) bytes into `out` (len + PEER_OVERHEAD bytes); answer: NULL, or what
 * peer_channel__open() asked for. Returns the length of the datagram.
 */
size_t peer_channel__seal(struct peer_channel *c, const void *body, size_t len,
			  const struct peer_answer *answer, uint8_t *out);

/*
 * Opens a datagram: its body goes to `body` (PEER_BODY_MAX bytes) and *body_len if it is PEER_BODY, else
 * they are untouched. *answer is always set. If n_accepted has grown, what was known of the peer is of
 * its time before a new start.
 */
enum peer_open peer_channel__open(struct peer_channel *c, const uint8_t *datagram, size_t len,
				  uint8_t *body, size_t *body_len, struct peer_answer *answer);

#endif
