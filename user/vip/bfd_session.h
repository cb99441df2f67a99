/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bfd_session.h - one BFD session in asynchronous mode (RFC 5880 6), without sockets and clocks.
 *
 * The caller gives it packets and the time, CLOCK_MONOTONIC in ns, and after every call takes the
 * packets that are due; bfd_session__due() says when to come back without an event.
 *
 *   DOWN --Down--> INIT --Init, Up--> UP      DOWN --Init--> UP
 *   INIT, UP --no packet for the detection time; AdminDown; (UP) Down--> DOWN
 *
 * Both ends begin to send, and a session that is not UP is slow (1 s) whatever is configured. New times
 * are told to the peer with a Poll Sequence (6.5), and those that could make it or us miss packets
 * are in force only when it has answered (6.8.3).
 */
#ifndef FAIRLEAD_VIP_BFD_SESSION_H
#define FAIRLEAD_VIP_BFD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "vip/bfd_wire.h"

#define BFD_SLOW_US 1000000 /* RFC 5880 6.8.3 */

struct bfd_times {
	uint32_t min_tx_us, min_rx_us; /* at least 1 */
	uint8_t mult; /* 1..255 */
};

struct bfd_session {
	struct bfd_times wanted; /* as configured */
	enum bfd_state state, remote_state;
	uint8_t diag, remote_diag; /* of the last change of state; of the peer's last packet */
	uint8_t down_diag; /* why it went down last; 0: it never was up */
	uint32_t mine, yours; /* discriminators; yours 0: none heard within the detection time */
	uint32_t min_tx_us; /* Desired Min TX as told */
	uint32_t tx_us, rx_us; /* in force: what we send by, what we expect the peer to send by */
	uint32_t remote_tx_us, remote_rx_us; /* the peer's Desired Min TX, Required Min RX */
	uint8_t remote_mult;
	bool remote_demand; /* the peer wants no periodic packets while both are up (6.6) */
	bool poll; /* a Poll Sequence is under way */
	bool poll_again; /* and what it tells has changed since */
	bool final; /* a Poll waits for its answer */
	bool urgent; /* a packet that tells something new is due at once */
	uint64_t sent_ns; /* the last packet but for answers before their time; 0: none yet */
	uint32_t part; /* of the interval until the next one: jitter */
	uint64_t heard_ns; /* the peer's last packet; 0: none within the detection time */
	bool waited; /* the detection time was noticed late, and is one interval longer */
	uint64_t since_ns; /* the last change of state */
	uint64_t random; /* of the jitter; never 0 */
	uint64_t ups, downs; /* changes to UP, and from it */
};

/*
 * Begins in DOWN, the first packet due at once. `discriminator` is not 0 and no other session's; any
 * `seed` is good, equal ones give equal jitter.
 */
void bfd_session__init(struct bfd_session *s, const struct bfd_times *wanted,
		       uint32_t discriminator, uint64_t seed, uint64_t now_ns);

/* A packet that bfd_wire__read() and the search for its session have accepted. */
void bfd_session__receive(struct bfd_session *s, const struct bfd_packet *p, uint64_t now_ns);

/*
 * Time goes by: takes the session down if the detection time is over. Called late by more than a quarter of
 * an interval it has stood still itself, and perhaps the peer with it (two virtual machines on one host): it waits
 * for one interval more, once.
 */
void bfd_session__tick(struct bfd_session *s, uint64_t now_ns);

/* Other times are wanted. The session stays up. */
void bfd_session__configure(struct bfd_session *s, const struct bfd_times *wanted);

/* Takes it down on purpose; the peer is to be told by the packets that are due now. For good. */
void bfd_session__admin_down(struct bfd_session *s, uint64_t now_ns);

/* Whether a packet is to be sent now, and which; call it until there is none. */
bool bfd_session__send(struct bfd_session *s, uint64_t now_ns, struct bfd_packet *out);

/* When bfd_session__tick() and __send() have something to do next; UINT64_MAX: never by themselves. */
uint64_t bfd_session__due(const struct bfd_session *s);

/* The detection time (RFC 5880 6.8.4), ns; 0 while the peer's times are not known. */
uint64_t bfd_session__detection_ns(const struct bfd_session *s);

/* What packets are sent by, before jitter, ns; 0: the peer wants none (6.8.7). */
uint64_t bfd_session__interval_ns(const struct bfd_session *s);

#endif
