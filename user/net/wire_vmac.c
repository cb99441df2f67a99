/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire_vmac.c - rtnetlink messages about the devices of virtual MAC addresses; no sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/vmac_internal.h"

/* The device does not check the way back: it has no route. Loose, since `all` may be strict. */
#define RP_FILTER_LOOSE 2

void net_vmac__mac(uint8_t vrid, int family, uint8_t mac[6])
{
	const uint8_t bytes[6] = {0x00, 0x00, 0x5e, 0x00, family == AF_INET ? 1 : 2, vrid};

	memcpy(mac, bytes, sizeof(bytes));
}

bool net_vmac__name(uint8_t vrid, int family, uint32_t parent, char name[IF_NAMESIZE])
{
	int len = snprintf(name, IF_NAMESIZE, "fl%c.%u.%u", family == AF_INET ? '4' : '6', vrid,
			   parent);

	return len > 0 && len < IF_NAMESIZE;
}

struct net_vmac net_vmac__of(const char *instance, uint8_t vrid, int family, uint32_t parent)
{
	struct net_vmac v = {.family = family, .parent = parent};

	net_vmac__mac(vrid, family, v.mac);
	snprintf(v.instance, sizeof(v.instance), "%s", instance);
	if (!parent || !net_vmac__name(vrid, family, parent, v.name))
		v.name[0] = '\0';
	return v;
}

bool net_vmac__is(const struct net_link *l)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; l->is_macvlan && i < sizeof(families) / sizeof(*families); i++) {
		const char *dot = strchr(l->name, '.');
		char want[IF_NAMESIZE];
		uint8_t mac[6];

		dot = dot ? strchr(dot + 1, '.') : NULL;
		net_vmac__mac(l->mac[5], families[i], mac);
		/* The interface's number is any: of a macvlan on a macvlan, `lower` is another one. */
		if (!dot || memcmp(mac, l->mac, sizeof(mac)) != 0 ||
		    !net_vmac__name(l->mac[5], families[i], 0, want))
			continue;
		if (strncmp(want, l->name, (size_t)(dot + 1 - l->name)) == 0 &&
		    dot[1 + strspn(dot + 1, "0123456789")] == '\0')
			return true;
	}
	return false;
}

void net_vmac__explain(int rc, const struct net_vmac *v, char out[200])
{
	switch (rc) {
	case 0:
		out[0] = '\0';
		break;
	case -EEXIST:
		snprintf(
			out, 200,
			"there is a device %s that is not of instance %s; it is left alone: remove "
			"or rename it",
			v->name, v->instance);
		break;
	case -EADDRINUSE:
		snprintf(out, 200,
			 "another macvlan on its interface has the MAC address "
			 "%02x:%02x:%02x:%02x:%02x:%02x (keepalived's use_vmac?): remove it",
			 v->mac[0], v->mac[1], v->mac[2], v->mac[3], v->mac[4], v->mac[5]);
		break;
	case -EBUSY:
		snprintf(out, 200,
			 "its interface is part of a bridge or a bond, where device %s cannot "
			 "stand: name the bridge or bond as interface",
			 v->name);
		break;
	case -EOPNOTSUPP:
		snprintf(out, 200, "this kernel has no macvlan (CONFIG_MACVLAN)");
		break;
	case -EROFS:
		snprintf(out, 200,
			 "device %s is up, but /proc/sys/net/ipv6/conf cannot be written: an IPv6 "
			 "router's advertisements may give it addresses",
			 v->name);
		break;
	default:
		snprintf(out, 200, "cannot make device %s: %s", v->name[0] ? v->name : "of it",
			 strerror(-rc));
	}
}

void net_wire__vmac_alias(char out[NET_VMAC_ALIAS], const char *instance,
			  const struct net_vmac_arp *arp)
{
	if (arp->known)
		snprintf(out, NET_VMAC_ALIAS,
			 "fairlead instance %s (arp_ignore %u, arp_announce %u)", instance,
			 arp->ignore, arp->announce);
	else
		snprintf(out, NET_VMAC_ALIAS, "fairlead instance %s", instance);
}

bool net_wire__vmac_read_alias(const char *alias, const char *instance, struct net_vmac_arp *arp)
{
	char whose[NET_VMAC_INSTANCE], again[NET_VMAC_ALIAS];
	struct net_vmac_arp a = {false};

	a.known = sscanf(alias, "fairlead instance %31s (arp_ignore %u, arp_announce %u)", whose,
			 &a.ignore, &a.announce) == 3;
	if (!a.known && sscanf(alias, "fairlead instance %31s", whose) != 1)
		return false;
	/* Nothing else: what is written by someone else is someone else's. */
	net_wire__vmac_alias(again, whose, &a);
	if (strcmp(again, alias) != 0 || (instance[0] && strcmp(whose, instance) != 0))
		return false;
	*arp = a;
	return true;
}

