/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bfd_internal.h - what bfd.c (which sessions there are) and bfd_io.c (their packets) share. */
#ifndef FAIRLEAD_VIP_BFD_INTERNAL_H
#define FAIRLEAD_VIP_BFD_INTERNAL_H

#include "vip/bfd.h"

/* A session with its socket. `view` and the timer are the real-time thread's while it runs. */
struct bfd_run {
	struct bfd *bfd;
	struct bfd_view view;
	struct rt_timer timer;
	int fd; /* -1: not open yet */
	uint16_t port; /* source port, host order; 0: none yet. It stays (RFC 5881 4) */
	uint32_t ifindex; /* of view.config.interface when the socket was opened; 0: any */
};

/* Of one family. */
struct bfd_listener {
	struct bfd *bfd;
	struct rt_source source;
	int family;
	struct err trouble; /* the loop's: why it is not open */
};

struct bfd {
	struct rt *rt;
	void (*changed)(void *ctx);
	void *ctx;
	struct rt_note note;
	bfd_lost_cb *lost; /* the thread's, like its context */
	void *lost_ctx;
	struct bfd_listener listeners[2]; /* IPv4, IPv6 */
	struct bfd_run *runs[BFD_MAX_SESSIONS];
	size_t n;
	uint64_t dropped; /* by listeners that are closed */
	uint64_t refused[BFD_REFUSALS];
};

/* --- bfd_io.c: on the loop -------------------------------------------------------------------------- */

/* A socket that listens for a family's packets: a descriptor, or -errno. */
int bfd_io__listen(int family, struct err *err);

/* A socket for a session's packets, from r->port if that is not 0; sets fd, port, ifindex. 0 or -errno. */
int bfd_io__open(struct bfd_run *r, struct err *err);

/* --- bfd_io.c: on the real-time thread -------------------------------------------------------------- */

/* Reads what has come, and gives it to the sessions. */
void bfd_io__ready(void *listener, uint64_t now_ns);

/* A session's timer. */
void bfd_io__fire(void *run, uint64_t now_ns);

/* Sends what is due `times` times (1, but for a last word), and arms the timer. */
void bfd_io__turn(struct bfd_run *r, uint64_t now_ns, unsigned int times);

#endif
