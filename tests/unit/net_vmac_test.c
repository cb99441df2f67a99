/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of virtual MAC addresses: names, whose they are, and the messages about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/vmac_internal.h"

static char buf[NET_BUF] __attribute__((aligned(NLMSG_ALIGNTO)));

static void names_and_addresses(void **state)
{
	const struct net_vmac v = net_vmac__of("main", 255, AF_INET6, 1234567);
	static const uint8_t four[6] = {0, 0, 0x5e, 0, 1, 51}, six[6] = {0, 0, 0x5e, 0, 2, 51};
	char name[IF_NAMESIZE];
	uint8_t mac[6];

	(void)state;
	net_vmac__mac(51, AF_INET, mac);
	assert_memory_equal(mac, four, 6);
	net_vmac__mac(51, AF_INET6, mac);
	assert_memory_equal(mac, six, 6);
	assert_true(net_vmac__name(51, AF_INET, 2, name));
	assert_string_equal(name, "fl4.51.2");
	assert_string_equal(v.name, "fl6.255.1234567");
	assert_string_equal(v.instance, "main");
	assert_int_equal(v.mac[5], 255);
	/* No room, no interface: there is none. */
	assert_false(net_vmac__name(255, AF_INET6, 12345678, name));
	assert_string_equal(net_vmac__of("main", 255, AF_INET6, 12345678).name, "");
	assert_string_equal(net_vmac__of("main", 51, AF_INET, 0).name, "");
}

static void which_are_ours_by_name(void **state)
{
	static const struct {
		const char *name;
		uint8_t family, vrid;
		bool macvlan, is;
	} cases[] = {
		{"fl4.51.2", 1, 51, true, true},	 {"fl6.51.2", 2, 51, true, true},
		{"fl4.51.2", 1, 51, false, false},	 {"fl4.51.2", 2, 51, true, false},
		{"fl4.51.2", 1, 52, true, false},	 {"fl4.5.2", 1, 51, true, false},
		{"vrrp.51", 1, 51, true, false},	 {"fl4.51.eth", 1, 51, true, false},
		{"fl4.51", 1, 51, true, false},		 {"fl4.51.2x", 1, 51, true, false},
		{"fl6.255.1234567", 2, 255, true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct net_link l = {.is_macvlan = cases[i].macvlan,
				     .mac = {0, 0, 0x5e, 0, cases[i].family, cases[i].vrid}};

		snprintf(l.name, sizeof(l.name), "%s", cases[i].name);
		if (net_vmac__is(&l) != cases[i].is)
			fail_msg("%s", cases[i].name);
	}
}

static void aliases(void **state)
{
	static const char *const strange[] = {
		"",
		"fairlead",
		"fairlead instance ",
		"fairlead instance main (arp_ignore 0, arp_announce 0) ",
		"fairlead instance main (arp_ignore 0)",
		"fairlead instance  main",
		"my fairlead instance main",
	};
	struct net_vmac_arp arp = {.known = true, .ignore = 3, .announce = 1}, got = {false};
	char alias[NET_VMAC_ALIAS];

	(void)state;
	net_wire__vmac_alias(alias, "main", &arp);
	assert_string_equal(alias, "fairlead instance main (arp_ignore 3, arp_announce 1)");
	assert_true(net_wire__vmac_read_alias(alias, "main", &got));
	assert_true(got.known && got.ignore == 3 && got.announce == 1);
	assert_true(net_wire__vmac_read_alias(alias, "", &got));
	assert_false(net_wire__vmac_read_alias(alias, "mai", &got));
	arp.known = false;
	net_wire__vmac_alias(alias, "abcdefghijklmnopqrstuvwxyz01234", &arp);
	assert_true(net_wire__vmac_read_alias(alias, "abcdefghijklmnopqrstuvwxyz01234", &got));
	assert_false(got.known);
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++)
		if (net_wire__vmac_read_alias(strange[i], "", &got))
			fail_msg("'%s'", strange[i]);
}

