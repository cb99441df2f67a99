/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP-in-IP, all four: the frame that goes to the backend, byte by byte, checksums included. */
#include "check.h"
#include "change.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const struct packet_case rows[] = {
	COMMON_ROWS("outer IPv4", FL_V_SEND_IPIP, RIG_IPIP4),
	COMMON_ROWS("outer IPv6", FL_V_SEND_IPIP, RIG_IPIP6),
	EVERY("outer IPv4: TTL 1", change__ttl_1, FL_V_DROP_TTL, RIG_IPIP4),
	EVERY("outer IPv4: TTL 0", change__ttl_0, FL_V_DROP_TTL, RIG_IPIP4),
	EVERY("outer IPv6: TTL 1", change__ttl_1, FL_V_DROP_TTL, RIG_IPIP6),
	EVERY("outer IPv6: TTL 0", change__ttl_0, FL_V_DROP_TTL, RIG_IPIP6),
};

static const uint8_t versions[] = {4, 6};
static const uint32_t tunnels[] = {RIG_IPIP4, RIG_IPIP6};

/* Calls `each` for 4in4, 6in4, 4in6 and 6in6. */
static void for_all_pairs(void (*each)(struct rig *r, uint8_t version, uint32_t tunnel))
{
	struct rig *r = rig__plain();

	for (size_t t = 0; t < COUNT(tunnels); t++) {
		rig__point(r, (uint16_t)tunnels[t]);
		for (size_t v = 0; v < COUNT(versions); v++)
			each(r, versions[v], tunnels[t]);
	}
	rig__reset_backends(r);
}

static void every_tos(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct spec s = build__tcp(version);

	for (uint32_t tos = 0; tos < 256; tos++) {
		s.ip.tos = (uint8_t)tos;
		check__spec(r, &s, tunnel, FL_V_SEND_IPIP);
	}
}

static void test_every_tos(void **state)
{
	(void)state;
	for_all_pairs(every_tos);
}

static void every_ttl(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct spec s = build__udp(version);

	for (uint32_t ttl = 0; ttl < 256; ttl++) {
		s.ip.ttl = (uint8_t)ttl;
		check__spec(r, &s, tunnel, ttl > 1 ? FL_V_SEND_IPIP : FL_V_DROP_TTL);
	}
}

static void test_every_ttl(void **state)
{
	(void)state;
	for_all_pairs(every_ttl);
}

/*
 * One less TTL adds 0x0100 to the inner checksum: the sums around a carry, and the one that comes to
 * 0xffff, which a header's checksum never is (RFC 1624 3).
 */
static void test_inner_checksum_carries(void **state)
{
	struct rig *r = rig__plain();
	struct spec s = build__tcp(4);
	bool corner = false;
	struct frame f;

	(void)state;
	rig__point(r, RIG_IPIP4);
	for (uint32_t id = 0; id < 65536; id++) {
		uint16_t check;

		s.ip.id = (uint16_t)id;
		build__frame(&s, &f);
		check = (uint16_t)(f.b[14 + 10] << 8 | f.b[14 + 11]);
		if (check != 0xfeff && check < 0xff00 && id % 256)
			continue;
		corner |= check == 0xfeff;
		check__spec(r, &s, RIG_IPIP4, FL_V_SEND_IPIP);
	}
	assert_true(corner);
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
}

static void many_packets(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct spec s = build__udp(version);

	srand(1);
	for (int i = 0; i < 2000; i++) {
		random_packet(&s);
		check__spec(r, &s, tunnel, FL_V_SEND_IPIP);
	}
}

static void test_many_packets(void **state)
{
	(void)state;
	for_all_pairs(many_packets);
}

/*
 * The outer checksum is a sum that is folded twice: headers whose first fold carries again, of which
 * random ones are too few. Words are added in host order here, as the program does it.
 */
