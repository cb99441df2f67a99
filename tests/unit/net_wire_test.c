/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink messages, crafted: what is read of them, and what is refused. (net_asked_test.c: what is asked.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "net/state.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t gw4[4] = {192, 0, 2, 1};
static const uint8_t gw6[16] = {0xfe, 0x80, [15] = 1};

static char buf[NET_BUF] __attribute__((aligned(NLMSG_ALIGNTO)));

static struct nlmsghdr *message(uint16_t type, size_t header)
{
	struct nlmsghdr *nlh;

	memset(buf, 0, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	mnl_nlmsg_put_extra_header(nlh, header);
	return nlh;
}

static struct nlmsghdr *route(uint8_t family, uint8_t type)
{
	struct nlmsghdr *nlh = message(RTM_NEWROUTE, sizeof(struct rtmsg));
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	rtm->rtm_family = family;
	rtm->rtm_type = type;
	return nlh;
}

static struct nlmsghdr *link_message(uint16_t type, uint8_t family, uint16_t arp,
				     unsigned int flags)
{
	struct nlmsghdr *nlh = message(type, sizeof(struct ifinfomsg));
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_family = family;
	ifi->ifi_type = arp;
	ifi->ifi_index = 7;
	ifi->ifi_flags = flags;
	return nlh;
}

static struct nlmsghdr *neigh(uint16_t type, uint8_t family, uint16_t state)
{
	struct nlmsghdr *nlh = message(type, sizeof(struct ndmsg));
	struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);

	ndm->ndm_family = family;
	ndm->ndm_ifindex = 7;
	ndm->ndm_state = state;
	return nlh;
}

static void assert_addr(const struct addr *a, const char *text)
{
	char got[ADDR_STRLEN];

	assert_string_equal(addr__format(a, got), text);
}

static void put_via(struct nlmsghdr *nlh, uint16_t family, const void *bytes, size_t len)
{
	uint8_t via[sizeof(struct rtvia) + 16];

	memcpy(via, &family, sizeof(family));
	memcpy(via + sizeof(family), bytes, len);
	mnl_attr_put(nlh, RTA_VIA, sizeof(family) + len, via);
}

static void a_route_is_read(void **state)
{
	struct nlmsghdr *nlh = route(AF_INET, RTN_UNICAST);
	const uint8_t source[4] = {192, 0, 2, 9};
	struct nlattr *metrics;
	struct net_route r;

	(void)state;
	mnl_attr_put_u32(nlh, RTA_TABLE, 254);
	mnl_attr_put_u32(nlh, RTA_OIF, 7);
	mnl_attr_put(nlh, RTA_GATEWAY, sizeof(gw4), gw4);
	mnl_attr_put(nlh, RTA_PREFSRC, sizeof(source), source);
	metrics = mnl_attr_nest_start(nlh, RTA_METRICS);
	mnl_attr_put_u32(nlh, RTAX_HOPLIMIT, 64);
	mnl_attr_put_u32(nlh, RTAX_MTU, 1400);
	mnl_attr_nest_end(nlh, metrics);
	assert_int_equal(net_wire__route(nlh, &r), 0);
	assert_int_equal(r.type, RTN_UNICAST);
	assert_int_equal(r.ifindex, 7);
	assert_int_equal(r.mtu, 1400);
	assert_true(r.has_via && r.has_source);
	assert_addr(&r.via, "192.0.2.1");
	assert_addr(&r.source, "192.0.2.9");
}

static void a_bare_route_has_no_more(void **state)
{
	struct nlmsghdr *nlh = route(AF_INET6, RTN_LOCAL);
	struct net_route r;

	(void)state;
	assert_int_equal(net_wire__route(nlh, &r), 0);
	assert_int_equal(r.type, RTN_LOCAL);
	assert_int_equal(r.ifindex, 0);
	assert_int_equal(r.mtu, 0);
	assert_false(r.has_via || r.has_source);
}

static void an_ipv6_gateway_of_an_ipv4_route(void **state)
{
	struct nlmsghdr *nlh = route(AF_INET, RTN_UNICAST);
	struct net_route r;

	(void)state;
	put_via(nlh, AF_INET6, gw6, sizeof(gw6));
	assert_int_equal(net_wire__route(nlh, &r), 0);
	assert_true(r.has_via);
	assert_addr(&r.via, "fe80::1");
}

static void malformed_routes_are_refused(void **state)
{
	struct net_route r = {.mtu = 1};
	struct nlmsghdr *nlh;

	(void)state;
	nlh = route(AF_INET, RTN_UNICAST);
	mnl_attr_put(nlh, RTA_GATEWAY, sizeof(gw6), gw6); /* longer than the family's */
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	nlh = route(AF_INET, RTN_UNICAST);
	mnl_attr_put_u16(nlh, RTA_OIF, 7);
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	nlh = route(AF_INET, RTN_UNICAST);
	put_via(nlh, AF_INET6, gw4, sizeof(gw4));
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	nlh = route(AF_INET, RTN_UNICAST);
	put_via(nlh, AF_PACKET, mac, sizeof(mac));
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	nlh = route(AF_INET, RTN_UNICAST);
	mnl_attr_put_u8(nlh, RTA_VIA, 0); /* no room for its family */
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	nlh = route(RTNL_FAMILY_IPMR, RTN_MULTICAST);
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	nlh = message(RTM_NEWROUTE, sizeof(struct rtmsg) - 4);
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	nlh = message(RTM_DELROUTE, sizeof(struct rtmsg));
	assert_int_equal(net_wire__route(nlh, &r), -EINVAL);
	assert_int_equal(r.mtu, 1);
}

static void a_link_is_read(void **state)
{
	struct nlmsghdr *nlh =
		link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_ETHER, IFF_UP | IFF_RUNNING);
	struct net_link l;

	(void)state;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "fifteen-letters");
	mnl_attr_put_u32(nlh, IFLA_MTU, 9000);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac), mac);
	assert_int_equal(net_wire__link(nlh, &l), 0);
	assert_int_equal(l.ifindex, 7);
	assert_string_equal(l.name, "fifteen-letters");
	assert_int_equal(l.mtu, 9000);
	assert_true(l.up && l.ether);
	assert_memory_equal(l.mac, mac, sizeof(mac));
}

