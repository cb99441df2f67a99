/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.c - rtnetlink messages (rtnetlink(7)): made and read. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <net/if_arp.h>
#include <string.h>

#include "net/internal.h"

static int read_u32(const struct nlattr *attr, uint32_t *out)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return -EINVAL;
	*out = mnl_attr_get_u32(attr);
	return 0;
}

/* A gateway of the route's family comes as RTA_GATEWAY, an IPv6 one of an IPv4 route as RTA_VIA. */
static int read_via(const struct nlattr *attr, struct addr *out)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (len < sizeof(*via))
		return -EINVAL;
	len -= sizeof(*via);
	if (!(via->rtvia_family == AF_INET && len == 4) &&
	    !(via->rtvia_family == AF_INET6 && len == 16))
		return -EINVAL;
	*out = addr__from_bytes(via->rtvia_family, via->rtvia_addr);
	return 0;
}

static int read_addr(const struct nlattr *attr, int family, struct addr *out)
{
	if (mnl_attr_get_payload_len(attr) != (family == AF_INET ? 4 : 16))
		return -EINVAL;
	*out = addr__from_bytes(family, mnl_attr_get_payload(attr));
	return 0;
}

static uint32_t read_mtu(const struct nlattr *metrics)
{
	const struct nlattr *attr;
	uint32_t mtu = 0;

	mnl_attr_for_each_nested(attr, metrics)
	{
		if (mnl_attr_get_type(attr) == RTAX_MTU && read_u32(attr, &mtu) == 0)
			break;
	}
	return mtu;
}

int net_wire__route(const struct nlmsghdr *nlh, struct net_route *out)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct net_route r = {0};
	int rc = 0;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return -EINVAL;
	r.type = rtm->rtm_type;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			rc = read_u32(attr, &r.ifindex);
			break;
		case RTA_GATEWAY:
			rc = read_addr(attr, rtm->rtm_family, &r.via);
			r.has_via = true;
			break;
		case RTA_VIA:
			rc = read_via(attr, &r.via);
			r.has_via = true;
			break;
		case RTA_PREFSRC:
			rc = read_addr(attr, rtm->rtm_family, &r.source);
			r.has_source = true;
			break;
		case RTA_METRICS:
			r.mtu = read_mtu(attr);
			break;
		default:
			break;
		}
		if (rc)
			return rc;
	}
	*out = r;
	return 0;
}

/* IFLA_INFO_DATA of a VLAN device. */
static void read_vlan(const struct nlattr *data, struct net_link *l)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_payload_len(attr) < sizeof(uint16_t))
			continue;
		if (mnl_attr_get_type(attr) == IFLA_VLAN_ID)
			l->vlan = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == IFLA_VLAN_PROTOCOL)
			l->q = mnl_attr_get_u16(attr) == htons(ETH_P_8021Q);
	}
}

/* IFLA_LINKINFO: what kind of device it is. */
static void read_info(const struct nlattr *info, struct net_link *l)
{
	const struct nlattr *attr, *data = NULL;

	mnl_attr_for_each_nested(attr, info)
	{
		const char *text = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND) {
			l->is_vlan = strnlen(text, len) == 4 && memcmp(text, "vlan", 4) == 0;
			l->is_veth = strnlen(text, len) == 4 && memcmp(text, "veth", 4) == 0;
			l->is_macvlan = strnlen(text, len) == 7 && memcmp(text, "macvlan", 7) == 0;
		} else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA) {
			data = attr;
		}
	}
	if (l->is_vlan && data)
		read_vlan(data, l);
}

int net_wire__link(const struct nlmsghdr *nlh, struct net_link *out)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct net_link l = {.q = true};
	const struct nlattr *attr;
	bool elsewhere = false;

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return -EINVAL;
	l.ifindex = (uint32_t)ifi->ifi_index;
	/* IFF_RUNNING: the operational state is up (RFC 2863), or the driver does not tell. */
	l.up = (ifi->ifi_flags & IFF_UP) && (ifi->ifi_flags & IFF_RUNNING);
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		const void *payload = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == IFLA_IFNAME) {
			if (!len || strnlen(payload, len) >= sizeof(l.name))
				return -EINVAL;
			memcpy(l.name, payload, strnlen(payload, len));
		} else if (mnl_attr_get_type(attr) == IFLA_MTU) {
			if (read_u32(attr, &l.mtu))
				return -EINVAL;
		} else if (mnl_attr_get_type(attr) == IFLA_ADDRESS && len == sizeof(l.mac)) {
			memcpy(l.mac, payload, sizeof(l.mac));
			l.ether = ifi->ifi_type == ARPHRD_ETHER;
		} else if (mnl_attr_get_type(attr) == IFLA_LINK) {
			if (read_u32(attr, &l.lower))
				return -EINVAL;
		} else if (mnl_attr_get_type(attr) == IFLA_MASTER) {
			if (read_u32(attr, &l.master))
				return -EINVAL;
		} else if (mnl_attr_get_type(attr) == IFLA_LINK_NETNSID) {
			elsewhere = true;
		} else if (mnl_attr_get_type(attr) == IFLA_LINKINFO) {
			read_info(attr, &l);
		}
	}
	if (!l.ifindex || !l.name[0])
		return -EINVAL;
	/* The device of a tunnel: of no concern. */
	if ((!l.is_vlan && !l.is_veth && !l.is_macvlan) || elsewhere)
		l.lower = 0;
	*out = l;
	return 0;
}

