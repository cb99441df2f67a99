/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address.h - addresses of this machine's interfaces that live only as long as someone renews them.
 *
 * The kernel removes such an address by itself when its time is over (to the second), so a VIP does not
 * stay on a machine whose agent was killed. Blocking, for a thread that may wait: while the kernel's
 * lock of the network configuration is held elsewhere, that takes as long as it takes.
 */
#ifndef FAIRLEAD_NET_ADDRESS_H
#define FAIRLEAD_NET_ADDRESS_H

#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"

struct net_addresses;

int net_addresses__open(struct net_addresses **out, struct err *err);
void net_addresses__close(struct net_addresses *n);

/*
 * Adds the address to the interface, /32 or /128, or has it live for life_s (1 or more) seconds from
 * now. It is not used as a source, and IPv6 does not ask whether someone else has it. 0 or -errno.
 */
int net_addresses__keep(struct net_addresses *n, uint32_t ifindex, const struct addr *address,
			uint32_t life_s);

/* Removes it; 0 also when it was not there, else -errno. */
int net_addresses__drop(struct net_addresses *n, uint32_t ifindex, const struct addr *address);

#endif