static void up_needs_the_operator_and_the_carrier(void **state)
{
	const unsigned int flags[] = {0, IFF_UP, IFF_RUNNING};
	struct nlmsghdr *nlh;
	struct net_link l;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		nlh = link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_ETHER, flags[i]);
		mnl_attr_put_strz(nlh, IFLA_IFNAME, "eth0");
		assert_int_equal(net_wire__link(nlh, &l), 0);
		assert_false(l.up);
	}
}

static void only_ethernet_is_ether(void **state)
{
	struct nlmsghdr *nlh = link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_TUNNEL, IFF_UP);
	struct net_link l;

	(void)state;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "tunl0");
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(gw4), gw4);
	assert_int_equal(net_wire__link(nlh, &l), 0);
	assert_false(l.ether);
	/* lo has six bytes too, and no frames for another machine. */
	nlh = link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_LOOPBACK, IFF_UP);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "lo");
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac), mac);
	assert_int_equal(net_wire__link(nlh, &l), 0);
	assert_false(l.ether);
}

static void links_of_no_concern_or_malformed(void **state)
{
	struct net_link l = {.ifindex = 1};
	struct nlmsghdr *nlh;

	(void)state;
	nlh = link_message(RTM_DELLINK, AF_BRIDGE, ARPHRD_ETHER, IFF_UP); /* a port leaves */
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "eth0");
	assert_int_equal(net_wire__link(nlh, &l), -EINVAL);
	nlh = link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_ETHER, IFF_UP); /* no name */
	assert_int_equal(net_wire__link(nlh, &l), -EINVAL);
	mnl_attr_put(nlh, IFLA_IFNAME, 0, NULL);
	assert_int_equal(net_wire__link(nlh, &l), -EINVAL);
	nlh = link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_ETHER, IFF_UP);
	mnl_attr_put(nlh, IFLA_IFNAME, IF_NAMESIZE, "sixteen-letters!");
	assert_int_equal(net_wire__link(nlh, &l), -EINVAL);
	nlh = message(RTM_NEWLINK, sizeof(struct ifinfomsg) - 4);
	assert_int_equal(net_wire__link(nlh, &l), -EINVAL);
	assert_int_equal(l.ifindex, 1);
}

