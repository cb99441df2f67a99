/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bgp.h - asks routing daemons on this machine whether BGP sessions are established.
 *
 * Each session has a connection of its own to its daemon, which stays. It is asked once in `interval`, and four
 * times as often while a subscriber counts towards a verdict. An answer that does not come within `timeout`, a
 * connection that fails, or is closed, whenever that happens, counts as the session not being established; the
 * connection is made anew with the next question. Equal sessions are asked for once.
 */
#ifndef FAIRLEAD_BGP_BGP_H
#define FAIRLEAD_BGP_BGP_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "config/config.h"
#include "core/err.h"

struct bgp_ask; /* a session that is asked for */
struct bgp_sub; /* one subscription */

/* All of a loop: TAILQ_INIT(). */
TAILQ_HEAD(bgp_asks, bgp_ask);

/*
 * An answer, with a clause for people that says why. Returns whether the subscriber is settled: while one is
 * not, the session is asked for more often. May cancel subscriptions.
 */
typedef bool bgp_cb(void *ctx, bool up, const char *text);

/*
 * Subscribes to a session; it is copied. `settled`: there is a verdict already, else the session is asked for
 * at once. First answer: never from within this call. -ENOMEM and a sentence on failure.
 */
int bgp__subscribe(uv_loop_t *loop, struct bgp_asks *asks, const struct config_track_bgp *session,
		   bool settled, bgp_cb *cb, void *ctx, struct bgp_sub **out, struct err *err);

/* NULL is none. The last one of a session closes its connection; the loop must go on until handles are closed. */
void bgp_sub__cancel(struct bgp_sub *s);

#endif
