/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments of datagrams for a service: the first one is steered by its ports, the others go where it
 * went, and what has no first one goes nowhere.
 */
#include "check.h"
#include "change.h"
#include "maps.h"

#include <string.h>

#define ID 0x1234
#define LIFE_S 30

static const struct rig_gates gates = {.nat = true};

static const uint32_t backends[] = {RIG_L2,   RIG_IPIP4, RIG_IPIP6, RIG_GUE4,
				    RIG_GUE6, RIG_NAT4,	 RIG_NAT6};

static enum fl_verdict sent_by(uint32_t backend)
{
	static const enum fl_verdict verdicts[] = {
		[RIG_L2] = FL_V_SEND_L2,      [RIG_IPIP4] = FL_V_SEND_IPIP,
		[RIG_IPIP6] = FL_V_SEND_IPIP, [RIG_GUE4] = FL_V_SEND_GUE,
		[RIG_GUE6] = FL_V_SEND_GUE,   [RIG_NAT4] = FL_V_SEND_NAT,
		[RIG_NAT6] = FL_V_SEND_NAT,
	};

	return verdicts[backend];
}

static bool fits(uint8_t version, uint32_t backend)
{
	return (backend != RIG_NAT4 || version == 4) && (backend != RIG_NAT6 || version == 6);
}

/* A later fragment to where a first one with that hash went. */
static void later_sent(struct rig *r, const struct spec *later, uint32_t backend, uint64_t hash,
		       uint32_t service)
{
	struct want want = {.verdict = sent_by(backend), .service = service, .backend = backend};
	struct spec sent = check__sent_by(r, later, backend, hash);

	check__becomes(r, later, &sent, want);
}

/* The three fragments of a datagram, as they are sent. */
static void datagram(struct rig *r, uint8_t version, uint8_t proto, uint32_t backend)
{
	struct spec first = build__udp(version), later = first;
	uint32_t service;
	uint64_t hash;

	first.proto = later.proto = proto;
	build__first(&first, ID);
	first.payload = 1200;
	service = rig__service_of(&first);
	hash = rig__hash(r, &first);
	check__spec(r, &first, backend, sent_by(backend));
	build__later(&later, ID, 151);
	/* Other ports would stand where its payload is. */
	later.payload = 1000;
	later.ip.tos = 0x2e;
	later.ip.ttl = 99;
	if (version == 6)
		later.ip.ext[0].frag |= 1;
	else
		later.ip.frag |= FRAG_MF;
	later_sent(r, &later, backend, hash, service);
	build__later(&later, ID, 300);
	later.payload = 3;
	change__tag(&later);
	later_sent(r, &later, backend, hash, service);
}

static void test_every_mode(void **state)
{
	static const uint8_t protos[] = {PROTO_UDP, PROTO_TCP, PROTO_SCTP};
	struct rig *r = rig__get(gates);

	(void)state;
	for (size_t i = 0; i < COUNT(backends); i++) {
		rig__point(r, (uint16_t)backends[i]);
		for (size_t p = 0; p < COUNT(protos); p++) {
			for (uint8_t version = 4; version <= 6; version += 2) {
				maps__no_frags(r);
				if (fits(version, backends[i]))
					datagram(r, version, protos[p], backends[i]);
			}
		}
	}
}

static void drops(struct rig *r, const struct spec *later)
{
	check__becomes(r, later, NULL, (struct want){.verdict = FL_V_DROP_FRAGMENT});
}

/* Nothing is known of the datagram: its first fragment comes later, or another one's did. */
static void test_without_a_first(void **state)
{
	struct rig *r = rig__get(gates);

	(void)state;
	rig__point(r, RIG_IPIP4);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first = build__udp(version), later = first, other;

		maps__no_frags(r);
		build__first(&first, ID);
		build__later(&later, ID, 100);
		drops(r, &later);
		check__spec(r, &first, RIG_IPIP4, FL_V_SEND_IPIP);
		other = later;
		build__later(&other, ID + 1, 100);
		drops(r, &other);
		other = later;
		other.ip.src[3] ^= 1;
		drops(r, &other);
		/* Of IPv6 it is the first one's word alone, RFC 8200 4.5. */
		other = later;
		other.proto = PROTO_TCP;
		if (version == 4)
			drops(r, &other);
		later_sent(r, &later, RIG_IPIP4, rig__hash(r, &first), rig__service_of(&first));
	}
}

