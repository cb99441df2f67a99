/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmac.h - the device of a virtual router's MAC address (RFC 9568 7.3): a macvlan on the group's interface,
 * which is there while this machine is the active router.
 *
 *   fl4.51.2@eth0   00:00:5e:00:01:33   IPv4, VRID 51, on the interface whose number is 2
 *   fl6.51.2@eth0   00:00:5e:00:02:33   IPv6, likewise
 *
 * The alias of the device says whose it is and what of its interface was changed for it, so that an agent
 * finds what a killed one has left, and puts that back:
 *
 *   fairlead instance main (arp_ignore 0, arp_announce 0)
 *
 * Its mode is VEPA. In mode private the kernel gives a multicast frame that came by the wire with the
 * device's own source address to the device alone (macvlan_handle_frame()): two routers that are active at
 * once would not hear each other's adverts on the interface, and stay so.
 *
 * Blocking, as address.h.
 */
#ifndef FAIRLEAD_NET_VMAC_H
#define FAIRLEAD_NET_VMAC_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/net.h"

#define NET_VMAC_ALIAS 128 /* bytes */
#define NET_VMAC_INSTANCE 32 /* bytes, the closing NUL included */

struct net_vmac {
	char name[IF_NAMESIZE];
	char instance[NET_VMAC_INSTANCE]; /* whose it is */
	uint8_t mac[6];
	int family; /* of the addresses that it will have: AF_INET or AF_INET6 */
	uint32_t parent; /* ifindex of the interface that it stands on */
};

/* The virtual router's MAC address, of a VRID (1..255) and a family. */
void net_vmac__mac(uint8_t vrid, int family, uint8_t mac[6]);

/* The name of the device; false: the numbers are too long for one, which Linux does not come to. */
bool net_vmac__name(uint8_t vrid, int family, uint32_t parent, char name[IF_NAMESIZE]);

/* What the device of a group of that instance is; name "" when `parent` is 0. */
struct net_vmac net_vmac__of(const char *instance, uint8_t vrid, int family, uint32_t parent);

/*
 * Whether a link is such a device, of whichever instance: a macvlan with the name that goes with its MAC
 * address.
 */
bool net_vmac__is(const struct net_link *l);

/*
 * Has the device be there, and up: made, or taken over from an earlier agent of the instance. *ifindex is its
 * number, also with -EROFS. 0, or -errno:
 *
 *   -EEXIST      there is a device of that name that is not this instance's; it is not touched
 *   -EADDRINUSE  another macvlan on the interface has the MAC address
 *   -EBUSY       the interface is part of a bridge or a bond, where no macvlan can stand
 *   -EOPNOTSUPP  the kernel has none
 *   -EROFS       it is up, but what IPv6 does of itself on it could not be turned off
 */
int net_vmac__keep(struct net_addresses *n, const struct net_vmac *want, uint32_t *ifindex);

/* net_vmac__keep()'s error as a sentence for the operator. `out` has room for 200 bytes. */
void net_vmac__explain(int rc, const struct net_vmac *v, char out[200]);

/*
 * Removes the device with its addresses, if it is the instance's, and puts back what was changed of its
 * interface unless another one there still needs it. 0 also when there is none, or it is someone else's.
 */
int net_vmac__drop(struct net_addresses *n, const struct net_vmac *v);

/* Removes all devices of the instance but those that `wanted` (NULL: none) says yes to. */
int net_vmac__sweep(struct net_addresses *n, const char *instance,
		    bool (*wanted)(void *ctx, const char *name), void *ctx);

#endif
