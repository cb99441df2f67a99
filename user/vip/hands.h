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

/* What is wanted of a grip. */
enum grip_want {
	GRIP_GONE,
	GRIP_HERE,
	/* At first: no address is to be here, but a device with the virtual MAC address may stay. */
	GRIP_OPEN,
};

/* Devices of virtual MAC addresses are the instance's (net/vmac.h). */
int hands__start(const char *instance, struct hands **out, struct err *err);

/* What was to be removed has been when it returns; the grips are freed. */
void hands__stop(struct hands *h);

/* Whose addresses they are, and where they belong. */
struct grip_place {
	uint32_t ifindex;
	uint8_t vrid;
	bool virtual_mac; /* on a device of their own, with the virtual router's MAC address */
};

/*
 * Addresses of a group, n of them, of one family, copied. Nothing is done about them before grip__start().
 * -ENOMEM or 0.
 */
int grip__new(struct hands *h, const struct grip_place *place, const struct addr *addresses,
	      size_t n, struct grip **out);

/*
 * From now on they are looked after: not to be on the interface, so what an earlier agent left there of them
 * is removed (GRIP_OPEN). Once, before any of the following but grip__release().
 */
void grip__start(struct grip *g);

/* Whether they are to be there, from now on. Any thread; waits for nothing; and so the next two. */
void grip__want(struct grip *g, enum grip_want want);

/* Whether they are to have a device of their own. */
void grip__set_virtual(struct grip *g, bool virtual_mac);

/* The interface has another number now. */
void grip__set_ifindex(struct grip *g, uint32_t ifindex);

/* The last change's or renewal's result: 0 or -errno. */
int grip__error(const struct grip *g);

/* The same of its device: net_vmac__keep()'s. */
int grip__device_error(const struct grip *g);

/* No longer to be there; it is freed once they are not, or at once if it was not started. */
void grip__release(struct grip *g);

#endif