/* IPv6 identifications have 32 bits, all of them count. */
static void test_whole_identification(void **state)
{
	struct rig *r = rig__get(gates);
	struct spec first = build__udp(6), later = first;

	(void)state;
	rig__point(r, RIG_L2);
	build__first(&first, 0x80000001);
	check__spec(r, &first, RIG_L2, FL_V_SEND_L2);
	build__later(&later, 1, 100);
	drops(r, &later);
	build__later(&later, 0x80000001, 100);
	later_sent(r, &later, RIG_L2, 0, RIG_UDP6);
}

/* The way that was remembered is gone after 30 s. */
static void test_expiry(void **state)
{
	struct rig *r = rig__get(gates);
	struct spec first = build__udp(4), later = first;
	struct fl_frag f;

	(void)state;
	rig__point(r, RIG_IPIP6);
	maps__no_frags(r);
	build__first(&first, ID);
	build__later(&later, ID, 100);
	check__spec(r, &first, RIG_IPIP6, FL_V_SEND_IPIP);
	assert_true(maps__frag(r, &later, &f));
	assert_in_range((uint32_t)(maps__clock() / 1000000000) - f.seen_s, 0, 2);
	f.seen_s -= LIFE_S - 2;
	maps__set_frag(r, &later, &f);
	later_sent(r, &later, RIG_IPIP6, rig__hash(r, &first), RIG_UDP4);
	f.seen_s -= 4;
	maps__set_frag(r, &later, &f);
	drops(r, &later);
	/* The next datagram with that id starts afresh, and has its own way. */
	first.sport++;
	rig__point(r, RIG_L2);
	check__spec(r, &first, RIG_L2, FL_V_SEND_L2);
	later_sent(r, &later, RIG_L2, 0, RIG_UDP4);
}

/* The slot has changed since: the datagram stays whole. */
static void test_backend_of_the_first(void **state)
{
	struct rig *r = rig__get(gates);
	struct spec first = build__tcp(6), later = first;

	(void)state;
	rig__point(r, RIG_GUE4);
	build__first(&first, ID);
	build__later(&later, ID, 100);
	check__spec(r, &first, RIG_GUE4, FL_V_SEND_GUE);
	rig__point(r, RIG_L2);
	later_sent(r, &later, RIG_GUE4, rig__hash(r, &first), RIG_TCP6);
}

static void passes(struct rig *r, const struct spec *s)
{
	check__becomes(r, s, NULL, (struct want){.verdict = FL_V_PASS_FRAGMENT});
}

/* To a VIP, but to a port that no service has: the kernel gets all of the datagram, or none. */
static void test_vip_but_no_service(void **state)
{
	struct rig *r = rig__get(gates);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first = build__udp(version), later = first;
		struct fl_frag f;

		maps__no_frags(r);
		first.dport = 53;
		build__first(&first, ID);
		build__later(&later, ID, 100);
		drops(r, &later);
		passes(r, &first);
		assert_true(maps__frag(r, &later, &f));
		assert_int_equal(f.way, FL_FRAG_PASS);
		passes(r, &later);
	}
}

/* To nobody here: nothing is remembered, and nothing held back. */
static void test_no_vip(void **state)
{
	struct rig *r = rig__get(gates);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first = build__udp(version), later;
		struct fl_frag f;

		maps__no_frags(r);
		first.ip.dst[3] ^= 1;
		later = first;
		build__first(&first, ID);
		build__later(&later, ID, 100);
		passes(r, &later);
		passes(r, &first);
		assert_false(maps__frag(r, &later, &f));
		passes(r, &later);
	}
}

