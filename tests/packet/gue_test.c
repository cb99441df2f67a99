/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GUE, all four pairs of families: the frame that goes to the backend, byte by byte, and back. */
#include "check.h"
#include "change.h"
#include "decap.h"

#include <stdlib.h>
#include <string.h>

#define MANY 2000

static const struct packet_case rows[] = {
	COMMON_ROWS("outer IPv4", FL_V_SEND_GUE, RIG_GUE4),
	COMMON_ROWS("outer IPv6", FL_V_SEND_GUE, RIG_GUE6),
	EVERY("outer IPv4: TTL 1", change__ttl_1, FL_V_DROP_TTL, RIG_GUE4),
	EVERY("outer IPv6: TTL 1", change__ttl_1, FL_V_DROP_TTL, RIG_GUE6),
	EVERY("outer IPv6: TTL 0", change__ttl_0, FL_V_DROP_TTL, RIG_GUE6),
	{"outer IPv4: SCTP", 4, PROTO_SCTP, NULL, NULL, FL_V_SEND_GUE, RIG_GUE4},
	{"outer IPv6: SCTP", 6, PROTO_SCTP, NULL, NULL, FL_V_SEND_GUE, RIG_GUE6},
};

static const uint32_t tunnels[] = {RIG_GUE4, RIG_GUE6};

static void for_all_pairs(void (*each)(struct rig *r, uint8_t version, uint32_t tunnel))
{
	struct rig *r = rig__plain();

	for (size_t t = 0; t < COUNT(tunnels); t++) {
		rig__point(r, (uint16_t)tunnels[t]);
		each(r, 4, tunnels[t]);
		each(r, 6, tunnels[t]);
	}
	rig__reset_backends(r);
}

static void random_packet(struct spec *s)
{
	for (int i = 0; i < (s->ip.version == 6 ? 16 : 4); i++)
		s->ip.src[i] = (uint8_t)rand();
	s->sport = (uint16_t)rand();
	s->payload = (uint16_t)(rand() % 1200);
	s->ip.tos = (uint8_t)rand();
	s->ip.ttl = (uint8_t)(2 + rand() % 254);
	s->ip.id = (uint16_t)rand();
	s->ip.label = (uint32_t)rand() & 0xfffff;
	s->trailer = (uint16_t)(rand() % 3 * 7);
}

/*
 * The outer checksum over IPv6 is worked out from the inner one. Here it is computed over all bytes:
 * 2000 packets of each kind, odd and even, with padding behind them that must not count.
 */
static void many_packets(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct spec tcp = build__tcp(version), udp = build__udp(version);

	srand(3);
	for (int i = 0; i < MANY; i++) {
		random_packet(i % 2 ? &tcp : &udp);
		check__spec(r, i % 2 ? &tcp : &udp, tunnel, FL_V_SEND_GUE);
	}
}

static void test_many_packets(void **state)
{
	(void)state;
	for_all_pairs(many_packets);
}

static uint16_t outer_check(struct rig *r, const struct spec *s, uint32_t tunnel, bool v6)
{
	struct spec sent = check__sent(r, s, tunnel);
	static struct frame f;
	uint32_t at = 14 + (v6 ? 40 : 20) + 6;

	build__frame(&sent, &f);
	return (uint16_t)(f.b[at] << 8 | f.b[at + 1]);
}

/* RFC 768: a sum that comes to 0 is sent as 0xffff, for 0 says that there is none. */
static void test_outer_checksum_of_zero(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	rig__point(r, RIG_GUE6);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version);
		uint32_t found = 0;

		for (uint32_t i = 0; i < 1U << 20 && found < 3; i++) {
			/* What the outer sum sees of either family: the source, the label. */
			s.ip.src[2] = (uint8_t)(i >> 8);
			s.ip.src[3] = (uint8_t)i;
			s.ip.label = i & 0xffff;
			s.sport = (uint16_t)(i >> 8);
			if (outer_check(r, &s, RIG_GUE6, true) != 0xffff)
				continue;
			found++;
			check__spec(r, &s, RIG_GUE6, FL_V_SEND_GUE);
		}
		assert_int_equal(found, 3);
	}
}

/*
 * The inner pseudo-header's sum is 0xffff, so that what it leaves is 0: that is a number too, and not
 * "no checksum".
 */
static void test_pseudo_header_of_zero(void **state)
{
	struct rig *r = rig__plain();
	struct spec s = build__udp(4);
	uint32_t sum, found = 0;

	(void)state;
	rig__point(r, RIG_GUE6);
	for (uint16_t payload = 0; payload < 64; payload++) {
		s.payload = payload;
		sum = PROTO_UDP + 8U + payload;
		for (int i = 0; i < 4; i++)
			sum += (uint32_t)s.ip.dst[i] << (i % 2 ? 0 : 8);
		sum += (uint32_t)s.ip.src[0] << 8 | s.ip.src[1];
		sum = (sum & 0xffff) + (sum >> 16);
		s.ip.src[2] = (uint8_t)((0xffff - sum) >> 8);
		s.ip.src[3] = (uint8_t)(0xffff - sum);
		assert_int_not_equal(outer_check(r, &s, RIG_GUE6, true), 0);
		check__spec(r, &s, RIG_GUE6, FL_V_SEND_GUE);
		found++;
	}
	assert_int_equal(found, 64);
}

