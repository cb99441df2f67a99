/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lookup.h - the kernel's word on links and on the way to an address, once: nothing is followed, kept or
 * asked for on the wire (net.h does that).
 */
#ifndef FAIRLEAD_NET_LOOKUP_H
#define FAIRLEAD_NET_LOOKUP_H

#include "core/addr.h"
#include "core/err.h"
#include "net/net.h"

struct net_lookup;

int net_lookup__open(struct net_lookup **out, struct err *err);
void net_lookup__close(struct net_lookup *l);

struct net_way {
	bool local; /* the address is this machine's own */
	uint32_t ifindex;
	uint32_t mtu; /* of the route itself, bytes; 0: it has none, so the link's holds */
	bool has_via;
	struct addr via; /* gateway, else the address itself */
	uint16_t neighbour; /* NUD_*; NUD_NONE: the kernel has no entry */
	bool has_mac; /* an Ethernet address is known */
};

/* 0; the kernel's refusal (-ENETUNREACH, -EHOSTUNREACH, ...); -EAGAIN: it did not answer. */
int net_lookup__way(struct net_lookup *l, const struct addr *to, struct net_way *out);

/* Calls each() for every link; some more than once. 0 or -EAGAIN. */
int net_lookup__links(struct net_lookup *l, void (*each)(void *ctx, const struct net_link *link),
		      void *ctx);

#endif
