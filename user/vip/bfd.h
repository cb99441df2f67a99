/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bfd.h - all BFD sessions of an agent (RFC 5881: single hop, IPv4 and IPv6), on the real-time thread.
 *
 *   datagram -> bfd_io.c (TTL 255) -> bfd_wire.c -> the session that it names -> bfd_session.c
 *   timer    ---------------------------------------------------------------^     | packets due
 *   bfd_io.c <--------------------------------------------------------------------+
 *
 * One socket a family listens on UDP port 3784, for all sessions; each session sends by a socket of its
 * own, since it has a source port of its own (RFC 5881 4). What a socket needs may not be there yet, an
 * address or an interface: then it is opened when it is, and the session says why it waits.
 *
 * All functions are for the loop's thread; what is told at once is told on the real-time thread.
 */
#ifndef FAIRLEAD_VIP_BFD_H
#define FAIRLEAD_VIP_BFD_H

#include <net/if.h>
#include <stddef.h>

#include "core/addr.h"
#include "core/err.h"
#include "vip/bfd_session.h"
#include "vip/rt.h"

#define BFD_PORT 3784
#define BFD_MAX_SESSIONS 64

/* What makes a session; peer and interface tell one from another. */
struct bfd_peer {
	struct addr peer;
	bool has_local;
	struct addr local; /* source address, of the peer's family; without: the kernel chooses */
	char interface[IF_NAMESIZE]; /* ""; any */
	struct bfd_times times;
};

/* A session as it is. */
struct bfd_view {
	struct bfd_peer config;
	struct bfd_session session;
	uint64_t received, sent, send_errors; /* packets */
	struct err trouble; /* why it can't send or hear; "" when it can */
};

struct bfd;

/* changed() is called on the loop when any session has changed its state. No session, no socket. */
int bfd__new(struct rt *rt, void (*changed)(void *ctx), void *ctx, struct bfd **out,
	     struct err *err);

/* The peer of a session that was up is dead: nothing came from it for the detection time. */
typedef void bfd_lost_cb(void *ctx, const struct bfd_peer *peer);

/* lost() is called on the real-time thread from now on, at once; NULL: nobody is. */
void bfd__on_lost(struct bfd *b, bfd_lost_cb *lost, void *ctx);

/*
 * These n sessions from now on. One that is there already goes on, with new times if need be; one that
 * is no longer named tells its peer (AdminDown) and ends. 0, or -ENOMEM with nothing changed. n is at
 * most BFD_MAX_SESSIONS.
 */
int bfd__configure(struct bfd *b, const struct bfd_peer *peers, size_t n, struct err *err);

/* Opens sockets that could not be opened before, or whose interface is another by now. Once a second. */
void bfd__tick(struct bfd *b);

/* Copies the sessions, at most `max` of them, in the order of the configuration; returns how many. */
size_t bfd__view(const struct bfd *b, struct bfd_view *out, size_t max);

/* Datagrams that were for no session, by the reason. */
void bfd__refused(const struct bfd *b, uint64_t out[BFD_REFUSALS]);

/*
 * Datagrams that nobody has looked at: their TTL or hop limit was not 255 (RFC 5881 5), or more came at
 * once than the queue holds.
 */
uint64_t bfd__dropped(const struct bfd *b);

/* Tells the peers (AdminDown) and ends all sessions. Before rt__quiet(). */
void bfd__free(struct bfd *b);

#endif
