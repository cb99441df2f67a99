/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_nat.h - flows of NAT that peers have told of, and the pools of full NAT that they take sources from. */
#ifndef FAIRLEAD_AGENT_PEER_NAT_H
#define FAIRLEAD_AGENT_PEER_NAT_H

#include <stdint.h>

#include "fairlead/abi.h"

struct agent;
struct ledger;
struct peer;

/* Takes a flow whose backend has that name, now or with peer_nat__flush(). */
void peer_nat__take(struct peer *peer, const struct fl_told_nat *t, uint64_t name);
void peer_nat__flush(struct peer *peer);

/* Tells of this machine's pool; as ledger__put(). */
int peer_nat__publish(const struct agent *a, struct ledger *l);

/* Once a second: says in the log when the peer's pool and this machine's have become, or stopped being, a danger. */
void peer_nat__tick(struct peer *peer);

/* "shared", "apart", "overlap"; "": at most one of them has a pool. */
const char *peer_nat__pools(const struct peer *peer);

#endif