static void test_outer_checksum_carries_twice(void **state)
{
	struct rig *r = rig__plain();
	struct rig_backend b = r->be[RIG_IPIP4];
	struct spec s = build__tcp(4);
	uint32_t added, found = 0;

	(void)state;
	rig__point(r, RIG_IPIP4);
	s.ip.tos = 0xbb;
	b.src_mask = 0;
	added = (uint32_t)htons(s.ip.tos) + htons((uint16_t)(build__l3_len(&s) + 20)) +
		htons(PROTO_IPV4);
	for (uint32_t low = 0; low < 65536; low++) {
		uint32_t sum;

		b.tunnel.dst[2] = (uint8_t)(low >> 8);
		b.tunnel.dst[3] = (uint8_t)low;
		rig__backend(r, RIG_IPIP4, &b);
		sum = r->backends[RIG_IPIP4].sum4 + added;
		if ((sum & 0xffff) + (sum >> 16) <= 0xffff)
			continue;
		found++;
		check__spec(r, &s, RIG_IPIP4, FL_V_SEND_IPIP);
	}
	assert_int_not_equal(found, 0);
	rig__reset_backends(r);
}

/* Every width of the part of the source that follows the flow, the fixed bits around it set. */
static void every_mask(struct rig *r, uint8_t version, uint32_t tunnel)
{
	uint8_t *last32 = r->be[tunnel].tunnel.src + (tunnel == RIG_IPIP6 ? 12 : 0);
	struct rig_backend b = r->be[tunnel];
	struct spec s = build__tcp(version);

	for (uint32_t bits = 0; bits <= 32; bits++) {
		uint32_t mask = bits ? 0xffffffffU >> (32 - bits) : 0;

		b.src_mask = mask;
		memcpy(b.tunnel.src, r->be[tunnel].tunnel.src, 16);
		for (int i = 0; i < 4; i++)
			b.tunnel.src[last32 - r->be[tunnel].tunnel.src + i] =
				(uint8_t)(~mask >> (24 - 8 * i));
		rig__backend(r, tunnel, &b);
		for (int i = 0; i < 20; i++) {
			s.sport = (uint16_t)(1000 + 37 * i);
			check__spec(r, &s, tunnel, FL_V_SEND_IPIP);
		}
	}
}

static void test_every_source_mask(void **state)
{
	(void)state;
	for_all_pairs(every_mask);
}

static uint32_t outer_source(struct rig *r, const struct spec *s, uint32_t tunnel)
{
	static struct frame in;
	static struct run run;
	uint32_t source;

	build__frame(s, &in);
	rig__run(r->lb, &in, 0, &run);
	memcpy(&source, run.out.b + 14 + (tunnel == RIG_IPIP6 ? 20 : 12), sizeof(source));
	return source;
}

/* That the backend's receive queues get their share: many flows, many sources; one flow, one. */
static void spread(struct rig *r, uint8_t version, uint32_t tunnel)
{
	static uint8_t seen[1 << 16];
	struct spec s = build__tcp(version);
	uint32_t distinct = 0, first;

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 1000; i++) {
		uint16_t low;

		s.sport = (uint16_t)(2000 + i);
		first = outer_source(r, &s, tunnel);
		low = (uint16_t)(first >> 16);
		distinct += !seen[low];
		seen[low] = 1;
	}
	/* 1000 of 65536: 992 are to be expected, 950 is nine deviations less. */
	assert_in_range(distinct, 970, 1000);
	first = outer_source(r, &s, tunnel);
	s.payload = 700;
	s.flags = 0x10;
	s.ip.tos = 4;
	s.ip.ttl = 9;
	s.ip.id++;
	assert_int_equal(outer_source(r, &s, tunnel), first);
}

static void test_sources_spread(void **state)
{
	(void)state;
	for_all_pairs(spread);
}

