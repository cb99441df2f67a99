/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - rtnetlink messages (wire.c) and the requests made of them (ask.c). */
#ifndef FAIRLEAD_NET_INTERNAL_H
#define FAIRLEAD_NET_INTERNAL_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "net/net.h"

#define NET_BUF 32768 /* bytes: the kernel's datagrams are no longer than this */

/* --- wire: messages made and read; no sockets --------------------------------------------------- */

/* What a route look-up says. */
struct net_route {
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, ... */
	uint32_t ifindex; /* 0: none */
	uint32_t mtu; /* the route's own metric, bytes; 0: none */
	bool has_via;
	struct addr via; /* gateway; its family may differ from the route's (RFC 8950) */
	bool has_source;
	struct addr source; /* preferred source */
};

struct net_neigh {
	uint32_t ifindex;
	struct addr address;
	uint16_t state; /* NUD_*; NUD_NONE when the message says that the entry is gone */
	bool has_mac; /* an Ethernet address other than all zero */
	uint8_t mac[6];
};

/*
 * Each reads one message; -EINVAL when it is malformed, of another type, or of no concern (a bridge's
 * or a protocol's own view of a link, a forwarding database entry), *out untouched.
 */
int net_wire__route(const struct nlmsghdr *nlh, struct net_route *out);
int net_wire__link(const struct nlmsghdr *nlh, struct net_link *out);
int net_wire__neigh(const struct nlmsghdr *nlh, struct net_neigh *out);

/*
 * Whether the message only says that an address that nobody uses as a source lives on: no route has
 * changed by that.
 */
bool net_wire__renewed(const struct nlmsghdr *nlh);

/* Each makes one request in buf (NET_BUF bytes) and returns it. */
struct nlmsghdr *net_wire__ask_route(char *buf, const struct addr *to);
struct nlmsghdr *net_wire__ask_links(char *buf);
struct nlmsghdr *net_wire__ask_neigh(char *buf, uint32_t ifindex, const struct addr *address);
struct nlmsghdr *net_wire__use_neigh(char *buf, uint32_t ifindex, const struct addr *address);
/* life_s 0: the address is removed; else it is added, or lives that long from now. */
struct nlmsghdr *net_wire__set_address(char *buf, uint32_t ifindex, const struct addr *address,
				       uint32_t life_s);

/* A route of ours (routes.h) is added, which must not be there yet, or removed. */
struct nlmsghdr *net_wire__set_route(char *buf, bool add, uint32_t table,
				     const struct addr_prefix *to);
/* All of ours in that table, of AF_INET or AF_INET6. */
struct nlmsghdr *net_wire__ask_own_routes(char *buf, int family, uint32_t table);
/* Reads a message about one of them; -EINVAL: it is about something else. */
int net_wire__own_route(const struct nlmsghdr *nlh, uint32_t table, struct addr_prefix *out);

/* --- ask: requests that are answered at once ---------------------------------------------------- */

struct net_ask {
	struct mnl_socket *socket;
	unsigned int seq;
};

/*
 * Of all requests: 0, the kernel's refusal as -errno, or -EAGAIN when no answer came (memory is short,
 * or a dump was overtaken by changes again and again): then nothing is known, and it is to be asked
 * again later.
 */
int net_ask__open(struct net_ask *a, struct err *err);
void net_ask__close(struct net_ask *a);

/* Any request; what it is answered with is fed to cb (may be NULL: only an acknowledgement comes). */
int net_ask__request(struct net_ask *a, struct nlmsghdr *nlh, mnl_cb_t cb, void *ctx);

/* Refusals are the kernel's way to say that there is no route: -ENETUNREACH, -EHOSTUNREACH, ... */
int net_ask__route(struct net_ask *a, const struct addr *to, struct net_route *out);

/* -ENOENT: the kernel has no entry. */
int net_ask__neigh(struct net_ask *a, uint32_t ifindex, const struct addr *address,
		   struct net_neigh *out);

/* Calls each() for every link; some more than once when the dump had to be repeated. */
int net_ask__links(struct net_ask *a, void (*each)(void *ctx, const struct net_link *l), void *ctx);

/*
 * NTF_USE: as if a packet had been sent, so the kernel resolves the neighbour, or confirms one that is
 * stale. Never for a permanent entry: since Linux 5.16 that would end its permanence.
 */
int net_ask__use(struct net_ask *a, uint32_t ifindex, const struct addr *address);

/* Any request that is acknowledged and has no other answer. */
int net_ask__change(struct net_ask *a, struct nlmsghdr *nlh);
/* -EEXIST and the like: the kernel's refusal; -EADDRNOTAVAIL: there is no such address to remove. */
int net_ask__set_address(struct net_ask *a, uint32_t ifindex, const struct addr *address,
			 uint32_t life_s);

#endif
