/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model against numbers that it did not make: examples of RFCs, frames that scapy built, hashes
 * worked out with big integers. And what the differential test cannot turn: the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "internal.h"
#include "net.h"

static struct world w;

static int setup(void **state)
{
	(void)state;
	fixture__make(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world__free(&w);
	return 0;
}

static void from_hex(const char *hex, struct frame *out)
{
	unsigned int byte;

	for (out->len = 0; sscanf(hex + 2 * out->len, "%2x", &byte) == 1; out->len++)
		out->b[out->len] = (uint8_t)byte;
}

/* RFC 1071 3: its example of a sum; and of an odd number of bytes. */
static void sum_of_rfc_1071(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal((uint16_t)~sum_fold(sum16(bytes, 8)), 0xddf2);
	assert_int_equal((uint16_t)~sum_fold(sum16(bytes, 7)), 0xdcfb);
}

static void hashes(void **state)
{
	struct desc d = fixture__to(FL_FWD_IPIP4, 4, PROTO_TCP);
	uint32_t id = fixture__index(FL_FWD_IPIP4, 4);

	(void)state;
	assert_true(pick__hash(&w, id, 4, d.saddr, d.daddr, d.sport, d.dport, 6) ==
		    0x34245d3c72a99934ULL);
	w.services[id].affinity = FL_AFF_SOURCE;
	assert_true(pick__hash(&w, id, 4, d.saddr, d.daddr, d.sport, d.dport, 6) ==
		    0x49d6a468ee087301ULL);
	w.services[id].affinity = FL_AFF_SOURCE_PORT;
	assert_true(pick__hash(&w, id, 4, d.saddr, d.daddr, d.sport, d.dport, 6) ==
		    0x97560b6c35816b92ULL);
	d = fixture__to(FL_FWD_GUE6, 6, PROTO_UDP);
	id = fixture__index(FL_FWD_GUE6, 6);
	assert_true(pick__hash(&w, id, 6, d.saddr, d.daddr, d.sport, d.dport, 17) ==
		    0xbc7dc4dd1f2478d5ULL);
}

/* A frame and what becomes of it, both from scapy 2.5. */
static const struct vector {
	const char *name;
	enum fl_verdict verdict;
	const char *in, *out;
} vectors[] = {
	{"4in4, DSCP and ECN copied", FL_V_SEND_IPIP,
	 "02000000aa0102000000bb02080045b9002c432140003d06f789c6120005cb0071509c411f42010203040506"
	 "0708500272105bac0000030a1118",
	 "020000020000020000010000080045b90040000040004004fd7e0a4d24340a00040245b9002c432140003c06"
	 "f889c6120005cb0071509c411f420102030405060708500272105bac0000030a1118"},
	{"6 in GUE over IPv6, with a checksum", FL_V_SEND_GUE,
	 "02000000aa0102000000bb0286dd62e00000000c113d20010db802000000000000000000000520010db80001"
	 "000000000000000000809c411f45000cd235030a1118",
	 "02000005000002000001000086dd62ebc7dc00401140fd0100000000000000000000ddc47dbcfd0900000000"
	 "00000000000000000005fc7d17c00040216a0029000062e00000000c113c20010db802000000000000000000"
	 "000520010db80001000000000000000000809c411f45000cd235030a1118"},
	{"NAT of UDP", FL_V_SEND_NAT,
	 "02000000aa0102000000bb02080045000020432140003d11f843c6120005cb0071509c411f46000c2dc4030a"
	 "1118",
	 "020000060000020000010000080045000020432140003c11278fc61200050a0004069c4120fb000c5a5a030a"
	 "1118"},
	{"reply of TCP over IPv6", FL_V_SEND_REPLY,
	 "02000000aa0102000000bb0286dd600000000018063dfd09000000000000000000000000000620010db80200"
	 "0000000000000000000520fb9c410102030405060708501272102f7e0000030a1118",
	 "020000fecc0102000000ee0186dd600000000018063c20010db800010000000000000000008020010db80200"
	 "000000000000000000051f469c4101020304050607085012721000090000030a1118"},
	{"echo", FL_V_SEND_ECHO,
	 "02000000aa0102000000bb02080045000020432140003d01f853c6120005cb0071500800d1a812340001030a"
	 "1118",
	 "02000000bb0202000000aa01080045000020432140004001f553cb007150c61200050000d9a812340001030a"
	 "1118"},
};

static void by_scapy(void **state)
{
	static struct frame in, want;
	static struct outcome got;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		from_hex(vectors[i].in, &in);
		from_hex(vectors[i].out, &want);
		fixture__run(&w, &in, &got);
		if (got.verdict != vectors[i].verdict)
			fail_msg("%s: %s", vectors[i].name, model__name(got.verdict));
		assert_int_equal(got.out.len, want.len);
		assert_memory_equal(got.out.b, want.b, want.len);
	}
}

static enum fl_verdict run_at(const struct frame *in, uint64_t ms)
{
	const struct moment at = {.now_ns = ms * 1000000, .ingress = w.ports[NET_A].ifindex};
	static struct outcome out;

	model__run(&w, in, &at, &out);
	return out.verdict;
}

