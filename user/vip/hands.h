/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hands.h - a thread that puts addresses on interfaces and takes them off.
 *
 * The kernel may make that wait for as long as someone else changes the network's configuration, which
 * neither adverts nor the loop can wait for. So the real-time thread only says whether a group's
 * addresses are to be here, an atomic store and a semaphore, and this thread sees to it; what is to be
 * here it renews every second, and so whatever else removes one of them.
 */
#ifndef FAIRLEAD_VIP_HANDS_H
#define FAIRLEAD_VIP_HANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"

struct hands;
struct grip; /* addresses that come and go together */

int hands__start(struct hands **out, struct err *err);

/* What was to be removed has been when it returns; the grips are freed. */
void hands__stop(struct hands *h);

/*
 * Addresses of a group, copied; not to be on the interface, so what an earlier agent left there of them
 * is removed. -ENOMEM or 0.
 */
int grip__new(struct hands *h, uint32_t ifindex, const struct addr *addresses, size_t n,
	      struct grip **out);

/* Whether they are to be there, from now on. Any thread; waits for nothing. */
void grip__want(struct grip *g, bool want);

/* The interface has another number now. */
void grip__set_ifindex(struct grip *g, uint32_t ifindex);

/* The last change's or renewal's result: 0 or -errno. */
int grip__error(const struct grip *g);

/* No longer to be there; it is freed once they are not. */
void grip__release(struct grip *g);

#endif
