/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The content of `vips`: which ranges a prefix has, in which order, and who answers echo requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plane/vips.h"

static struct vip_use use(const char *net, uint16_t first, uint16_t last, uint16_t service)
{
	struct vip_use u = {.first = first, .last = last, .proto = IPPROTO_TCP, .service = service};

	assert_int_equal(addr__parse_net(net, &u.vip), 0);
	u.wild = u.vip.len != 128 || first != last;
	return u;
}

/* "8:80-89 7:0-65535 echo": the entry of a prefix, or "none". */
static const char *told(const struct vip_entry *list, size_t n, const char *net)
{
	static char text[512];
	struct addr_prefix p;
	size_t at = 0;

	assert_int_equal(addr__parse_net(net, &p), 0);
	for (size_t i = 0; i < n; i++) {
		const struct fl_vip *v = &list[i].value;

		if (list[i].key.prefixlen != p.len || memcmp(list[i].key.addr, p.addr.b, 16) != 0)
			continue;
		text[0] = '\0';
		for (size_t r = 0; r < FL_VIP_RANGES && v->ranges[r].service; r++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u:%u-%u",
					       r ? " " : "", v->ranges[r].service,
					       v->ranges[r].first, v->ranges[r].last);
		if (v->flags & FL_VIP_ECHO)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%secho",
					       at ? " " : "");
		if (v->flags & FL_VIP_GROUP)
			snprintf(text + at, sizeof(text) - at, "%sgroup", at ? " " : "");
		return text;
	}
	return "none";
}

static void test_no_services(void **state)
{
	struct vip_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(vips__build(NULL, 0, &list, &n), 0);
	assert_int_equal(n, 0);
	free(list);
}

/* One address and port is found by svc_index: the entry is there for ICMP and fragments alone. */
static void test_exact(void **state)
{
	struct vip_use uses[] = {use("192.0.2.1", 80, 80, 1), use("192.0.2.1", 443, 443, 2)};
	struct vip_entry *list;
	size_t n;

	(void)state;
	uses[1].echo = uses[0].group = true;
	assert_int_equal(vips__build(uses, 2, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(told(list, n, "192.0.2.1"), "echo group");
	free(list);
}

static void test_order_of_ranges(void **state)
{
	struct vip_use uses[] = {
		use("192.0.2.1", 0, 65535, 1),
		use("192.0.2.1", 8000, 8009, 2),
		use("192.0.2.1", 7000, 7009, 3),
		use("192.0.2.1", 8000, 8999, 4),
	};
	struct vip_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(vips__build(uses, 4, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(told(list, n, "192.0.2.1"),
			    "3:7000-7009 2:8000-8009 4:8000-8999 1:0-65535");
	free(list);
}

/* A prefix has what is around it, after its own; its neighbours have not; echo is not inherited. */
static void test_nested(void **state)
{
	struct vip_use uses[] = {
		use("10.0.0.0/8", 0, 65535, 1),	 use("10.1.0.0/16", 80, 80, 2),
		use("10.1.2.3", 8080, 8089, 3),	 use("10.1.2.4", 443, 443, 4),
		use("10.2.0.0/16", 80, 80, 5),	 use("11.0.0.1", 1, 2, 6),
		use("2001:db8::/32", 80, 80, 7),
	};
	struct vip_entry *list;
	size_t n;

	(void)state;
	uses[0].echo = true;
	assert_int_equal(vips__build(uses, 7, &list, &n), 0);
	assert_int_equal(n, 7);
	assert_string_equal(told(list, n, "10.0.0.0/8"), "1:0-65535 echo");
	assert_string_equal(told(list, n, "10.1.0.0/16"), "2:80-80 1:0-65535");
	assert_string_equal(told(list, n, "10.1.2.3"), "3:8080-8089 2:80-80 1:0-65535");
	assert_string_equal(told(list, n, "10.1.2.4"), "2:80-80 1:0-65535");
	assert_string_equal(told(list, n, "10.2.0.0/16"), "5:80-80 1:0-65535");
	assert_string_equal(told(list, n, "11.0.0.1"), "6:1-2");
	assert_string_equal(told(list, n, "2001:db8::/32"), "7:80-80");
	free(list);
}

/* The same content whatever the order of the services is, and sorted by key. */
static void test_pure(void **state)
{
	struct vip_use a[] = {use("10.0.0.0/8", 80, 80, 1), use("10.1.0.0/16", 1, 9, 2),
			      use("10.1.0.1", 5, 6, 3)};
	struct vip_use b[] = {a[2], a[0], a[1]};
	struct vip_entry *list, *again;
	size_t n, m;

	(void)state;
	assert_int_equal(vips__build(a, 3, &list, &n), 0);
	assert_int_equal(vips__build(b, 3, &again, &m), 0);
	assert_int_equal(n, 3);
	assert_int_equal(m, 3);
	assert_memory_equal(list, again, n * sizeof(*list));
	for (size_t i = 1; i < n; i++)
		assert_true(memcmp(&list[i - 1].key, &list[i].key, sizeof(list->key)) < 0);
	free(list);
	free(again);
}

static void test_full(void **state)
{
	struct vip_use uses[FL_VIP_RANGES + 1];
	struct vip_entry *list = NULL;
	size_t n;

	(void)state;
	for (uint16_t i = 0; i <= FL_VIP_RANGES; i++)
		uses[i] = use(i % 2 ? "10.0.0.0/8" : "10.0.0.1", (uint16_t)(10 * i),
			      (uint16_t)(10 * i + 5), (uint16_t)(i + 1));
	assert_int_equal(vips__build(uses, FL_VIP_RANGES, &list, &n), 0);
	free(list);
	list = NULL;
	assert_int_equal(vips__build(uses, FL_VIP_RANGES + 1, &list, &n), -E2BIG);
	assert_null(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_services),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_order_of_ranges),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_pure),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
