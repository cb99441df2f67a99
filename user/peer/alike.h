/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alike.h - what agents tell each other of the part of their configurations that no table depends on: who may send,
 * how much, what is announced, what becomes of packets without an agent, VRRP groups.
 *
 *   'c'            of the whole: struct peer_alike_all
 *   'h' group      of a VRRP group: struct peer_alike_group
 *   'd' service    of a service: struct peer_alike_service
 *
 * A value is a row of digests (8 bytes each, network order), in the order of the struct. What a digest is of never
 * changes, since peers of another version have it, too; a later version adds its own behind them, and two agents
 * compare what both tell. Who tells no 'c' is older than all of this, and not taken for different.
 */
#ifndef FAIRLEAD_PEER_ALIKE_H
#define FAIRLEAD_PEER_ALIKE_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/ledger.h"

struct peer_alike_all {
	uint64_t sources;
	uint64_t on_agent_loss;
	uint64_t lease;
};

struct peer_alike_group {
	uint64_t vrid;
	uint64_t addresses; /* in any order */
};

struct peer_alike_service {
	uint64_t sources;
	uint64_t limits;
	uint64_t announce; /* with all of min_up */
	uint64_t passive;
};

/* Each: as ledger__put(). */
int peer_alike__set_all(struct ledger *l, const struct peer_alike_all *all);
int peer_alike__set_group(struct ledger *l, const char *name, const struct peer_alike_group *g);
int peer_alike__set_service(struct ledger *l, const char *name, const struct peer_alike_service *s);

/*
 * Whether both have the same configuration: what tables depend on (peer_facts__same_config()) and the rest. If
 * not, `text` (PEER_DIFFERENCE_LEN bytes) names the first difference: of tables, of the whole, of groups, of services,
 * by names in the order of the alphabet.
 */
bool peer_alike__same(const struct ledger *ours, const struct ledger *theirs, char *text);

#endif
