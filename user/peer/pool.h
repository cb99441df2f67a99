/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool.h - what a machine gives the flows of full NAT as their source, as peers tell each other: key 'n' of the ledger,
 * with the first and last port of its part (2 + 2), the number of IPv4 and IPv6 addresses (1 + 1), and these.
 *
 * Its flows can go on at the peer only if that has the same addresses; and no two machines may have a port of one
 * address, or two flows would have the same source. Pure.
 */
#ifndef FAIRLEAD_PEER_POOL_H
#define FAIRLEAD_PEER_POOL_H

#include "core/addr.h"
#include "fairlead/abi.h"
#include "peer/ledger.h"

struct peer_pool {
	uint16_t first, last; /* host order */
	size_t n; /* 0: there are no sources */
	struct addr addrs[2 * FL_SNAT_ADDRS];
};

/* Tells it; as ledger__put(). */
int peer_pool__tell(struct ledger *l, const struct peer_pool *p);

/* What is told; false: nothing that this version knows. */
bool peer_pool__read(const struct ledger *l, struct peer_pool *out);

enum peer_pools {
	PEER_POOLS_UNTOLD, /* one of them has not said, or has none */
	PEER_POOLS_SHARED, /* the same addresses, ports of their own */
	PEER_POOLS_APART, /* other addresses */
	PEER_POOLS_OVERLAP, /* a port of an address is both's */
};

enum peer_pools peer_pool__compare(const struct ledger *ours, const struct ledger *theirs);

#endif
