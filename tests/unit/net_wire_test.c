/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink messages, crafted: what is read of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/neighbour.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

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

static void what_is_asked(void **state)
{
	const struct ndmsg *ndm;
	const struct rtmsg *rtm;
	struct nlmsghdr *nlh;
	struct net_neigh n;
	struct addr to;

	(void)state;
	assert_int_equal(addr__parse("192.0.2.1", &to), 0);
	nlh = net_wire__ask_route(buf, &to);
	rtm = mnl_nlmsg_get_payload(nlh);
	assert_int_equal(nlh->nlmsg_type, RTM_GETROUTE);
	assert_int_equal(rtm->rtm_family, AF_INET);
	assert_int_equal(rtm->rtm_dst_len, 32);
	assert_int_equal(nlh->nlmsg_len, sizeof(*nlh) + sizeof(*rtm) + 8);

	assert_int_equal(addr__parse("fe80::1", &to), 0);
	nlh = net_wire__use_neigh(buf, 7, &to);
	ndm = mnl_nlmsg_get_payload(nlh);
	assert_int_equal(ndm->ndm_flags, NTF_USE);
	assert_int_equal(ndm->ndm_state, NUD_NONE);
	assert_true(nlh->nlmsg_flags & NLM_F_CREATE);
	assert_false(nlh->nlmsg_flags & NLM_F_REPLACE); /* an operator's entry stays */
	assert_int_equal(net_wire__neigh(nlh, &n), 0);
	assert_int_equal(n.ifindex, 7);
	assert_addr(&n.address, "fe80::1");
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
		cmocka_unit_test(a_neighbour_is_read),
		cmocka_unit_test(a_neighbour_without_a_usable_mac),
		cmocka_unit_test(neighbours_of_no_concern_or_malformed),
		cmocka_unit_test(what_is_asked),
	};

	return cmocka_run_group_tests_name("net: wire", tests, NULL, NULL);
}
