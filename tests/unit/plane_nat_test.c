/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose replies are: names of `nat_back`, and who needs records. The pool of full NAT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "plane/nat_back.h"
#include "plane/snat.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr__parse(text, &a), 0);
	return a;
}

/* A service of one port. */
static struct nat_use single(uint16_t service, const char *vip, uint16_t vip_port,
			     const char *backend, uint16_t port)
{
	return (struct nat_use){
		.backend = addr(backend),
		.first = port,
		.last = port,
		.proto = IPPROTO_TCP,
		.one_vip = true,
		.vip = addr(vip),
		.vip_port = vip_port,
		.service = service,
		.index = 100U + service,
	};
}

static struct nat_use wide(uint16_t service, const char *vip, const char *backend, uint16_t first,
			   uint16_t last)
{
	struct nat_use u = single(service, vip, 0, backend, first);

	u.last = last;
	return u;
}

/* The service that the endpoint names; 0: it needs records; -1: there is no entry. */
static int named(const struct nat_entry *list, size_t n, const char *backend, uint16_t port)
{
	struct addr a = addr(backend);

	for (size_t i = 0; i < n; i++) {
		if (memcmp(list[i].key.addr, a.b, 16) == 0 && list[i].key.port == htons(port) &&
		    list[i].key.proto == IPPROTO_TCP)
			return list[i].value.service;
	}
	return -1;
}

/* Whether the address has its entry for fragments, which names nothing. */
static bool has_address(const struct nat_entry *list, size_t n, const char *backend)
{
	static const struct fl_nat_back nothing;
	struct fl_endpoint key = {0};
	struct addr a = addr(backend);

	memcpy(key.addr, a.b, 16);
	for (size_t i = 0; i < n; i++) {
		if (memcmp(&list[i].key, &key, sizeof(key)) == 0)
			return memcmp(&list[i].value, &nothing, sizeof(nothing)) == 0;
	}
	return false;
}

static bool record(const struct nat_use *uses, size_t n, uint16_t service)
{
	for (size_t i = 0; i < n; i++) {
		if (uses[i].service == service)
			return uses[i].record;
	}
	fail();
	return false;
}

static void test_one_service(void **state)
{
	struct nat_use uses[] = {
		single(1, "192.0.2.1", 80, "10.0.0.1", 8080),
		single(1, "192.0.2.1", 80, "10.0.0.2", 8080),
		single(2, "192.0.2.2", 80, "10.0.0.1", 8081),
	};
	const struct fl_nat_back *v;
	struct nat_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(nat_back__build(uses, 3, &list, &n), 0);
	assert_int_equal(n, 5);
	assert_true(has_address(list, n, "10.0.0.1") && has_address(list, n, "10.0.0.2"));
	assert_int_equal(named(list, n, "10.0.0.1", 8080), 1);
	assert_int_equal(named(list, n, "10.0.0.2", 8080), 1);
	assert_int_equal(named(list, n, "10.0.0.1", 8081), 2);
	for (size_t i = 0; i < 3; i++)
		assert_false(uses[i].record);
	v = &list[1].value;
	assert_memory_equal(v->vip, uses[0].vip.b, 16);
	assert_int_equal(v->port, htons(80));
	assert_int_equal(v->backend, 101);
	free(list);
}

static void test_two_services(void **state)
{
	struct nat_use uses[] = {
		single(1, "192.0.2.1", 80, "10.0.0.1", 80),
		single(2, "192.0.2.2", 80, "10.0.0.1", 80),
		single(2, "192.0.2.2", 80, "10.0.0.2", 80),
	};
	struct nat_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(nat_back__build(uses, 3, &list, &n), 0);
	assert_int_equal(named(list, n, "10.0.0.1", 80), 0);
	assert_int_equal(named(list, n, "10.0.0.2", 80), 2);
	assert_true(record(uses, 3, 1));
	free(list);
}

