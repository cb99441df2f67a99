/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - sockets of short lives, thousands of them a second.
 *
 * libuv asks the kernel eight times to watch a socket that connects, sends and receives (1.44), and it
 * forgets it in two turns of the loop. Here an epoll(7) instance of the prober's is watched by the loop, and
 * has the sockets: two calls, and a closed socket leaves it by itself.
 */
#ifndef FAIRLEAD_PROBE_WATCH_H
#define FAIRLEAD_PROBE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "core/err.h"

struct prober;
struct watch;

typedef void watch_cb(struct watch *w, uint32_t events);

/* A socket; its owner's first member. fd and ready are the owner's to set, the rest is zero. */
struct watch {
	int fd;
	watch_cb *ready; /* EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP; may close any watch */
	uint32_t events; /* what is waited for */
	bool added, closed;
	STAILQ_ENTRY(watch) entry; /* in watches.closed */
};

/* Those of a prober. */
struct watches {
	uv_poll_t poll;
	int epoll;
	bool busy; /* a batch of events is under way, which may name watches that have closed meanwhile */
	STAILQ_HEAD(, watch) closed;
};

int watches__open(struct prober *p, struct err *err);
void watches__close(struct prober *p);

/* Waits for EPOLLIN, EPOLLOUT or both, until told otherwise. -errno. */
int watch__await(struct prober *p, struct watch *w, uint32_t events);

/* Closes the socket, and frees the watch by free(), which is its owner too. */
void watch__close(struct prober *p, struct watch *w);

#endif
