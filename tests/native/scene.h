/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scene.h - maps as an agent would have filled them for a configuration that has a bit of everything.
 *
 * The configuration is always the same; what an input chooses is the gates and the state of the
 * machine. Each way of forwarding is a port (SCENE_PORT + its row in scene.c) of two VIPs, one of each
 * family, in TCP, UDP and, where there is such a thing, SCTP. tests/native/seeds.py knows the addresses.
 */
#ifndef FAIRLEAD_TESTS_NATIVE_SCENE_H
#define FAIRLEAD_TESTS_NATIVE_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "fairlead/abi.h"
#include "path.h"

#define SCENE_PORT 8001 /* of the first way; the others follow */
#define SCENE_SERVICES 128 /* no id reaches this */
#define SCENE_BACKENDS 128 /* nor does any index */

/* ifindexes: two that frames arrive at and leave by, one below a VLAN device, one that has gone. */
enum scene_link {
	SCENE_LINK = 1,
	SCENE_OTHER = 2,
	SCENE_LOWER = 3,
	SCENE_GONE = 9,
	SCENE_VLAN = 20
};

struct scene_state {
	struct path_gates gates;
	uint8_t on_agent_loss; /* enum fl_agent_loss */
	bool lapsed; /* the lease's timer has fired */
	bool groups; /* some services are of VRRP groups, and the port's MAC address is known */
	bool nat_full; /* `nat_flows` has room for a few entries only */
	bool flows_full; /* `flows` has room for two */
	bool promotions_wait; /* too many handshakes became records just now */
	bool ring_full;
	bool events; /* every drop and first packet becomes an event */
};

/* Before an input: forgets all that programs have written, and sets the stage anew. */
void scene__begin(const struct scene_state *state);

/* Is it a port by which a frame may leave, though it did not come that way? */
bool scene__is_tx_port(uint32_t ifindex);

const struct fl_backend *scene__backend(uint32_t index);

/* Counters of the program, by map name. */
const struct fl_count *scene__count(const char *map, uint32_t index);

#endif