/* A VLAN device as the kernel tells of it; `proto` 0: an old kernel, which does not. */
static struct nlmsghdr *vlan_message(uint32_t ifindex, uint32_t lower, uint16_t id, uint16_t proto)
{
	struct nlmsghdr *nlh =
		link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_ETHER, IFF_UP | IFF_RUNNING);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct nlattr *info, *data;

	ifi->ifi_index = (int)ifindex;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "eth0.7");
	mnl_attr_put_u32(nlh, IFLA_MTU, 1500);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(nlh, IFLA_LINK, lower);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "vlan");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u16(nlh, IFLA_VLAN_ID, id);
	if (proto)
		mnl_attr_put_u16(nlh, IFLA_VLAN_PROTOCOL, htons(proto));
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nlh;
}

static void a_vlan_is_read(void **state)
{
	struct net_link l;

	(void)state;
	assert_int_equal(net_wire__link(vlan_message(9, 2, 7, ETH_P_8021Q), &l), 0);
	assert_true(l.is_vlan && l.q && l.ether);
	assert_int_equal(l.vlan, 7);
	assert_int_equal(l.lower, 2);
	assert_int_equal(net_wire__link(vlan_message(9, 2, 4094, 0), &l), 0);
	assert_true(l.is_vlan && l.q);
	assert_int_equal(l.vlan, 4094);
	assert_int_equal(net_wire__link(vlan_message(9, 2, 7, ETH_P_8021AD), &l), 0);
	assert_true(l.is_vlan);
	assert_false(l.q);
}

/* The device below is in another network namespace: its number says nothing here. */
static void a_vlan_from_elsewhere(void **state)
{
	struct nlmsghdr *nlh = vlan_message(9, 2, 7, ETH_P_8021Q);
	struct net_link l;

	(void)state;
	mnl_attr_put_u32(nlh, IFLA_LINK_NETNSID, 0);
	assert_int_equal(net_wire__link(nlh, &l), 0);
	assert_true(l.is_vlan);
	assert_int_equal(l.lower, 0);
}

static struct nlmsghdr *kind_message(const char *kind)
{
	struct nlmsghdr *nlh = link_message(RTM_NEWLINK, AF_UNSPEC, ARPHRD_ETHER, IFF_UP);
	struct nlattr *info;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, "eth0");
	mnl_attr_put_u32(nlh, IFLA_LINK, 2);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(nlh, info);
	return nlh;
}

/* A veth's other end, unless it is in another network namespace. */
static void a_veth_is_read(void **state)
{
	struct nlmsghdr *nlh = kind_message("veth");
	struct net_link l;

	(void)state;
	assert_int_equal(net_wire__link(nlh, &l), 0);
	assert_true(l.is_veth);
	assert_false(l.is_vlan);
	assert_int_equal(l.lower, 2);
	mnl_attr_put_u32(nlh, IFLA_LINK_NETNSID, 0);
	assert_int_equal(net_wire__link(nlh, &l), 0);
	assert_true(l.is_veth);
	assert_int_equal(l.lower, 0);
}

