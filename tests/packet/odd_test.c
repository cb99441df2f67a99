/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Odd but right packets, and that no gate changes what becomes of plain ones. */
#include "check.h"
#include "change.h"
#include "maps.h"

#include <arpa/inet.h>
#include <string.h>

static const struct rig_gates all_gates = {
	.lease = true,
	.wild = true,
	.sources = true,
	.limits = true,
	.nat = true,
	.jumbo = true,
	.events = true,
};

static const struct packet_case rows[] = {
	COMMON_ROWS("all gates: l2", FL_V_SEND_L2, RIG_L2),
	COMMON_ROWS("all gates: outer IPv4", FL_V_SEND_IPIP, RIG_IPIP4),
	COMMON_ROWS("all gates: outer IPv6", FL_V_SEND_IPIP, RIG_IPIP6),
	COMMON_ROWS("all gates: GUE over IPv4", FL_V_SEND_GUE, RIG_GUE4),
	COMMON_ROWS("all gates: GUE over IPv6", FL_V_SEND_GUE, RIG_GUE6),
	COMMON_ROWS("all gates: nat", FL_V_SEND_NAT, RIG_NAT4),
	EVERY("all gates: TTL 1", change__ttl_1, FL_V_DROP_TTL, RIG_GUE6),
	EVERY("all gates: three tags", change__three_tags, FL_V_PASS_NOT_IP, 0),
};

/* Every combination of TCP's flags is forwarded: what it means is for the ends to say. */
static void test_tcp_flags(void **state)
{
	struct rig *r = rig__get(all_gates);

	(void)state;
	rig__point(r, RIG_IPIP4);
	for (uint32_t flags = 0; flags < 256; flags++) {
		struct spec s = build__tcp(flags % 2 ? 4 : 6);

		s.flags = (uint8_t)flags;
		check__spec(r, &s, RIG_IPIP4, FL_V_SEND_IPIP);
	}
}

/* Source port 0 is a port like others here (RFC 768: "an optional field"). */
static void test_source_port_zero(void **state)
{
	struct rig *r = rig__get(all_gates);

	(void)state;
	rig__point(r, RIG_GUE6);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec tcp = build__tcp(version), udp = build__udp(version);

		tcp.sport = udp.sport = 0;
		check__spec(r, &tcp, RIG_GUE6, FL_V_SEND_GUE);
		check__spec(r, &udp, RIG_GUE6, FL_V_SEND_GUE);
		udp.dport = 0;
		check__spec(r, &udp, 0, FL_V_PASS_NOT_SERVICE);
	}
}

/* A UDP length or TCP header length that lies is the ends' business as well. */
static void test_lies_behind_the_ports(void **state)
{
	struct rig *r = rig__get(all_gates);
	struct spec s = build__udp(4), out;
	static struct frame in, want;

	(void)state;
	rig__point(r, RIG_L2);
	out = check__sent(r, &s, RIG_L2);
	for (uint32_t lie = 0; lie < 256; lie += 5) {
		build__frame(&s, &in);
		build__frame(&out, &want);
		in.b[14 + 20 + 4] = want.b[14 + 20 + 4] = (uint8_t)lie;
		check__frame(r, &in,
			     &(struct want){.verdict = FL_V_SEND_L2,
					    .service = RIG_UDP4,
					    .backend = RIG_L2,
					    .out = &want});
	}
}

/* Every address byte is another client's: nothing of a source is special but being the destination. */
static void test_source_addresses(void **state)
{
	static const uint8_t odd[][4] = {{0, 0, 0, 0},	 {255, 255, 255, 255}, {127, 0, 0, 1},
					 {224, 0, 0, 1}, {203, 0, 113, 81},    {169, 254, 1, 1}};
	struct rig *r = rig__get(all_gates);

	(void)state;
	rig__point(r, RIG_IPIP4);
	for (size_t i = 0; i < COUNT(odd); i++) {
		struct spec s = build__udp(4);

		memcpy(s.ip.src, odd[i], 4);
		check__spec(r, &s, RIG_IPIP4, FL_V_SEND_IPIP);
	}
}

/* The first byte's last bit alone makes an address a group's. */
static void test_group_bit(void **state)
{
	struct rig *r = rig__get(all_gates);

	(void)state;
	rig__point(r, RIG_L2);
	for (uint32_t first = 0; first < 256; first++) {
		struct spec s = build__udp(first % 4 < 2 ? 4 : 6);

		s.dmac[0] = (uint8_t)first;
		check__spec(r, &s, RIG_L2, first & 1 ? FL_V_PASS_GROUP : FL_V_SEND_L2);
	}
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_tcp_flags),
		cmocka_unit_test(test_source_port_zero),
		cmocka_unit_test(test_lies_behind_the_ports),
		cmocka_unit_test(test_source_addresses),
		cmocka_unit_test(test_group_bit),
	};

	check__gates = all_gates;
	return check__table("packet_odd", rows, COUNT(rows), others, COUNT(others));
}
