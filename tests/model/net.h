/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.h - the network namespace of the test: ports, routes to clients and their neighbours, which
 * bpf_fib_lookup() reads, and the same as the model sees them.
 */
#ifndef FAIRLEAD_TESTS_MODEL_NET_H
#define FAIRLEAD_TESTS_MODEL_NET_H

#include "world.h"

/*
 * A and B are in `tx_ports`. VLAN stands for a VLAN device on B, where no frame comes in: routes lead
 * to it and `vlan_ports` has it; the program sees no more of its kind, so any kernel's devices will do.
 */
enum net_port { NET_LO, NET_A, NET_B, NET_C, NET_VLAN, NET_PORTS };

/* Clients, by what the route to them comes to. */
enum net_client {
	NET_GATEWAY_A,
	NET_GATEWAY_B,
	NET_LINK, /* host part 1..24 has a neighbour entry, others none */
	NET_SMALL_MTU, /* 1000 (IPv6: 1300) */
	NET_OTHER_PORT, /* behind C */
	NET_BEHIND_VLAN,
	NET_UNREACHABLE,
	NET_BLACKHOLE,
	NET_LOCAL, /* host part 1 */
	NET_NO_ROUTE,
	NET_CLIENTS,
};

/* Moves the process into a namespace of its own and sets it up; -errno, with a message. */
int net__make(void);

/* The same without a kernel: ports are numbered 1.. as net__make() would find them. */
void net__describe(struct world *w);

/* Address of a client. */
void net__client(enum net_client kind, uint8_t version, uint16_t host, uint8_t out[16]);

#endif
