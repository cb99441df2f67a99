/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - what the files of net/ share. */
#ifndef FAIRLEAD_NET_INTERNAL_H
#define FAIRLEAD_NET_INTERNAL_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "net/net.h"

#define NL_BUF 32768

/* --- wire: messages made and read; no sockets --------------------------------------------------- */

/* What a route look-up says. */
struct net_route {
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, … */
	uint32_t ifindex; /* 0: none */
	uint32_t mtu; /* the route's own metric, 0: none */
	bool has_via;
	struct addr via; /* gateway */
	bool has_source;
	struct addr source; /* preferred source */
};

/* What a link notification says. */
struct net_link {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	uint32_t mtu;
	bool ether; /* has 6-byte addresses */
	bool up; /* administratively up and with carrier */
	uint8_t mac[6];
};

struct net_neigh {
	uint32_t ifindex;
	struct addr address;
	uint16_t state; /* NUD_* */
	bool has_mac;
	uint8_t mac[6];
};

/* Each parses the payload of one message; -EINVAL when it is malformed or of no use here. */
int net_wire__route(const struct nlmsghdr *nlh, struct net_route *out);
int net_wire__link(const struct nlmsghdr *nlh, struct net_link *out);
int net_wire__neigh(const struct nlmsghdr *nlh, struct net_neigh *out);

/* Each builds one request in buf (NL_BUF bytes) and returns it. */
struct nlmsghdr *net_wire__ask_route(char *buf, const struct addr *to);
struct nlmsghdr *net_wire__ask_links(char *buf);
struct nlmsghdr *net_wire__ask_neigh(char *buf, uint32_t ifindex, const struct addr *address);
/* NTF_USE: as if a packet had been sent there, so the kernel resolves or confirms the neighbour. */
struct nlmsghdr *net_wire__use_neigh(char *buf, uint32_t ifindex, const struct addr *address);

/* --- ask: synchronous requests -------------------------------------------------------------------- */

struct net_ask {
	struct mnl_socket *socket;
	unsigned int seq;
};

int net_ask__open(struct net_ask *a, struct err *err);
void net_ask__close(struct net_ask *a);
/* -ENETUNREACH and the like when there is no route. */
int net_ask__route(struct net_ask *a, const struct addr *to, struct net_route *out);
/* -ENOENT: the kernel has no entry. */
int net_ask__neigh(struct net_ask *a, uint32_t ifindex, const struct addr *address,
		   struct net_neigh *out);
/* Calls each() for all links. */
int net_ask__links(struct net_ask *a, void (*each)(void *ctx, const struct net_link *l), void *ctx);
/* Asks for resolution; nothing is awaited. */
void net_ask__use(struct net_ask *a, uint32_t ifindex, const struct addr *address);

#endif
