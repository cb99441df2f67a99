/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rt.h - the real-time thread: what must happen in time whatever the loop is doing.
 *
 * It is a small event loop of its own: sources (descriptors), timers (CLOCK_MONOTONIC, nanoseconds)
 * and calls from the loop's thread. All of a user's callbacks run on it, one after the other, so what
 * they share needs no lock; they must not block. Two ways lead across:
 *
 *   rt__call()  loop -> thread: runs a function there and waits for it, microseconds. What it does is
 *               done when it returns, so memory can be freed then.
 *   rt__tell()  thread -> loop: has a note's function run on the loop, soon, once for any number of
 *               tellings until then; allocates nothing and waits for nothing.
 *
 * When it wakes up, sources that are ready come before timers that are due. So an advert that lay in
 * the socket while the machine stood still is seen before the timer that would miss it.
 */
#ifndef FAIRLEAD_VIP_RT_H
#define FAIRLEAD_VIP_RT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "core/err.h"
#include "vip/lateness.h"

struct rt;

/* The owner fills in fire and ctx; the rest is rt's, zero at first. */
struct rt_timer {
	void (*fire)(void *ctx, uint64_t now_ns);
	void *ctx;
	TAILQ_ENTRY(rt_timer) entry;
	uint64_t due_ns;
	bool armed;
};

/*
 * A descriptor that is watched for input. ready() reads a bounded number of datagrams; it is called
 * again if there are more. The owner fills in ready, ctx and fd; the rest is rt's, zero at first.
 */
struct rt_source {
	void (*ready)(void *ctx, uint64_t now_ns);
	void *ctx;
	int fd;
	struct rt *rt;
	struct rt_timer rest;
};

/* run() is called on the loop's thread after rt__tell(). The owner fills in run and ctx. */
struct rt_note {
	void (*run)(void *ctx);
	void *ctx;
	struct rt_note *next;
	atomic_bool told;
};

/* CLOCK_MONOTONIC. */
uint64_t rt__now_ns(void);

/* Starts the thread (SCHED_FIFO where permitted, else normal, with a warning in *warning). */
int rt__start(uv_loop_t *loop, struct rt **out, struct err *warning, struct err *err);

/* Whether it is scheduled before all normal threads. */
bool rt__is_realtime(const struct rt *rt);

/* No note is run any more, and the loop can end. The thread goes on. Once. */
void rt__quiet(struct rt *rt);

/* Ends the thread and frees it: after rt__quiet(), when the loop has run until it was empty. */
void rt__stop(struct rt *rt);

/* --- on the loop's thread ------------------------------------------------------------------------- */

/* Runs fn(ctx) on the real-time thread and returns what that returns. */
int rt__call(struct rt *rt, int (*fn)(void *ctx), void *ctx);

/* A note that is about to be freed: it will not be run any more. Nobody tells it any more either. */
void rt__forget(struct rt *rt, struct rt_note *note);

/* The latest wake-up since the last call, ns. */
uint64_t rt__take_lateness(struct rt *rt);

/* How late timers fired: since the thread started, and lately (lateness.h). */
void rt__lateness(const struct rt *rt, struct lateness_counts *out);
void rt__lately(const struct rt *rt, struct lateness_counts *out);

/* --- on the real-time thread ---------------------------------------------------------------------- */

/* (Re)arms the timer; one that is due already fires on the next turn. */
void rt__arm(struct rt *rt, struct rt_timer *t, uint64_t due_ns);
void rt__disarm(struct rt *rt, struct rt_timer *t);

/* 0 or -errno. */
int rt__watch(struct rt *rt, struct rt_source *s);

/* Before the descriptor is closed; ready() is not called any more. */
void rt__unwatch(struct rt *rt, struct rt_source *s);

/*
 * From ready(), when there was more to read than it reads at once: the source is left alone for a moment. A flood
 * gets part of a processor that way, which the thread would otherwise take from everybody.
 */
void rt__rest(struct rt *rt, struct rt_source *s, uint64_t now_ns);

/* From any callback. */
void rt__tell(struct rt *rt, struct rt_note *note);

#endif
