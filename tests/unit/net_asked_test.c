/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink messages to the kernel, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/neighbour.h>
#include <string.h>

#include "net/state.h"

static char buf[NET_BUF] __attribute__((aligned(NLMSG_ALIGNTO)));

static void what_is_asked(void **state)
{
	const struct ndmsg *ndm;
	const struct rtmsg *rtm;
	struct nlmsghdr *nlh;
	struct net_neigh n;
	char text[ADDR_STRLEN];
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
	assert_string_equal(addr__format(&n.address, text), "fe80::1");
}

/* What the kernel is asked for when an address of a VIP is taken, kept and given up. */
static void how_an_address_is_set(void **state)
{
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;
	struct nlattr *attr;
	struct ifa_cacheinfo life = {.ifa_valid = 1};
	struct addr address;
	int seen = 0;

	(void)state;
	assert_int_equal(addr__parse("192.0.2.10", &address), 0);
	nlh = net_wire__set_address(buf, 7, &address, 3);
	ifa = mnl_nlmsg_get_payload(nlh);
	assert_int_equal(nlh->nlmsg_type, RTM_NEWADDR);
	assert_int_equal(nlh->nlmsg_flags,
			 NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
	assert_int_equal(ifa->ifa_family, AF_INET);
	assert_int_equal(ifa->ifa_prefixlen, 32);
	assert_int_equal(ifa->ifa_index, 7);
	assert_int_equal(ifa->ifa_flags, 0);
	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
	{
		if (mnl_attr_get_type(attr) == IFA_FLAGS) {
			assert_int_equal(mnl_attr_get_u32(attr), 0);
			continue;
		}
		if (mnl_attr_get_type(attr) == IFA_CACHEINFO) {
			memcpy(&life, mnl_attr_get_payload(attr), sizeof(life));
			continue;
		}
		assert_int_equal(mnl_attr_get_payload_len(attr), 4);
		assert_memory_equal(mnl_attr_get_payload(attr), "\xc0\x00\x02\x0a", 4);
		seen |= 1 << mnl_attr_get_type(attr);
	}
	assert_int_equal(seen, 1 << IFA_LOCAL | 1 << IFA_ADDRESS);
	/* It goes by itself, and is nobody's source meanwhile. */
	assert_int_equal(life.ifa_valid, 3);
	assert_int_equal(life.ifa_prefered, 0);

	assert_int_equal(addr__parse("2001:db8::10", &address), 0);
	nlh = net_wire__set_address(buf, 7, &address, 3);
	ifa = mnl_nlmsg_get_payload(nlh);
	assert_int_equal(ifa->ifa_family, AF_INET6);
	assert_int_equal(ifa->ifa_prefixlen, 128);
	attr = (struct nlattr *)((char *)ifa + MNL_ALIGN(sizeof(*ifa)) + 2 * (4 + 16));
	assert_int_equal(mnl_attr_get_type(attr), IFA_FLAGS);
	assert_int_equal(mnl_attr_get_u32(attr), IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	nlh = net_wire__set_address(buf, 7, &address, 0);
	assert_int_equal(nlh->nlmsg_type, RTM_DELADDR);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(how_an_address_is_set),
	};

	return cmocka_run_group_tests_name("net: asked", tests, NULL, NULL);
}
