/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * anycast.h - VIPs that have a route while they are served, for a routing daemon to announce
 * (docs/anycast.md).
 *
 * A VIP is announced while every service with `announce: route` on it serves: whoever is sent here for one
 * of them is sent here for all.
 */
#ifndef FAIRLEAD_AGENT_ANYCAST_H
#define FAIRLEAD_AGENT_ANYCAST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"
#include "vip/routes.h"

struct agent;

/* A VIP of services with `announce: route`. */
struct anycast_vip {
	struct addr_prefix vip;
	bool announced; /* its route is wanted */
	int told; /* what of the kernel's refusals was logged: routes__state() */
	uint64_t since_ns; /* CLOCK_REALTIME of the last change of `announced` */
	char why[160]; /* it is not announced; "": it is */
};

struct anycast {
	struct routes *routes;
	struct anycast_vip *vips; /* sorted */
	size_t n;
	uint32_t table;
	bool dirty; /* a service's table, or how many of its backends can be used, has changed */
	uint64_t due_ns; /* when a service will have enough of them; UINT64_MAX: by a change only */
	bool begun; /* what is wanted was said once, so that leftovers are looked for */
	size_t n_stuck; /* withdrawn routes that the kernel keeps, as they were told of */
};

/* After the lease. */
int anycast__start(struct agent *a, struct err *err);

/* A configuration is committed: other VIPs, another table. */
void anycast__configured(struct agent *a);

/* Follows what the services are, if that has changed. */
void anycast__flush(struct agent *a);

/* Once a second: tells of what the kernel refuses. */
void anycast__tick(struct agent *a);

/* The status document's `anycast`. */
json_t *anycast__json(const struct agent *a);

/* Takes all routes away; while the lease is still there. */
void anycast__stop(struct agent *a);

#endif
