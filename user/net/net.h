/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.h - what the kernel knows about the way to each backend (rtnetlink).
 *
 * A watched address gets its next hop: route (RTM_GETROUTE), then the neighbour entry of the gateway
 * or of the address itself. Changes of routes, neighbours, links and addresses are followed; a
 * neighbour that is missing or stale is asked for (NTF_USE), so that a hop is known before the first
 * packet and stays known without one.
 */
#ifndef FAIRLEAD_NET_NET_H
#define FAIRLEAD_NET_NET_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/addr.h"
#include "core/err.h"

#define NET_TAG 0x8000 /* net_hop.vlan: there is one; as FL_HOP_TAG */

struct net_hop {
	bool resolved; /* dmac, smac and ifindex are usable */
	bool on_link; /* no gateway in between (forward: l2 needs it) */
	bool local; /* the address is this machine's own */
	bool stacked; /* by a VLAN device that one 802.1Q tag is not enough for; never resolved */
	uint32_t ifindex; /* of a VLAN device: of the one below it; 0: no route */
	uint16_t vlan; /* NET_TAG | VLAN id: frames need that tag; 0: none */
	uint32_t mtu; /* of the route, else of the link, bytes; 0: not known */
	uint8_t dmac[6];
	uint8_t smac[6]; /* of the link */
	struct addr source; /* the route's preferred source address; all zero: none */
	struct addr via; /* gateway, or the address itself */
};

/* A network device. */
struct net_link {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	uint32_t mtu; /* bytes */
	bool ether; /* frames carry Ethernet addresses */
	bool up; /* administratively up, with carrier */
	uint8_t mac[6];
	bool is_vlan; /* frames leave by `lower`, with a tag */
	bool q; /* its tag is 802.1Q's, not 802.1ad's */
	uint16_t vlan; /* VLAN id */
	bool is_veth;
	bool is_macvlan; /* takes the frames of `lower` that are for its own address */
	uint32_t lower; /* of a veth: its other end; 0: not in this network namespace */
	uint32_t master; /* the bridge, bond or VRF that it is part of; 0: of none */
};

/* Called when the hop of a watched address has changed, never from within net__watch(). */
typedef void net_cb(void *ctx, const struct addr *address, const struct net_hop *hop);

/*
 * Called when a link appears, goes up or down, gets another MAC address or another master, or vanishes
 * (`present` is false).
 */
typedef void net_link_cb(void *ctx, const struct net_link *link, bool present);

struct net;

int net__new(uv_loop_t *loop, net_cb *cb, net_link_cb *link_cb, void *ctx, struct net **out,
	     struct err *err);

/* Closes sockets and handles; the caller runs the loop until it is empty, which frees the memory. */
void net__free(struct net *n);

/*
 * Watches the way to an address (counted: each watch needs one unwatch). *hop is what is known at
 * once (a synchronous route and neighbour look-up of microseconds); later changes come by callback.
 */
int net__watch(struct net *n, const struct addr *address, struct net_hop *hop, struct err *err);
void net__unwatch(struct net *n, const struct addr *address);

/*
 * Has the kernel resolve the neighbour on the way to an address, once: nobody is told how it went, and
 * one that is known or being resolved is left alone. 0, or -errno when there is no such way.
 */
int net__resolve(struct net *n, const struct addr *address);

/* Calls each() for every link that is there, in no order. */
void net__links(const struct net *n, void (*each)(void *ctx, const struct net_link *l), void *ctx);

/*
 * The way of a VLAN device's frames: 0 with the device below and NET_TAG | id, or -ENOTSUP when one
 * 802.1Q tag on a device of this network namespace is not enough.
 */
int net__vlan(const struct net *n, const struct net_link *l, uint32_t *lower, uint16_t *vlan);

/* Whether the kernel takes packets to the address for its own. False also when it does not answer. */
bool net__is_local(struct net *n, const struct addr *address);

#endif