/* What fits, to the byte; toobig_test.c has the answers to what does not. */
static void mtu(struct rig *r, uint8_t version, uint32_t tunnel)
{
	static const uint16_t payloads[] = {0, 1, 700, 1432, 1440, 1460};
	uint32_t outer = tunnel == RIG_IPIP6 ? 40 : 20;
	struct rig_backend b = r->be[tunnel];
	struct spec s = build__tcp(version);

	for (size_t i = 0; i < COUNT(payloads); i++) {
		uint32_t total;

		s.payload = payloads[i];
		/* Padding is no part of the packet and has no part in its size. */
		s.trailer = payloads[i] ? 0 : 30;
		total = build__l3_len(&s) + outer;
		b.mtu = (uint16_t)total;
		rig__backend(r, tunnel, &b);
		check__spec(r, &s, tunnel, FL_V_SEND_IPIP);
		b.mtu = 65535;
		rig__backend(r, tunnel, &b);
		check__spec(r, &s, tunnel, FL_V_SEND_IPIP);
		b.mtu = (uint16_t)(total - 1);
		rig__backend(r, tunnel, &b);
		if (version == 4)
			check__spec(r, &s, tunnel, FL_V_DROP_TOO_BIG);
	}
	s.payload = 2800; /* a jumbo frame; an MTU of 0 asks for no check */
	b.mtu = 0;
	rig__backend(r, tunnel, &b);
	check__spec(r, &s, tunnel, FL_V_SEND_IPIP);
}

static void test_mtu(void **state)
{
	(void)state;
	for_all_pairs(mtu);
}

/* L2 adds nothing, but the way to the backend may be narrower than the one that a packet came. */
static void test_mtu_of_l2(void **state)
{
	struct rig *r = rig__plain();
	struct rig_backend b = r->be[RIG_L2];
	struct spec s = build__tcp(4);

	(void)state;
	rig__point(r, RIG_L2);
	b.mtu = (uint16_t)build__l3_len(&s);
	rig__backend(r, RIG_L2, &b);
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
	b.mtu--;
	rig__backend(r, RIG_L2, &b);
	check__spec(r, &s, RIG_L2, FL_V_DROP_TOO_BIG);
	rig__reset_backends(r);
}

/* Metadata in front of the frame takes the headroom away, as another program on the hook might. */
static void headroom(struct rig *r, uint8_t version, uint32_t tunnel)
{
	struct fl_count before[FL_VERDICTS], after[FL_VERDICTS];
	struct spec s = build__tcp(version);
	static struct frame in;
	static struct run run;

	build__frame(&s, &in);
	rig__verdicts(r, before);
	/* 256 of headroom, 40 of struct xdp_frame, and the frame itself goes up by 20 or 40. */
	assert_int_equal(rig__run_meta(r->lb, &in, 0, 200, &run), 0);
	rig__verdicts(r, after);
	assert_int_equal(run.action, XDP_DROP);
	assert_int_equal(after[FL_V_DROP_HEADROOM].packets - before[FL_V_DROP_HEADROOM].packets, 1);
	assert_int_equal(after[FL_V_SEND_IPIP].packets, before[FL_V_SEND_IPIP].packets);
	(void)tunnel;
}

static void test_headroom(void **state)
{
	static struct frame in = {.len = 64};
	static struct run run;

	(void)state;
	/* Before 6.9 a frame has at most 32 bytes of metadata, and always room for a header. */
	if (rig__run_meta(rig__plain()->lb, &in, 0, 200, &run))
		skip();
	for_all_pairs(headroom);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_every_tos),
		cmocka_unit_test(test_every_ttl),
		cmocka_unit_test(test_inner_checksum_carries),
		cmocka_unit_test(test_many_packets),
		cmocka_unit_test(test_outer_checksum_carries_twice),
		cmocka_unit_test(test_every_source_mask),
		cmocka_unit_test(test_sources_spread),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_mtu_of_l2),
		cmocka_unit_test(test_headroom),
	};

	return check__table("packet_ipip", rows, COUNT(rows), others, COUNT(others));
}