/* RFC 1141 and 1624 3: the sum 0xffff of a header is written as 0. */
static void ttl_wraps(void **state)
{
	struct desc d = fixture__to(FL_FWD_IPIP4, 4, PROTO_TCP);
	static struct frame in;
	static struct outcome out;
	struct layout at;

	(void)state;
	write__frame(&d, &in, &at);
	/* An id that makes the right checksum 0xfeff. */
	put16(in.b + at.l3 + 10, 0);
	for (uint32_t id = 0; sum_fold(sum16(in.b + at.l3, 20)) != 0xfeff; id++)
		put16(in.b + at.l3 + 4, id);
	put16(in.b + at.l3 + 10, 0xfeff);
	fixture__run(&w, &in, &out);
	assert_int_equal(out.verdict, FL_V_SEND_IPIP);
	assert_int_equal(get16(out.out.b + at.l3 + 20 + 10), 0);
}

/* A way of fragments is good for 30 seconds. */
static void fragments_age(void **state)
{
	struct desc d = fixture__to(FL_FWD_L2, 4, PROTO_UDP);
	static struct frame whole, first, later;
	struct layout at;

	(void)state;
	d.fragment = true;
	d.df = false;
	write__frame(&d, &whole, &at);
	write__fragment(&whole, &at, 4, 0, 16, &first);
	write__fragment(&whole, &at, 4, 16, at.end - at.l4, &later);
	assert_int_equal(run_at(&later, 100000), FL_V_DROP_FRAGMENT);
	assert_int_equal(run_at(&first, 100000), FL_V_SEND_L2);
	assert_int_equal(run_at(&later, 130000), FL_V_SEND_L2);
	assert_int_equal(run_at(&later, 131000), FL_V_DROP_FRAGMENT);
}

/* GCRA: a burst, then one event a gap; what is over takes nothing. */
static void limit_refills(void **state)
{
	uint32_t id = fixture__index(FL_FWD_L2, 4);
	struct desc d = fixture__to(FL_FWD_L2, 4, PROTO_TCP);
	static struct frame in;
	struct layout at;

	(void)state;
	write__frame(&d, &in, &at);
	w.services[id].flags = FL_SVC_LIMITS;
	w.limits[id].limit[FL_METER_SVC_NEW] =
		(struct fl_limit){.gap_ns = 100000000, .burst_ns = 200000000};
	for (int i = 0; i < 3; i++)
		assert_int_equal(run_at(&in, 10000), FL_V_SEND_L2);
	for (int i = 0; i < 9; i++)
		assert_int_equal(run_at(&in, 10000), FL_V_DROP_SVC_NEW);
	assert_int_equal(run_at(&in, 10099), FL_V_DROP_SVC_NEW);
	assert_int_equal(run_at(&in, 10100), FL_V_SEND_L2);
	assert_int_equal(run_at(&in, 10100), FL_V_DROP_SVC_NEW);
	in.b[at.l4 + 13] = 0x10; /* not a new connection */
	assert_int_equal(run_at(&in, 10100), FL_V_SEND_L2);
}

/* A full NAT flow: an ACK needs its record; a SYN has another source after the flow's end. */
static void fullnat_lives(void **state)
{
	struct desc d = fixture__to(FL_FWD_FULLNAT, 4, PROTO_TCP);
	static struct frame syn, ack;
	struct layout at;

	(void)state;
	write__frame(&d, &syn, &at);
	d.flags = 0x10;
	write__frame(&d, &ack, &at);
	assert_int_equal(run_at(&ack, 1000), FL_V_DROP_NAT_UNKNOWN);
	assert_int_equal(run_at(&syn, 1000), FL_V_SEND_FULLNAT);
	assert_int_equal(w.nat_flows.n, 2);
	assert_int_equal(run_at(&ack, 70000), FL_V_SEND_FULLNAT);
	assert_int_equal(w.nat_flows.n, 2);
	/* Its backend gone, the record is void. */
	w.backends[fixture__index(FL_FWD_FULLNAT, 4)].addr[15] ^= 1;
	assert_int_equal(run_at(&ack, 70000), FL_V_DROP_NAT_UNKNOWN);
	assert_int_equal(run_at(&syn, 70000), FL_V_SEND_FULLNAT);
	assert_int_equal(w.nat_flows.n, 2);
}

/* The longest prefix decides, in it the first range. */
static void wild_services(void **state)
{
	uint8_t addr[16];

	(void)state;
	w.gates.wild = true;
	w.vips[w.n_vips].key.prefixlen = 96 + 24;
	addr_map4(w.vips[w.n_vips].key.addr, (uint8_t[4]){203, 0, 114, 0});
	w.vips[w.n_vips].value.ranges[0] =
		(struct fl_range){.first = 80, .last = 90, .service = 1, .proto = PROTO_TCP};
	w.vips[w.n_vips++].value.ranges[1] =
		(struct fl_range){.first = 0, .last = 65535, .service = 3, .proto = PROTO_TCP};
	addr_map4(addr, (uint8_t[4]){203, 0, 114, 7});
	assert_int_equal(world__service(&w, addr, 79, PROTO_TCP), 3);
	assert_int_equal(world__service(&w, addr, 80, PROTO_TCP), 1);
	assert_int_equal(world__service(&w, addr, 90, PROTO_TCP), 1);
	assert_int_equal(world__service(&w, addr, 91, PROTO_TCP), 3);
	assert_int_equal(world__service(&w, addr, 80, PROTO_UDP), 0);
	w.gates.wild = false;
	assert_int_equal(world__service(&w, addr, 80, PROTO_TCP), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sum_of_rfc_1071), TEST(hashes),	    TEST(by_scapy),
		TEST(ttl_wraps),       TEST(fragments_age), TEST(limit_refills),
		TEST(fullnat_lives),   TEST(wild_services),
	};

	return cmocka_run_group_tests_name("model itself", tests, NULL, NULL);
}