/* The same port of two protocols is two places. */
static void test_protocols(void **state)
{
	struct nat_use uses[] = {
		single(1, "192.0.2.1", 53, "10.0.0.1", 53),
		single(2, "192.0.2.2", 53, "10.0.0.1", 53),
	};
	struct nat_entry *list;
	size_t n;

	(void)state;
	uses[1].proto = IPPROTO_UDP;
	assert_int_equal(nat_back__build(uses, 2, &list, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(named(list, n, "10.0.0.1", 53), 1);
	assert_false(uses[0].record || uses[1].record);
	free(list);
}

/* A new service in an old one's place says the same of replies. */
static void test_successor(void **state)
{
	struct nat_use uses[] = {
		single(1, "192.0.2.1", 80, "10.0.0.1", 80),
		single(9, "192.0.2.1", 80, "10.0.0.1", 80),
	};
	struct nat_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(nat_back__build(uses, 2, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(named(list, n, "10.0.0.1", 80), 9);
	assert_false(uses[0].record || uses[1].record);
	free(list);
}

/* A VIP that is a prefix, or a range of ports: replies do not tell which. */
static void test_nameless(void **state)
{
	struct nat_use uses[] = {
		single(1, "192.0.2.0", 80, "10.0.0.1", 80),
		wide(2, "192.0.2.2", "10.0.0.2", 8000, 8999),
	};
	struct nat_entry *list;
	size_t n;

	(void)state;
	uses[0].one_vip = false;
	assert_int_equal(nat_back__build(uses, 2, &list, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(named(list, n, "10.0.0.1", 80), 0);
	assert_true(uses[0].record && uses[1].record);
	free(list);
}

/* What a backend of any port sends need not be a reply: its own connections leave from these ports. */
static void test_any_port(void **state)
{
	struct nat_use uses[] = {wide(1, "192.0.2.1", "10.0.0.1", 0, 65535)};
	struct nat_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(nat_back__build(uses, 1, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_true(has_address(list, n, "10.0.0.1"));
	assert_true(uses[0].record);
	free(list);
}

/* Any port, and one port of another service: that one port needs records, of both. */
static void test_any_and_single(void **state)
{
	struct nat_use uses[] = {
		wide(1, "192.0.2.1", "10.0.0.1", 0, 65535),
		single(2, "192.0.2.2", 80, "10.0.0.1", 80),
	};
	struct nat_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(nat_back__build(uses, 2, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_true(has_address(list, n, "10.0.0.1"));
	assert_int_equal(named(list, n, "10.0.0.1", 80), 0);
	assert_true(record(uses, 2, 1) && record(uses, 2, 2));
	free(list);
}

/* Where a range lies, nobody else has a name: not any port, not a port inside; outside, yes. */
static void test_range_beside_others(void **state)
{
	struct nat_use uses[] = {
		wide(1, "192.0.2.1", "10.0.0.1", 8000, 8999),
		wide(2, "192.0.2.2", "10.0.0.1", 0, 65535),
		single(3, "192.0.2.3", 80, "10.0.0.1", 8080),
		single(4, "192.0.2.4", 80, "10.0.0.2", 80),
	};
	struct nat_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(nat_back__build(uses, 4, &list, &n), 0);
	assert_int_equal(named(list, n, "10.0.0.1", 8080), 0);
	assert_int_equal(named(list, n, "10.0.0.2", 80), 4);
	assert_true(record(uses, 4, 1) && record(uses, 4, 2) && record(uses, 4, 3));
	assert_false(record(uses, 4, 4));
	free(list);
}

static void test_sorted(void **state)
{
	struct nat_use uses[] = {
		single(1, "192.0.2.1", 80, "10.0.0.9", 1),
		single(1, "192.0.2.1", 80, "10.0.0.1", 2),
		single(1, "192.0.2.1", 80, "10.0.0.5", 300),
		single(2, "192.0.2.2", 80, "10.0.0.5", 2),
	};
	struct nat_entry *list;
	size_t n;

	(void)state;
	assert_int_equal(nat_back__build(uses, 4, &list, &n), 0);
	assert_int_equal(n, 7);
	for (size_t i = 1; i < n; i++)
		assert_true(memcmp(&list[i - 1].key, &list[i].key, sizeof(list->key)) < 0);
	free(list);
}

static void test_pool(void **state)
{
	struct addr four[] = {addr("10.0.0.1"), addr("10.0.0.2"), addr("10.0.0.3")};
	struct plane_snat s = {.addrs4 = four, .n4 = 3, .port_first = 1024, .port_last = 32767};
	struct fl_snat out = snat__fill(&s, 6);

	(void)state;
	assert_int_equal(out.n4, 3);
	assert_int_equal(out.n6, 0);
	assert_int_equal(out.port_first, 1024);
	assert_int_equal(out.span, 31744 / 6);
	/* No place is empty: a reader may see a count and addresses of different times. */
	for (size_t i = 0; i < FL_SNAT_ADDRS; i++)
		assert_int_equal(out.addr4[i], htonl(0x0a000001U + (uint32_t)(i % 3)));
	s.port_first = 1;
	s.port_last = 65535;
	assert_int_equal(snat__fill(&s, 1).span, 65535);
}

/* Parts of all machines: equal, within the whole, none in two, whoever asks. */
static void test_parts(void **state)
{
	static struct addr machines[32];

	(void)state;
	for (size_t n = 1; n <= 32; n++) {
		uint32_t sum = 0;

		for (size_t i = 0; i < n; i++)
			machines[i] = addr__from_bytes(
				AF_INET, (uint8_t[4]){192, 0, 2, (uint8_t)(i * 37 % 101)});
		for (size_t i = 0; i < n; i++) {
			const struct addr *others[32];
			struct snat_part p;
			size_t m = 0, rank = 0;

			/* In another order on each machine. */
			for (size_t j = 1; j < n; j++)
				others[m++] = &machines[(i + j) % n];
			for (size_t j = 0; j < n; j++)
				rank += memcmp(machines[j].b, machines[i].b, 16) < 0;
			p = snat__part(1024, 32767, &machines[i], others, m);
			assert_int_equal(p.first, 1024 + rank * (31744 / n));
			assert_int_equal(p.last - p.first + 1, 31744 / n);
			assert_true(p.last <= 32767);
			sum += (uint32_t)(p.last - p.first + 1);
		}
		assert_true(sum <= 31744 && sum > 31744 - n);
	}
	assert_int_equal(snat__part(1, 65535, &machines[0], NULL, 0).last, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_service),    cmocka_unit_test(test_two_services),
		cmocka_unit_test(test_protocols),      cmocka_unit_test(test_successor),
		cmocka_unit_test(test_nameless),       cmocka_unit_test(test_any_port),
		cmocka_unit_test(test_any_and_single), cmocka_unit_test(test_range_beside_others),
		cmocka_unit_test(test_sorted),	       cmocka_unit_test(test_pool),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
