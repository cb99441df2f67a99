/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmac_internal.h - the messages of vmac.c (wire_vmac.c), and what may be in them. */
#ifndef FAIRLEAD_NET_VMAC_INTERNAL_H
#define FAIRLEAD_NET_VMAC_INTERNAL_H

#include "net/internal.h"
#include "net/vmac.h"

/* What an interface does about ARP: net.ipv4.conf.*.arp_ignore and arp_announce. */
struct net_vmac_arp {
	bool known;
	uint32_t ignore, announce;
};

struct net_vmac_link {
	struct net_link link; /* `lower` as net_wire__link() has it */
	bool admin_up;
	char alias[NET_VMAC_ALIAS]; /* "": none, or a longer one */
	struct net_vmac_arp arp;
};

/* Reads a link's message; -EINVAL as net_wire__link(). */
int net_wire__vmac_link(const struct nlmsghdr *nlh, struct net_vmac_link *out);

/* The alias of an instance's device; `arp` is what its interface had. */
void net_wire__vmac_alias(char out[NET_VMAC_ALIAS], const char *instance,
			  const struct net_vmac_arp *arp);
/* Whether it is one of that instance ("": of any); *arp is what it says. */
bool net_wire__vmac_read_alias(const char *alias, const char *instance, struct net_vmac_arp *arp);

/* Each makes one request in buf (NET_BUF bytes) and returns it. */
struct nlmsghdr *net_wire__vmac_ask(char *buf, const char *name);
struct nlmsghdr *net_wire__vmac_make(char *buf, const struct net_vmac *v);
struct nlmsghdr *net_wire__vmac_dress(char *buf, uint32_t ifindex, const char *alias);
struct nlmsghdr *net_wire__vmac_up(char *buf, uint32_t ifindex);
struct nlmsghdr *net_wire__vmac_delete(char *buf, uint32_t ifindex);
/* Of the interface below. */
struct nlmsghdr *net_wire__vmac_arp(char *buf, uint32_t ifindex, const struct net_vmac_arp *arp);

#endif