/* A link's message, with as many of IPv4's settings as some kernel has. */
static struct nlmsghdr *link_message(const char *alias, size_t settings)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	uint32_t conf[IPV4_DEVCONF_MAX] = {0};
	struct nlattr *spec, *family;

	nlh->nlmsg_type = RTM_NEWLINK;
	*ifi = (struct ifinfomsg){.ifi_type = ARPHRD_ETHER, .ifi_index = 7, .ifi_flags = IFF_UP};
	conf[IPV4_DEVCONF_ARP_IGNORE - 1] = 8;
	conf[IPV4_DEVCONF_ARP_ANNOUNCE - 1] = 2;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "fl4.51.2");
	mnl_attr_put_strz(nlh, IFLA_IFALIAS, alias);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	family = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u32(nlh, IFLA_INET6_FLAGS, 1);
	mnl_attr_nest_end(nlh, family);
	family = mnl_attr_nest_start(nlh, AF_INET);
	mnl_attr_put(nlh, IFLA_INET_CONF, settings * sizeof(uint32_t), conf);
	mnl_attr_nest_end(nlh, family);
	mnl_attr_nest_end(nlh, spec);
	return nlh;
}

static void links_are_read(void **state)
{
	char longest[NET_VMAC_ALIAS + 1];
	struct net_vmac_link l;

	(void)state;
	assert_int_equal(net_wire__vmac_link(link_message("x", IPV4_DEVCONF_MAX), &l), 0);
	assert_int_equal(l.link.ifindex, 7);
	assert_string_equal(l.link.name, "fl4.51.2");
	assert_string_equal(l.alias, "x");
	assert_true(l.admin_up && l.arp.known);
	assert_int_equal(l.arp.ignore, 8);
	assert_int_equal(l.arp.announce, 2);
	/* One that ends before them says nothing of them. */
	assert_int_equal(net_wire__vmac_link(link_message("x", IPV4_DEVCONF_ARP_IGNORE - 1), &l),
			 0);
	assert_false(l.arp.known);
	memset(longest, 'a', sizeof(longest));
	longest[NET_VMAC_ALIAS] = '\0';
	assert_int_equal(net_wire__vmac_link(link_message(longest, IPV4_DEVCONF_MAX), &l), 0);
	assert_string_equal(l.alias, "");
	link_message("x", 1)->nlmsg_type = RTM_NEWADDR;
	assert_int_equal(net_wire__vmac_link((struct nlmsghdr *)buf, &l), -EINVAL);
}

/* What is asked for a device is what is read of one. */
static void a_device_is_made(void **state)
{
	const struct net_vmac v = net_vmac__of("main", 51, AF_INET, 2);
	struct nlmsghdr *nlh = net_wire__vmac_make(buf, &v);
	struct net_vmac_link l;

	(void)state;
	assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	((struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_index = 9;
	((struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_type = ARPHRD_ETHER;
	assert_int_equal(net_wire__vmac_link(nlh, &l), 0);
	assert_true(net_vmac__is(&l.link) && !l.admin_up);
	assert_int_equal(l.link.lower, 2);
	nlh = net_wire__vmac_up(buf, 9);
	assert_int_equal(((struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_change, IFF_UP);
}

static void errors_are_sentences(void **state)
{
	static const int codes[] = {-EEXIST, -EADDRINUSE, -EBUSY, -EOPNOTSUPP, -EROFS, -EPERM};
	const struct net_vmac v = net_vmac__of("main", 51, AF_INET, 2);
	char text[200], other[200] = "";

	(void)state;
	net_vmac__explain(0, &v, text);
	assert_string_equal(text, "");
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		net_vmac__explain(codes[i], &v, text);
		assert_true(strlen(text) > 20 && strlen(text) < sizeof(text) - 1);
		assert_string_not_equal(text, other);
		memcpy(other, text, sizeof(other));
	}
	net_vmac__explain(-EADDRINUSE, &v, text);
	assert_non_null(strstr(text, "00:00:5e:00:01:33"));
	net_vmac__explain(-EPERM, &v, text);
	assert_string_equal(text, "cannot make device fl4.51.2: Operation not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses),
		cmocka_unit_test(which_are_ours_by_name),
		cmocka_unit_test(aliases),
		cmocka_unit_test(links_are_read),
		cmocka_unit_test(a_device_is_made),
		cmocka_unit_test(errors_are_sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
