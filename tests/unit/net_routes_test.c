/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink messages about the agent's own routes: byte by byte, and what is read of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "net/internal.h"
#include "net/routes.h"

static char buf[NET_BUF] __attribute__((aligned(NLMSG_ALIGNTO)));

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	assert_int_equal(addr__parse_net(text, &p), 0);
	return p;
}

/* The payload of an attribute; fails when it is not there. */
static const void *attribute(const struct nlmsghdr *nlh, uint16_t type, size_t len)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(attr) != type)
			continue;
		assert_int_equal(mnl_attr_get_payload_len(attr), len);
		return mnl_attr_get_payload(attr);
	}
	fail_msg("no attribute %u", type);
	return NULL;
}

static void check_request(bool add, uint32_t table, const char *text, uint8_t family, uint8_t len)
{
	struct addr_prefix p = prefix(text);
	struct nlmsghdr *nlh = net_wire__set_route(buf, add, table, &p);
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	size_t n;
	const uint8_t *raw = addr__bytes(&p.addr, &n);

	assert_int_equal(nlh->nlmsg_type, add ? RTM_NEWROUTE : RTM_DELROUTE);
	assert_int_equal(nlh->nlmsg_flags,
			 NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
	assert_int_equal(rtm->rtm_family, family);
	assert_int_equal(rtm->rtm_dst_len, len);
	assert_int_equal(rtm->rtm_protocol, 118);
	assert_int_equal(rtm->rtm_type, RTN_BLACKHOLE);
	assert_int_equal(rtm->rtm_table, table < 256 ? table : RT_TABLE_UNSPEC);
	assert_memory_equal(attribute(nlh, RTA_TABLE, 4), &table, 4);
	assert_memory_equal(attribute(nlh, RTA_DST, n), raw, n);
}

static void test_requests(void **state)
{
	(void)state;
	check_request(true, 118, "192.0.2.10", AF_INET, 32);
	check_request(false, 118, "192.0.2.0/24", AF_INET, 24);
	check_request(true, 4294967295, "2001:db8::/32", AF_INET6, 32);
	check_request(false, 255, "2001:db8::1", AF_INET6, 128);
}

/* As the kernel answers: what was asked to be added. */
static struct nlmsghdr *answer(uint32_t table, const char *text)
{
	struct addr_prefix p = prefix(text);

	return net_wire__set_route(buf, true, table, &p);
}

static void test_own_routes(void **state)
{
	static const char *const texts[] = {"192.0.2.10", "192.0.2.0/24", "2001:db8::/32",
					    "2001:db8::1", "0.0.0.0/0"};
	char text[ADDR_PREFIX_STRLEN];
	struct addr_prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(net_wire__own_route(answer(1000, texts[i]), 1000, &p), 0);
		assert_string_equal(addr_prefix__format(&p, text), texts[i]);
		assert_int_equal(net_wire__own_route(answer(118, texts[i]), 118, &p), 0);
		assert_int_equal(net_wire__own_route(answer(118, texts[i]), 119, &p), -EINVAL);
		assert_int_equal(net_wire__own_route(answer(1000, texts[i]), 232, &p), -EINVAL);
	}
}

/* What is another's, or is no such route, is not ours to remove. */
static void test_others_routes(void **state)
{
	struct addr_prefix p, before;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	(void)state;
	memset(&p, 0x5a, sizeof(p));
	before = p;
	for (int i = 0; i < 5; i++) {
		nlh = answer(118, "192.0.2.10");
		rtm = mnl_nlmsg_get_payload(nlh);
		if (i == 0)
			rtm->rtm_protocol = RTPROT_STATIC;
		else if (i == 1)
			rtm->rtm_type = RTN_UNICAST;
		else if (i == 2)
			rtm->rtm_family = AF_UNSPEC;
		else if (i == 3)
			rtm->rtm_dst_len = 33;
		else
			nlh->nlmsg_type = RTM_DELROUTE;
		assert_int_equal(net_wire__own_route(nlh, 118, &p), -EINVAL);
	}
	nlh = answer(118, "192.0.2.10");
	nlh->nlmsg_len = NLMSG_HDRLEN + sizeof(*rtm) - 1;
	assert_int_equal(net_wire__own_route(nlh, 118, &p), -EINVAL);
	assert_memory_equal(&p, &before, sizeof(p));
}

static void test_dump(void **state)
{
	struct nlmsghdr *nlh = net_wire__ask_own_routes(buf, AF_INET6, 118);
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const uint32_t table = 118;

	(void)state;
	assert_int_equal(nlh->nlmsg_type, RTM_GETROUTE);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	assert_int_equal(rtm->rtm_family, AF_INET6);
	assert_int_equal(rtm->rtm_protocol, 118);
	assert_memory_equal(attribute(nlh, RTA_TABLE, 4), &table, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_own_routes),
		cmocka_unit_test(test_others_routes),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