/* RFC 6935 5: nothing to work it out from, so there is none. The builder knows when that is. */
static void no_inner_checksum(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct spec zero = build__udp(version), first = build__udp(version),
		    sctp = build__sctp(version), exts = build__tcp(6);

	zero.no_check = true;
	check__spec(r, &zero, tunnel, FL_V_SEND_GUE);
	build__first(&first, 5);
	check__spec(r, &first, tunnel, FL_V_SEND_GUE);
	first.proto = PROTO_TCP;
	check__spec(r, &first, tunnel, FL_V_SEND_GUE);
	check__spec(r, &sctp, tunnel, FL_V_SEND_GUE);
	exts.ip.ext[0] = (struct ext){.type = PROTO_DEST, .len = 8};
	check__spec(r, &exts, tunnel, FL_V_SEND_GUE);
	for (size_t i = 0; i < 3 && tunnel == RIG_GUE6; i++)
		assert_int_equal(outer_check(r,
					     i == 0   ? &zero
					     : i == 1 ? &first
						      : &exts,
					     tunnel, true),
				 0);
}

static void test_no_inner_checksum(void **state)
{
	(void)state;
	for_all_pairs(no_inner_checksum);
}

/* Over IPv4 there is never one. */
static void test_no_checksum_over_ipv4(void **state)
{
	struct rig *r = rig__plain();
	struct spec s = build__tcp(6);

	(void)state;
	rig__point(r, RIG_GUE4);
	check__spec(r, &s, RIG_GUE4, FL_V_SEND_GUE);
	assert_int_equal(outer_check(r, &s, RIG_GUE4, false), 0);
}

/* RFC 6335: dynamic ports, all bits of the low 14 in use; one flow has one. */
static void ports(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct spec s = build__udp(version);
	uint16_t ones = 0, zeros = 0xffff;

	for (uint16_t i = 0; i < 200; i++) {
		s.sport = (uint16_t)(3000 + i);
		struct spec sent = check__sent(r, &s, tunnel);

		check__spec(r, &s, tunnel, FL_V_SEND_GUE);
		ones |= sent.gue.sport;
		zeros &= sent.gue.sport;
	}
	assert_int_equal(ones, 0xffff);
	assert_int_equal(zeros, 0xc000);
}

static void test_source_ports(void **state)
{
	(void)state;
	for_all_pairs(ports);
}

static void mtu(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct rig_backend b = r->be[tunnel];
	struct spec s = build__udp(version);

	b.mtu = (uint16_t)(build__l3_len(&s) + (tunnel == RIG_GUE6 ? 52 : 32));
	rig__backend(r, tunnel, &b);
	check__spec(r, &s, tunnel, FL_V_SEND_GUE);
	s.payload++;
	if (version == 4)
		check__spec(r, &s, tunnel, FL_V_DROP_TOO_BIG);
}

static void test_mtu(void **state)
{
	(void)state;
	for_all_pairs(mtu);
}

/* What the balancer wraps, the backend's program unwraps: the packet, one hop further. */
static void round_trip(struct rig *r, uint8_t version, uint32_t tunnel)
{
	static struct frame in, want;
	static struct run there, back;
	struct rig_backend b = r->be[tunnel];
	struct spec s = build__tcp(version), out;

	b.port = RIG_GUE_PORT;
	rig__backend(r, tunnel, &b);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			change__tag(&s);
		if (i == 2)
			change__qinq(&s);
		out = s;
		memcpy(out.dmac, b.hop.dmac, 6);
		memcpy(out.smac, b.hop.smac, 6);
		memset(out.tags, 0, sizeof(out.tags));
		out.ip.ttl--;
		build__frame(&s, &in);
		build__frame(&out, &want);
		rig__run(r->lb, &in, 0, &there);
		assert_int_equal(there.action, XDP_TX);
		rig__run(decap__prog(), &there.out, 0, &back);
		assert_int_equal(back.action, XDP_PASS);
		check__same(&there.out, &want, &back.out);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	for_all_pairs(round_trip);
	decap__teardown(NULL);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_many_packets),
		cmocka_unit_test(test_outer_checksum_of_zero),
		cmocka_unit_test(test_pseudo_header_of_zero),
		cmocka_unit_test(test_no_inner_checksum),
		cmocka_unit_test(test_no_checksum_over_ipv4),
		cmocka_unit_test(test_source_ports),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_round_trip),
	};

	return check__table("packet_gue", rows, COUNT(rows), others, COUNT(others));
}
