/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/addr.h"

/* A text, and what it is written as afterwards; NULL: refused. */
static const struct {
	const char *text, *again;
	int family;
} addresses[] = {
	{"192.0.2.1", "192.0.2.1", AF_INET},
	{"0.0.0.0", "0.0.0.0", AF_INET},
	{"255.255.255.255", "255.255.255.255", AF_INET},
	{"::ffff:192.0.2.1", "192.0.2.1", AF_INET},
	{"2001:DB8:0:0::1", "2001:db8::1", AF_INET6},
	{"::", "::", AF_INET6},
	{"::1", "::1", AF_INET6},
	{"", NULL, 0},
	{"192.0.2", NULL, 0},
	{"192.0.2.256", NULL, 0},
	{"192.0.2.01", NULL, 0},
	{" 192.0.2.1", NULL, 0},
	{"192.0.2.1 ", NULL, 0},
	{"192.0.2.1/32", NULL, 0},
	{"[2001:db8::1]", NULL, 0},
	{"fe80::1%eth0", NULL, 0},
	{"2001:db8::1::2", NULL, 0},
	{"example.org", NULL, 0},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct addr a, before;
		char text[ADDR_STRLEN];

		memset(&a, 0xa5, sizeof(a));
		before = a;
		if (!addresses[i].again) {
			assert_int_equal(addr__parse(addresses[i].text, &a), -EINVAL);
			assert_true(addr__equal(&a, &before));
			continue;
		}
		assert_int_equal(addr__parse(addresses[i].text, &a), 0);
		assert_ptr_equal(addr__format(&a, text), text);
		assert_string_equal(text, addresses[i].again);
		assert_int_equal(addr__family(&a), addresses[i].family);
		assert_int_equal(addr__is4(&a), addresses[i].family == AF_INET);
	}
}

/* A text and the length of its 128-bit form; -1: refused. */
static const struct {
	const char *text;
	int len;
} prefixes[] = {
	{"192.0.2.0/24", 120},
	{"0.0.0.0/0", 96},
	{"192.0.2.1/32", 128},
	{"2001:db8::/64", 64},
	{"::/0", 0},
	{"2001:db8::1/128", 128},
	{"2001:db8:0:1::/63", -1},
	{"192.0.2.1/24", -1},
	{"192.0.2.0/33", -1},
	{"2001:db8::/129", -1},
	{"192.0.2.0", -1},
	{"192.0.2.0/", -1},
	{"192.0.2.0/-1", -1},
	{"192.0.2.0/+8", -1},
	{"192.0.2.0/ 8", -1},
	{"192.0.2.0/24x", -1},
	{"192.0.2.0/24/24", -1},
	{"192.0.2.0/99999999999999999999999999", -1},
	{"/24", -1},
	{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64", -1},
};

static void test_parse_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		struct addr_prefix p = {.len = 7};

		if (prefixes[i].len < 0) {
			assert_int_equal(addr__parse_prefix(prefixes[i].text, &p), -EINVAL);
			assert_int_equal(p.len, 7);
		} else {
			assert_int_equal(addr__parse_prefix(prefixes[i].text, &p), 0);
			assert_int_equal(p.len, prefixes[i].len);
		}
	}
}

/* A prefix as it is read and written again, an address in it, one outside (NULL: there is none). */
static const struct {
	const char *text, *again, *inside, *outside;
} nets[] = {
	{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.0"},
	{"192.0.2.1/32", "192.0.2.1", "192.0.2.1", "192.0.2.3"},
	{"192.0.2.16/28", "192.0.2.16/28", "192.0.2.31", "192.0.2.32"},
	{"10.0.0.0/8", "10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
	{"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", "::1"},
	{"2001:db8::/63", "2001:db8::/63", "2001:db8:0:1:ffff::", "2001:db8:0:2::"},
	{"2001:db8::1/128", "2001:db8::1", "2001:db8::1", "2001:db8::"},
	{"::/0", "::/0", "192.0.2.1", NULL},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "::"},
};

static void test_nets(void **state)
{
	struct addr_prefix p = {.len = 7}, again;
	char text[ADDR_PREFIX_STRLEN];
	struct addr a;

	(void)state;
	assert_int_equal(addr__parse_net("192.0.2.1/24", &p), -EINVAL);
	assert_int_equal(addr__parse_net("192.0.2", &p), -EINVAL);
	assert_int_equal(addr__parse_net("", &p), -EINVAL);
	assert_int_equal(p.len, 7);
	for (size_t i = 0; i < sizeof(nets) / sizeof(*nets); i++) {
		assert_int_equal(addr__parse_net(nets[i].text, &p), 0);
		assert_ptr_equal(addr_prefix__format(&p, text), text);
		assert_string_equal(text, nets[i].again);
		assert_int_equal(addr__parse_net(text, &again), 0);
		assert_true(addr_prefix__equal(&p, &again));
		assert_int_equal(addr__parse(nets[i].inside, &a), 0);
		assert_true(addr_prefix__holds(&p, &a));
		if (!nets[i].outside)
			continue;
		assert_int_equal(addr__parse(nets[i].outside, &a), 0);
		assert_false(addr_prefix__holds(&p, &a));
	}
	again.len = 1;
	assert_false(addr_prefix__equal(&p, &again));
}

static void test_bytes(void **state)
{
	static const uint8_t v4[] = {192, 0, 2, 1}, v6[16] = {0x20, 1, [15] = 9};
	struct addr a = addr__from_bytes(AF_INET, v4), b = addr__from_bytes(AF_INET6, v6);
	size_t len;

	(void)state;
	assert_memory_equal(addr__bytes(&a, &len), v4, 4);
	assert_int_equal(len, 4);
	assert_memory_equal(addr__bytes(&b, &len), v6, 16);
	assert_int_equal(len, 16);
	assert_false(addr__equal(&a, &b));
}

static void test_sockaddr(void **state)
{
	struct sockaddr_storage ss;
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)&ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;
	struct addr a;

	(void)state;
	assert_int_equal(addr__parse("192.0.2.1", &a), 0);
	assert_int_equal(addr__sockaddr(&a, 80, &ss), sizeof(*in4));
	assert_int_equal(in4->sin_family, AF_INET);
	assert_int_equal(ntohs(in4->sin_port), 80);
	assert_int_equal(ntohl(in4->sin_addr.s_addr), 0xc0000201);
	assert_int_equal(addr__parse("2001:db8::1", &a), 0);
	assert_int_equal(addr__sockaddr(&a, 65535, &ss), sizeof(*in6));
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(in6->sin6_port), 65535);
	assert_memory_equal(&in6->sin6_addr, a.b, 16);
	assert_int_equal(in6->sin6_scope_id, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	 cmocka_unit_test(test_parse_prefix),
		cmocka_unit_test(test_nets),	 cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
