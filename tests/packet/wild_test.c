/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services with a range of ports, any port, or a prefix of addresses; the most specific one has it. */
#include "check.h"
#include "change.h"
#include "maps.h"

#include <arpa/inet.h>
#include <string.h>

#include "fairlead/flowhash.h"

/* Ids of the services here; they are in no bucket of svc_index. */
enum { ANY4 = 10, RANGE4, NARROW4, WIDE4, DEEP4, UDP4, ANY6, DEEP6, LAST };

static const struct rig_gates gates = {.wild = true};
static const struct rig_gates closed = {.wild = false};

static void point(struct rig *r, uint32_t id, uint16_t port, uint8_t proto, uint8_t version)
{
	struct fl_service_key key = rig__key(version, proto, port);
	struct fl_bucket *b = &r->index[fl_service_bucket(rig__key_hash(&key))], saved = *b;

	rig__service(r, id, &key, FL_SLOTS_4K);
	*b = saved;
	rig__point_one(r, id, RIG_L2);
}

static void prefix4(struct rig *r, const uint8_t addr[4], uint32_t bits, const struct fl_vip *v)
{
	uint8_t a[16];

	maps__addr(4, addr, a);
	maps__vip_range(r, a, 96 + bits, v);
}

/*
 * 203.0.113.80: TCP 9000..9099, of which 9050..9059 is another's, else any TCP port; UDP 5000..65535.
 * Around it 203.0.113.0/24 with TCP 1..1023, and 203.0.0.0/16 with any TCP port.
 */
static struct rig *with_services(struct rig_gates g)
{
	const struct fl_vip host = {.ranges = {{9050, 9059, NARROW4, PROTO_TCP, 0},
					       {9000, 9099, RANGE4, PROTO_TCP, 0},
					       {0, 65535, ANY4, PROTO_TCP, 0},
					       {5000, 65535, UDP4, PROTO_UDP, 0}}};
	const struct fl_vip deep = {
		.ranges = {{1, 1023, DEEP4, PROTO_TCP, 0}, {0, 65535, WIDE4, PROTO_TCP, 0}}};
	const struct fl_vip wide = {.ranges = {{0, 65535, WIDE4, PROTO_TCP, 0}}};
	const struct fl_vip any6 = {.ranges = {{0, 65535, ANY6, PROTO_UDP, 0}}};
	const struct fl_vip deep6 = {
		.ranges = {{443, 443, DEEP6, PROTO_UDP, 0}, {0, 65535, ANY6, PROTO_UDP, 0}}};
	struct rig *r = rig__get(g);
	uint8_t net6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 7};

	for (uint32_t id = ANY4; id < ANY6; id++)
		point(r, id, 0, id == UDP4 ? PROTO_UDP : PROTO_TCP, 4);
	point(r, ANY6, 0, PROTO_UDP, 6);
	point(r, DEEP6, 443, PROTO_UDP, 6);
	rig__point(r, RIG_L2);
	prefix4(r, rig_vip4, 32, &host);
	prefix4(r, (uint8_t[4]){203, 0, 113, 0}, 24, &deep);
	prefix4(r, (uint8_t[4]){203, 0, 0, 0}, 16, &wide);
	maps__vip_range(r, net6, 48, &any6);
	net6[7] = 0x80;
	maps__vip_range(r, net6, 57, &deep6);
	return r;
}

static void finds(struct rig *r, const struct spec *s, uint32_t id)
{
	struct spec out = check__sent(r, s, RIG_L2);

	if (id)
		check__becomes(
			r, s, &out,
			(struct want){.verdict = FL_V_SEND_L2, .service = id, .backend = RIG_L2});
	else
		check__becomes(r, s, NULL, (struct want){.verdict = FL_V_PASS_NOT_SERVICE});
}

