/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * routes.h - routes that the agent itself puts into a table of the kernel, for a routing daemon to see.
 *
 * Each is a blackhole route with a protocol number of its own (ip route: "proto 118"), by which those
 * that an agent has left are found again and no other program's is touched. Nobody but the routing daemon
 * looks at the table unless there is an ip rule for it.
 */
#ifndef FAIRLEAD_NET_ROUTES_H
#define FAIRLEAD_NET_ROUTES_H

#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"

#define NET_ROUTES_PROTOCOL 118 /* rtm_protocol; no other program's that iproute2 knows */

struct net_routes;

int net_routes__open(struct net_routes **out, struct err *err);
void net_routes__close(struct net_routes *r);

/* 0, or -errno: -EEXIST: there is a route for it in the table, ours or another's. */
int net_routes__add(struct net_routes *r, uint32_t table, const struct addr_prefix *to);

/* 0, or -errno: -ESRCH: there is no such route of ours. */
int net_routes__remove(struct net_routes *r, uint32_t table, const struct addr_prefix *to);

/* Calls each() for every route of ours in the table; some may come twice. 0 or -errno. */
int net_routes__list(struct net_routes *r, uint32_t table,
		     void (*each)(void *ctx, const struct addr_prefix *to), void *ctx);

#endif