/* A macvlan and what it stands on; the bridge that a device is part of. */
static void a_macvlan_and_a_master_are_read(void **state)
{
	struct nlmsghdr *nlh = kind_message("macvlan");
	struct net_link l;

	(void)state;
	mnl_attr_put_u32(nlh, IFLA_MASTER, 7);
	assert_int_equal(net_wire__link(nlh, &l), 0);
	assert_true(l.is_macvlan && !l.is_vlan && !l.is_veth);
	assert_int_equal(l.lower, 2);
	assert_int_equal(l.master, 7);
	nlh = kind_message("macvlan");
	mnl_attr_put_u16(nlh, IFLA_MASTER, 7);
	assert_int_equal(net_wire__link(nlh, &l), -EINVAL);
}

/* IFLA_LINK of other kinds, and kinds that only begin alike. */
static void other_kinds_are_no_vlans(void **state)
{
	static const char *const kinds[] = {"ipip", "vlan2",	"vla",	   "veth2",
					    "vet",  "macvlan2", "macvtap", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct net_link l;

		assert_int_equal(net_wire__link(kind_message(kinds[i]), &l), 0);
		assert_false(l.is_vlan || l.is_veth || l.is_macvlan);
		assert_int_equal(l.lower, 0);
	}
}

static void add_vlan(struct net *n, uint32_t ifindex, uint32_t lower, uint16_t proto)
{
	struct net_link l;

	assert_int_equal(net_wire__link(vlan_message(ifindex, lower, 7, proto), &l), 0);
	assert_true(net_links__update(n, &l));
}

static int way(struct net *n, uint32_t ifindex, uint32_t *lower, uint16_t *vlan)
{
	return net__vlan(n, net_links__find(n, ifindex), lower, vlan);
}

static void the_way_of_a_vlan(void **state)
{
	static struct net n; /* empty tables, nobody to tell */
	struct net_link below = {.ifindex = 2, .name = "eth0", .ether = true};
	uint32_t lower = 0;
	uint16_t vlan = 0;

	(void)state;
	add_vlan(&n, 9, 2, ETH_P_8021Q);
	assert_int_equal(way(&n, 9, &lower, &vlan), -ENOTSUP); /* not known (yet) */
	net_links__update(&n, &below);
	assert_int_equal(way(&n, 9, &lower, &vlan), 0);
	assert_int_equal(lower, 2);
	assert_int_equal(vlan, NET_TAG | 7);
	assert_int_equal(way(&n, 2, &lower, &vlan), -ENOTSUP); /* no VLAN */
	add_vlan(&n, 10, 9, ETH_P_8021Q);
	assert_int_equal(way(&n, 10, &lower, &vlan), -ENOTSUP); /* a VLAN in a VLAN */
	add_vlan(&n, 11, 2, ETH_P_8021AD);
	assert_int_equal(way(&n, 11, &lower, &vlan), -ENOTSUP);
	net_links__free(&n);
}

static void a_neighbour_is_read(void **state)
{
	struct nlmsghdr *nlh = neigh(RTM_NEWNEIGH, AF_INET6, NUD_STALE);
	struct net_neigh n;

	(void)state;
	mnl_attr_put(nlh, NDA_DST, sizeof(gw6), gw6);
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(mac), mac);
	assert_int_equal(net_wire__neigh(nlh, &n), 0);
	assert_int_equal(n.ifindex, 7);
	assert_int_equal(n.state, NUD_STALE);
	assert_addr(&n.address, "fe80::1");
	assert_true(n.has_mac);
	assert_memory_equal(n.mac, mac, sizeof(mac));
	nlh->nlmsg_type = RTM_DELNEIGH;
	assert_int_equal(net_wire__neigh(nlh, &n), 0);
	assert_int_equal(n.state, NUD_NONE);
}

