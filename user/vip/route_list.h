/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route_list.h - the agent's routes in one table of the kernel, as they are wanted or were; whose the table is. */
#ifndef FAIRLEAD_VIP_ROUTE_LIST_H
#define FAIRLEAD_VIP_ROUTE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "net/routes.h"

/* A route that is wanted, or was. */
struct route {
	struct addr_prefix to;
	/*
	 * As routes__state(). Of one that is wanted no more: of the last try to remove it, -errno; 0: it was not tried,
	 * or is gone.
	 */
	int state;
	bool ours; /* it is there, and we have put it there */
	bool seen; /* when the kernel was asked last */
};

/* Sorted by prefix. */
struct route_list {
	struct route_list
		*older; /* what was wanted before, as long as some of that is in the kernel */
	uint32_t table;
	int claim; /* a socket whose name says that the table is ours; -1: it is not, or a younger list has that */
	size_t n;
	struct route routes[];
};

/* Of struct route, for qsort(3) and bsearch(3): by prefix. */
int route_list__compare(const void *a, const void *b);

/* NULL: it is not in there. */
struct route *route_list__find(struct route_list *l, const struct addr_prefix *to);

/* With room for n routes, and none in it; NULL: out of memory. */
struct route_list *route_list__new(uint32_t table, size_t n);

/* With its claim; NULL is allowed. */
void route_list__free(struct route_list *l);

/*
 * Says in this network namespace that the table is ours, as long as the process lives: two agents in one would take
 * each other's routes for what an earlier one has left. A socket that is claimed, or -EADDRINUSE, or another -errno.
 */
int route_list__claim(uint32_t table);

/*
 * Asks the kernel what of ours is in the table. What is in the list is marked `seen` and `ours`; *strays gets what is
 * neither there nor in an older one, as a list of routes that are `ours`. 0, or -errno without *strays.
 */
int route_list__look(struct net_routes *net, struct route_list *have, struct route_list **strays);

#endif