static void test_ranges(void **state)
{
	static const struct {
		uint16_t port;
		uint32_t id;
	} tcp[] = {{0, ANY4},	    {1, ANY4},	     {8079, ANY4},   {RIG_PORT, RIG_TCP4},
		   {8999, ANY4},    {9000, RANGE4},  {9049, RANGE4}, {9050, NARROW4},
		   {9055, NARROW4}, {9059, NARROW4}, {9060, RANGE4}, {9099, RANGE4},
		   {9100, ANY4},    {65535, ANY4}},
	  udp[] = {{0, 0},	 {4999, 0},	{5000, UDP4},
		   {9050, UDP4}, {65535, UDP4}, {RIG_PORT, RIG_UDP4}};
	struct rig *r = with_services(gates);

	(void)state;
	for (size_t i = 0; i < COUNT(tcp); i++) {
		struct spec s = build__tcp(4);

		s.dport = tcp[i].port;
		finds(r, &s, tcp[i].id);
	}
	for (size_t i = 0; i < COUNT(udp); i++) {
		struct spec s = build__udp(4);

		s.dport = udp[i].port;
		finds(r, &s, udp[i].id);
	}
}

static void test_prefixes(void **state)
{
	static const struct {
		uint8_t addr[4];
		uint16_t port;
		uint32_t id;
	} rows[] = {
		{{203, 0, 113, 81}, 80, DEEP4},
		{{203, 0, 113, 0}, 1023, DEEP4},
		{{203, 0, 113, 255}, 1, DEEP4},
		{{203, 0, 113, 255}, 0, WIDE4},
		{{203, 0, 113, 81}, 1024, WIDE4},
		{{203, 0, 112, 80}, 80, WIDE4},
		{{203, 0, 0, 0}, 9, WIDE4},
		{{203, 0, 255, 255}, 9, WIDE4},
		{{203, 1, 0, 0}, 9, 0},
		{{202, 255, 255, 255}, 9, 0},
		/* The host has no range for it: what is around it has none either. */
		{{203, 0, 113, 80}, 80, ANY4},
	};
	struct rig *r = with_services(gates);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spec s = build__tcp(4);

		memcpy(s.ip.dst, rows[i].addr, 4);
		s.dport = rows[i].port;
		finds(r, &s, rows[i].id);
		/* Another protocol has no service there. */
		s.proto = PROTO_SCTP;
		finds(r, &s, 0);
	}
}

static void test_ipv6(void **state)
{
	struct rig *r = with_services(gates);
	struct spec s = build__udp(6);

	(void)state;
	memcpy(s.ip.dst, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, 0, 7, [15] = 9}, 16);
	s.dport = 443;
	finds(r, &s, ANY6);
	s.ip.dst[7] = 0x80;
	finds(r, &s, DEEP6);
	s.dport = 444;
	finds(r, &s, ANY6);
	s.ip.dst[7] = 0xff;
	s.dport = 443;
	finds(r, &s, DEEP6);
	s.ip.dst[5] = 8;
	finds(r, &s, 0);
	s.ip.dst[5] = 7;
	s.proto = PROTO_TCP;
	finds(r, &s, 0);
}

/* Fifteen ranges, of which the last one is found, and no sixteenth. */
static void test_full_list(void **state)
{
	struct rig *r = with_services(gates);
	struct spec s = build__tcp(4);
	struct fl_vip v = {0};

	(void)state;
	for (uint16_t i = 0; i < FL_VIP_RANGES; i++)
		v.ranges[i] = (struct fl_range){
			.first = (uint16_t)(100 * i),
			.last = (uint16_t)(100 * i + 9),
			.service = i % 2 ? ANY4 : RANGE4,
			.proto = PROTO_TCP,
		};
	prefix4(r, rig_vip4, 32, &v);
	for (uint16_t i = 0; i <= FL_VIP_RANGES; i++) {
		s.dport = (uint16_t)(100 * i + 9);
		finds(r, &s, i == FL_VIP_RANGES ? 0 : i % 2 ? ANY4 : RANGE4);
		s.dport++;
		finds(r, &s, 0);
	}
}

/* The gate is off where there are no such services: nothing looks for them. */
static void test_gate(void **state)
{
	struct rig *r = with_services(closed);
	struct spec s = build__tcp(4);

	(void)state;
	finds(r, &s, RIG_TCP4);
	s.dport = 9000;
	finds(r, &s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_ipv6),   cmocka_unit_test(test_full_list),
		cmocka_unit_test(test_gate),
	};

	return check__table("packet_wild", NULL, 0, tests, COUNT(tests));
}