/* IFLA_INET_CONF is an array, of which the first one is 1. */
static uint32_t setting(const struct nlattr *conf, size_t which)
{
	uint32_t value;

	memcpy(&value, (const uint8_t *)mnl_attr_get_payload(conf) + (which - 1) * sizeof(value),
	       sizeof(value));
	return value;
}

/* IFLA_AF_SPEC of a link. */
static void read_settings(const struct nlattr *spec, struct net_vmac_arp *arp)
{
	const struct nlattr *family, *conf;

	mnl_attr_for_each_nested(family, spec)
	{
		if (mnl_attr_get_type(family) != AF_INET)
			continue;
		mnl_attr_for_each_nested(conf, family)
		{
			if (mnl_attr_get_type(conf) != IFLA_INET_CONF ||
			    mnl_attr_get_payload_len(conf) <
				    IPV4_DEVCONF_ARP_IGNORE * sizeof(uint32_t))
				continue;
			arp->ignore = setting(conf, IPV4_DEVCONF_ARP_IGNORE);
			arp->announce = setting(conf, IPV4_DEVCONF_ARP_ANNOUNCE);
			arp->known = true;
		}
	}
}

int net_wire__vmac_link(const struct nlmsghdr *nlh, struct net_vmac_link *out)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct net_vmac_link l = {.admin_up = false};
	const struct nlattr *attr;
	int rc = net_wire__link(nlh, &l.link);

	if (rc)
		return rc;
	l.admin_up = ifi->ifi_flags & IFF_UP;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		const char *text = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == IFLA_IFALIAS && strnlen(text, len) < sizeof(l.alias))
			memcpy(l.alias, text, strnlen(text, len));
		else if (mnl_attr_get_type(attr) == IFLA_AF_SPEC)
			read_settings(attr, &l.arp);
	}
	*out = l;
	return 0;
}

static struct nlmsghdr *link_request(char *buf, uint16_t type, uint16_t flags, uint32_t ifindex,
				     unsigned int up)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	ifi->ifi_index = (int)ifindex;
	ifi->ifi_flags = ifi->ifi_change = up;
	return nlh;
}

struct nlmsghdr *net_wire__vmac_ask(char *buf, const char *name)
{
	struct nlmsghdr *nlh = link_request(buf, RTM_GETLINK, 0, 0, 0);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nlh;
}

struct nlmsghdr *net_wire__vmac_make(char *buf, const struct net_vmac *v)
{
	struct nlmsghdr *nlh =
		link_request(buf, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0, 0);
	struct nlattr *info, *data;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, v->name);
	mnl_attr_put_u32(nlh, IFLA_LINK, v->parent);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(v->mac), v->mac);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, "macvlan");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, IFLA_MACVLAN_MODE, MACVLAN_MODE_VEPA);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nlh;
}

/*
 * It answers ARP for its own addresses alone, and IPv6 gives it no link-local one, with which it would ask
 * for routers.
 */
struct nlmsghdr *net_wire__vmac_dress(char *buf, uint32_t ifindex, const char *alias)
{
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, NLM_F_ACK, ifindex, 0);
	struct nlattr *spec, *family, *conf;

	mnl_attr_put(nlh, IFLA_IFALIAS, strlen(alias), alias);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	family = mnl_attr_nest_start(nlh, AF_INET);
	conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);
	mnl_attr_put_u32(nlh, IPV4_DEVCONF_ARP_IGNORE, 1);
	mnl_attr_put_u32(nlh, IPV4_DEVCONF_RP_FILTER, RP_FILTER_LOOSE);
	mnl_attr_nest_end(nlh, conf);
	mnl_attr_nest_end(nlh, family);
	family = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, family);
	mnl_attr_nest_end(nlh, spec);
	return nlh;
}

struct nlmsghdr *net_wire__vmac_up(char *buf, uint32_t ifindex)
{
	return link_request(buf, RTM_NEWLINK, NLM_F_ACK, ifindex, IFF_UP);
}

struct nlmsghdr *net_wire__vmac_delete(char *buf, uint32_t ifindex)
{
	return link_request(buf, RTM_DELLINK, NLM_F_ACK, ifindex, 0);
}

struct nlmsghdr *net_wire__vmac_arp(char *buf, uint32_t ifindex, const struct net_vmac_arp *arp)
{
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, NLM_F_ACK, ifindex, 0);
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	struct nlattr *family = mnl_attr_nest_start(nlh, AF_INET);
	struct nlattr *conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);

	mnl_attr_put_u32(nlh, IPV4_DEVCONF_ARP_IGNORE, arp->ignore);
	mnl_attr_put_u32(nlh, IPV4_DEVCONF_ARP_ANNOUNCE, arp->announce);
	mnl_attr_nest_end(nlh, conf);
	mnl_attr_nest_end(nlh, family);
	mnl_attr_nest_end(nlh, spec);
	return nlh;
}