/* ::ffff:VIP on the wire is not the VIP, for fragments too. */
static void test_mapped_address(void **state)
{
	struct rig *r = rig__get(gates);
	struct spec first = build__udp(6), later;
	struct fl_frag f;

	(void)state;
	maps__no_frags(r);
	maps__addr(4, rig_vip4, first.ip.dst);
	later = first;
	build__first(&first, ID);
	build__later(&later, ID, 100);
	check__spec(r, &first, 0, FL_V_PASS_NOT_SERVICE);
	assert_false(maps__frag(r, &later, &f));
	check__spec(r, &later, 0, FL_V_PASS_NOT_SERVICE);
}

/* What the way does not admit is not remembered either: the rest has no first fragment. */
static void test_first_is_dropped(void **state)
{
	struct rig *r = rig__get(gates);
	struct spec first = build__udp(4), later = first;

	(void)state;
	maps__no_frags(r);
	rig__point(r, FL_SLOT_NONE);
	build__first(&first, ID);
	build__later(&later, ID, 100);
	check__spec(r, &first, 0, FL_V_DROP_NO_BACKEND);
	check__spec(r, &later, 0, FL_V_DROP_NO_BACKEND);
}

/* Each has its own size and TTL, and is looked at for it. */
static void test_size_and_ttl(void **state)
{
	struct rig *r = rig__get(gates);
	struct rig_backend b;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first = build__udp(version), later = first;
		struct want want = {.service = rig__service_of(&first), .backend = RIG_IPIP4};

		rig__reset_backends(r);
		rig__point(r, RIG_IPIP4);
		build__first(&first, ID);
		build__later(&later, ID, 100);
		/* IPv6's "don't fragment" is its sender's word, who has fragmented already. */
		if (version == 4)
			later.ip.frag |= FRAG_DF;
		later.payload = 1000;
		check__spec(r, &first, RIG_IPIP4, FL_V_SEND_IPIP);
		b = r->be[RIG_IPIP4];
		b.mtu = (uint16_t)(build__l3_len(&later) + 20);
		rig__backend(r, RIG_IPIP4, &b);
		later_sent(r, &later, RIG_IPIP4, rig__hash(r, &first), want.service);
		later.payload++;
		want.verdict = FL_V_DROP_TOO_BIG;
		check__becomes(r, &later, NULL, want);
		later.payload = 8;
		later.ip.ttl = 1;
		want.verdict = FL_V_DROP_TTL;
		check__becomes(r, &later, NULL, want);
	}
	rig__reset_backends(r);
}

/* A later fragment needs no whole transport header, nor any payload. */
static void test_short_ones(void **state)
{
	struct rig *r = rig__get(gates);

	(void)state;
	rig__point(r, RIG_IPIP4);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first = build__tcp(version), later = first;

		build__first(&first, ID);
		build__later(&later, ID, 100);
		check__spec(r, &first, RIG_IPIP4, FL_V_SEND_IPIP);
		for (later.payload = 0; later.payload < 30; later.payload++)
			later_sent(r, &later, RIG_IPIP4, rig__hash(r, &first),
				   rig__service_of(&first));
	}
}

/* RFC 6946: a datagram in one "fragment" needs no other, and leaves nothing behind. */
static void test_atomic(void **state)
{
	struct rig *r = rig__get(gates);
	struct spec s = build__udp(6);
	struct fl_frag f;

	(void)state;
	maps__no_frags(r);
	rig__point(r, RIG_IPIP6);
	s.ip.ext[0] = (struct ext){.type = PROTO_FRAGMENT, .len = 8, .id = ID};
	check__spec(r, &s, RIG_IPIP6, FL_V_SEND_IPIP);
	assert_false(maps__frag(r, &s, &f));
}

/* A later fragment of IPv6 as it is cut from behind a header that only the first one has. */
static void build_hidden(struct spec *s, uint32_t id)
{
	build__later(s, id, 151);
	s->proto = PROTO_DEST;
}