int net_wire__neigh(const struct nlmsghdr *nlh, struct net_neigh *out)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	static const uint8_t zero[6];
	const struct nlattr *attr;
	struct net_neigh n = {0};
	bool has_dst = false;

	if ((nlh->nlmsg_type != RTM_NEWNEIGH && nlh->nlmsg_type != RTM_DELNEIGH) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm) ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6))
		return -EINVAL;
	n.ifindex = (uint32_t)ndm->ndm_ifindex;
	n.state = nlh->nlmsg_type == RTM_DELNEIGH ? NUD_NONE : ndm->ndm_state;
	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		if (mnl_attr_get_type(attr) == NDA_DST) {
			if (read_addr(attr, ndm->ndm_family, &n.address))
				return -EINVAL;
			has_dst = true;
		} else if (mnl_attr_get_type(attr) == NDA_LLADDR &&
			   mnl_attr_get_payload_len(attr) == sizeof(n.mac)) {
			memcpy(n.mac, mnl_attr_get_payload(attr), sizeof(n.mac));
			n.has_mac = memcmp(n.mac, zero, sizeof(zero)) != 0;
		}
	}
	if (!has_dst)
		return -EINVAL;
	*out = n;
	return 0;
}

struct nlmsghdr *net_wire__ask_route(char *buf, const struct addr *to)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	size_t len;
	const uint8_t *raw = addr__bytes(to, &len);

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm->rtm_family = (uint8_t)addr__family(to);
	rtm->rtm_dst_len = (uint8_t)(len * 8);
	mnl_attr_put(nlh, RTA_DST, len, raw);
	return nlh;
}

struct nlmsghdr *net_wire__ask_links(char *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	return nlh;
}

static struct nlmsghdr *neigh_request(char *buf, uint16_t type, uint16_t flags, uint8_t ndm_flags,
				      uint32_t ifindex, const struct addr *address)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	size_t len;
	const uint8_t *raw = addr__bytes(address, &len);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	ndm->ndm_family = (uint8_t)addr__family(address);
	ndm->ndm_ifindex = (int)ifindex;
	ndm->ndm_flags = ndm_flags;
	mnl_attr_put(nlh, NDA_DST, len, raw);
	return nlh;
}

struct nlmsghdr *net_wire__ask_neigh(char *buf, uint32_t ifindex, const struct addr *address)
{
	return neigh_request(buf, RTM_GETNEIGH, NLM_F_REQUEST, 0, ifindex, address);
}

struct nlmsghdr *net_wire__use_neigh(char *buf, uint32_t ifindex, const struct addr *address)
{
	return neigh_request(buf, RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, NTF_USE,
			     ifindex, address);
}

bool net_wire__renewed(const struct nlmsghdr *nlh)
{
	const struct ifa_cacheinfo *life;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ifaddrmsg))
		return false;
	mnl_attr_for_each(attr, nlh, sizeof(struct ifaddrmsg))
	{
		if (mnl_attr_get_type(attr) != IFA_CACHEINFO ||
		    mnl_attr_get_payload_len(attr) < sizeof(*life))
			continue;
		life = mnl_attr_get_payload(attr);
		return !life->ifa_prefered && life->cstamp != life->tstamp;
	}
	return false;
}

struct nlmsghdr *net_wire__set_address(char *buf, uint32_t ifindex, const struct addr *address,
				       uint32_t life_s)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	struct ifa_cacheinfo life = {.ifa_valid = life_s};
	size_t len;
	const uint8_t *raw = addr__bytes(address, &len);

	nlh->nlmsg_type = life_s ? RTM_NEWADDR : RTM_DELADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	ifa->ifa_family = (uint8_t)addr__family(address);
	ifa->ifa_prefixlen = (uint8_t)(len * 8);
	ifa->ifa_index = ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, len, raw);
	mnl_attr_put(nlh, IFA_ADDRESS, len, raw);
	if (life_s) {
		nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
		/* Whose the address is has been decided by other means. */
		mnl_attr_put_u32(nlh, IFA_FLAGS, len == 16 ? IFA_F_NODAD | IFA_F_NOPREFIXROUTE : 0);
		mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
	}
	return nlh;
}
