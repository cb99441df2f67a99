/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pair.h - a pair of veth devices of the agent's own, and routes that lead to it (rtnetlink). */
#ifndef FAIRLEAD_NET_PAIR_H
#define FAIRLEAD_NET_PAIR_H

#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"

struct net_pair {
	const char *near, *far; /* names of the two ends, at most 15 bytes */
	const uint8_t *mac; /* of the near end, 6 bytes */
	uint32_t near_ifindex, far_ifindex; /* filled by net_pair__make() */
};

/*
 * Makes the pair anew, whatever had the near end's name, and sets both ends up. The near end asks for no
 * neighbours and leaves no checksum to its device. -errno and a sentence; nothing is left behind then.
 */
int net_pair__make(struct net_pair *p, struct err *err);

/* Lets packets for a prefix leave by the near end. -EEXIST: there is a route for it that is another's. */
int net_pair__route(const struct net_pair *p, const struct addr_prefix *to, struct err *err);

/* Removes the pair, and its routes with it; no error if there is none. */
int net_pair__remove(const char *near, struct err *err);

#endif