/* RFC 8200 4.1: destination options for the last destination stand behind the fragment header. */
static void test_headers_behind(void **state)
{
	static const uint8_t protos[] = {PROTO_UDP, PROTO_TCP, PROTO_SCTP};
	struct rig *r = rig__get(gates);

	(void)state;
	for (size_t i = 0; i < COUNT(backends); i++) {
		rig__point(r, (uint16_t)backends[i]);
		for (size_t p = 0; p < COUNT(protos) && fits(6, backends[i]); p++) {
			struct spec first = build__udp(6), later;

			maps__no_frags(r);
			first.proto = protos[p];
			later = first;
			build__first(&first, ID);
			first.ip.ext[1] = (struct ext){.type = PROTO_DEST, .len = 24};
			build_hidden(&later, ID);
			drops(r, &later);
			check__spec(r, &first, backends[i], sent_by(backends[i]));
			later_sent(r, &later, backends[i], rig__hash(r, &first),
				   rig__service_of(&first));
			/* Its transport header is in the second one: a first fragment has all, RFC 7112. */
			first.payload = 0;
			first.ip.len_lie = -8;
			check__spec(r, &first, 0, FL_V_PASS_MALFORMED);
		}
	}
}

/* As many as without a fragment header, which comes on top. */
static void test_longest_chain_behind(void **state)
{
	struct rig *r = rig__get(gates);
	struct spec first = build__udp(6);

	(void)state;
	rig__point(r, RIG_L2);
	build__first(&first, ID);
	for (int n = 1; n <= 6; n++) {
		first.ip.ext[n] = (struct ext){.type = PROTO_DEST, .len = 8};
		check__spec(r, &first, RIG_L2, FL_V_SEND_L2);
	}
	first.ip.ext[7] = (struct ext){.type = PROTO_DEST, .len = 8};
	check__spec(r, &first, 0, FL_V_PASS_NOT_SERVICE);
	memset(&first.ip.ext[1], 0, sizeof(first.ip.ext) - sizeof(first.ip.ext[0]));
	first.ip.ext[1] = (struct ext){.type = PROTO_DEST, .len = 1024};
	check__spec(r, &first, RIG_L2, FL_V_SEND_L2);
	first.ip.ext[1].len = 1032;
	check__spec(r, &first, 0, FL_V_PASS_NOT_SERVICE);
	/* Nobody cuts a fragment. */
	first.ip.ext[1] = (struct ext){.type = PROTO_FRAGMENT, .len = 8, .id = ID};
	passes(r, &first);
}

/* What is of no protocol that is steered is the kernel's, with all its fragments. */
static void test_hidden_others(void **state)
{
	static const uint8_t protos[] = {PROTO_ICMP6, PROTO_NONE, 47};
	struct rig *r = rig__get(gates);

	(void)state;
	for (size_t i = 0; i < COUNT(protos); i++) {
		struct spec first = build__udp(6), later = first;
		struct fl_frag f;

		maps__no_frags(r);
		build__first(&first, ID);
		first.ip.ext[1] = (struct ext){.type = PROTO_DEST, .len = 8};
		first.proto = protos[i];
		build_hidden(&later, ID);
		drops(r, &later);
		passes(r, &first);
		assert_true(maps__frag(r, &later, &f));
		assert_int_equal(f.way, FL_FRAG_PASS);
		passes(r, &later);
		/* Where the protocol shows, none has to be remembered. */
		later.proto = protos[i];
		build__later(&later, ID + 1, 151);
		passes(r, &later);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mode),
		cmocka_unit_test(test_without_a_first),
		cmocka_unit_test(test_whole_identification),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_backend_of_the_first),
		cmocka_unit_test(test_vip_but_no_service),
		cmocka_unit_test(test_no_vip),
		cmocka_unit_test(test_mapped_address),
		cmocka_unit_test(test_first_is_dropped),
		cmocka_unit_test(test_size_and_ttl),
		cmocka_unit_test(test_short_ones),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_headers_behind),
		cmocka_unit_test(test_longest_chain_behind),
		cmocka_unit_test(test_hidden_others),
	};

	return check__table("packet_fragments", NULL, 0, tests, COUNT(tests));
}