static void a_neighbour_without_a_usable_mac(void **state)
{
	static const uint8_t zero[6];
	struct nlmsghdr *nlh = neigh(RTM_NEWNEIGH, AF_INET, NUD_INCOMPLETE);
	struct net_neigh n;

	(void)state;
	mnl_attr_put(nlh, NDA_DST, sizeof(gw4), gw4);
	assert_int_equal(net_wire__neigh(nlh, &n), 0);
	assert_false(n.has_mac);
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(zero), zero);
	assert_int_equal(net_wire__neigh(nlh, &n), 0);
	assert_false(n.has_mac);
}

static void neighbours_of_no_concern_or_malformed(void **state)
{
	struct net_neigh n = {.ifindex = 1};
	struct nlmsghdr *nlh;

	(void)state;
	nlh = neigh(RTM_NEWNEIGH, AF_BRIDGE, NUD_PERMANENT); /* a bridge's forwarding entry */
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(mac), mac);
	assert_int_equal(net_wire__neigh(nlh, &n), -EINVAL);
	nlh = neigh(RTM_NEWNEIGH, AF_INET, NUD_REACHABLE); /* whose? */
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(mac), mac);
	assert_int_equal(net_wire__neigh(nlh, &n), -EINVAL);
	nlh = neigh(RTM_NEWNEIGH, AF_INET6, NUD_REACHABLE);
	mnl_attr_put(nlh, NDA_DST, sizeof(gw4), gw4);
	assert_int_equal(net_wire__neigh(nlh, &n), -EINVAL);
	nlh = message(RTM_NEWNEIGH, sizeof(struct ndmsg) - 4);
	assert_int_equal(net_wire__neigh(nlh, &n), -EINVAL);
	assert_int_equal(n.ifindex, 1);
}

static bool renewed(uint16_t type, uint32_t preferred, uint32_t made, uint32_t changed)
{
	struct ifa_cacheinfo life = {.ifa_prefered = preferred, .cstamp = made, .tstamp = changed};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
	return net_wire__renewed(nlh);
}

/* A VIP's address is renewed every second, which must not have all routes looked up. */
static void a_renewal_is_no_change(void **state)
{
	struct nlmsghdr *nlh;

	(void)state;
	assert_true(renewed(RTM_NEWADDR, 0, 100, 200));
	assert_false(renewed(RTM_NEWADDR, 0, 100, 100));
	assert_false(renewed(RTM_NEWADDR, 1, 100, 200));
	assert_false(renewed(RTM_DELADDR, 0, 100, 200));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_NEWADDR;
	assert_false(net_wire__renewed(nlh));
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	assert_false(net_wire__renewed(nlh));
	mnl_attr_put_u32(nlh, IFA_CACHEINFO, 0);
	assert_false(net_wire__renewed(nlh));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_is_read),
		cmocka_unit_test(a_bare_route_has_no_more),
		cmocka_unit_test(an_ipv6_gateway_of_an_ipv4_route),
		cmocka_unit_test(malformed_routes_are_refused),
		cmocka_unit_test(a_link_is_read),
		cmocka_unit_test(up_needs_the_operator_and_the_carrier),
		cmocka_unit_test(only_ethernet_is_ether),
		cmocka_unit_test(links_of_no_concern_or_malformed),
		cmocka_unit_test(a_vlan_is_read),
		cmocka_unit_test(a_vlan_from_elsewhere),
		cmocka_unit_test(a_veth_is_read),
		cmocka_unit_test(a_macvlan_and_a_master_are_read),
		cmocka_unit_test(other_kinds_are_no_vlans),
		cmocka_unit_test(the_way_of_a_vlan),
		cmocka_unit_test(a_neighbour_is_read),
		cmocka_unit_test(a_neighbour_without_a_usable_mac),
		cmocka_unit_test(neighbours_of_no_concern_or_malformed),
		cmocka_unit_test(a_renewal_is_no_change),
	};

	return cmocka_run_group_tests_name("net: wire", tests, NULL, NULL);
}
