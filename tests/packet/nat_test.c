/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `nat`: to the backend and back, byte by byte; records where a reply does not tell its service. */
#include "check.h"
#include "change.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const struct rig_gates gates = {.nat = true};
static const struct rig_gates tiny = {.nat = true, .nat_flows = 2};

static const struct packet_case rows[] = {
	COMMON_ROWS("nat", FL_V_SEND_NAT, RIG_NAT4),
	EVERY("nat: TTL 1", change__ttl_1, FL_V_DROP_TTL, RIG_NAT4),
	EVERY("nat: TTL 0", change__ttl_0, FL_V_DROP_TTL, RIG_NAT4),
};

static uint32_t backend_for(uint8_t version)
{
	return version == 6 ? RIG_NAT6 : RIG_NAT4;
}

/* The rig with all services on `nat` of their families, no port mapping for SCTP. */
static struct rig *with_nat(struct rig_gates g, uint8_t flags)
{
	struct rig *r = rig__get(g);

	maps__no_flows(r);
	rig__reset_backends(r);
	for (uint32_t i = RIG_NAT4; i <= RIG_NAT6; i++) {
		struct rig_backend b = r->be[i];

		b.flags = flags;
		rig__backend(r, i, &b);
	}
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		bool v6 = id == RIG_TCP6 || id == RIG_UDP6 || id == RIG_SCTP6;

		r->services[id].idle_s = 300;
		rig__point_one(r, id, v6 ? RIG_NAT6 : RIG_NAT4);
	}
	return r;
}

static void no_mapping(struct rig *r)
{
	for (uint32_t i = RIG_NAT4; i <= RIG_NAT6; i++) {
		struct rig_backend b = r->be[i];

		b.port = 0;
		rig__backend(r, i, &b);
	}
}

/* RFC 1624: checksums by difference, every carry of them. The builder computes them afresh. */
static void test_many_packets(void **state)
{
	struct rig *r = with_nat(gates, 0);

	(void)state;
	srand(5);
	for (int i = 0; i < 8000; i++) {
		uint8_t version = i & 1 ? 6 : 4;
		struct spec s = i & 2 ? build__tcp(version) : build__udp(version);

		for (int k = 0; k < (version == 6 ? 16 : 4); k++)
			s.ip.src[k] = (uint8_t)rand();
		s.sport = (uint16_t)rand();
		s.payload = (uint16_t)(rand() % 200);
		s.ip.id = (uint16_t)rand();
		s.ip.ttl = (uint8_t)(2 + rand() % 250);
		check__spec(r, &s, backend_for(version), FL_V_SEND_NAT);
	}
}

/* Without port mapping the port stays; SCTP's checksum covers no addresses (RFC 9260 6.8). */
static void test_port_stays(void **state)
{
	struct rig *r = with_nat(gates, 0);

	(void)state;
	no_mapping(r);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec tcp = build__tcp(version), udp = build__udp(version),
			    sctp = build__sctp(version);

		check__spec(r, &tcp, backend_for(version), FL_V_SEND_NAT);
		check__spec(r, &udp, backend_for(version), FL_V_SEND_NAT);
		check__spec(r, &sctp, backend_for(version), FL_V_SEND_NAT);
	}
}

/* RFC 768, and RFC 6935 5 for tunnels over IPv6: a UDP checksum of 0 is none, and stays none. */
static void test_no_udp_checksum(void **state)
{
	struct rig *r = with_nat(gates, 0);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version);

		s.no_check = true;
		check__spec(r, &s, backend_for(version), FL_V_SEND_NAT);
	}
}

/* The new sum is 0, which is sent as 0xffff; and the old one was 0xffff. */
static void test_udp_checksum_of_zero(void **state)
{
	struct rig *r = with_nat(gates, 0);
	static struct frame f;
	uint32_t before = 0, after = 0;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version), sent;
		uint32_t at = version == 6 ? 14 + 40 + 6 : 14 + 20 + 6;

		for (uint32_t port = 0; port < 65536; port++) {
			s.sport = (uint16_t)port;
			build__frame(&s, &f);
			bool was = f.b[at] == 0xff && f.b[at + 1] == 0xff;

			sent = check__sent(r, &s, backend_for(version));
			build__frame(&sent, &f);
			bool is = f.b[at] == 0xff && f.b[at + 1] == 0xff;

			before += was;
			after += is;
			if (was || is)
				check__spec(r, &s, backend_for(version), FL_V_SEND_NAT);
		}
	}
	assert_int_equal(before, 2);
	assert_int_equal(after, 2);
}

/* What is not for a service and no reply either is the kernel's. */
static void test_others_pass(void **state)
{
	struct rig *r = with_nat(gates, 0);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version);

		s.dport++;
		check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
		s = build__reply(&s);
		check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	}
}

/* The backend's answer to a client's packet, and what the client is to get. */
static struct spec answer(struct rig *r, const struct spec *s, uint32_t backend, struct spec *out)
{
	struct spec sent = check__sent(r, s, backend), back = build__reply(&sent);

	back.ip.ttl = 64;
	back.flags = 0x12;
	back.payload = 77;
	memcpy(back.dmac, s->dmac, 6);
	memcpy(back.smac, sent.dmac, 6);
	*out = back;
	memcpy(out->dmac, net_router, 6);
	memcpy(out->smac, net_mac, 6);
	memcpy(out->ip.src, s->ip.dst, 16);
	out->sport = s->dport;
	out->ip.ttl--;
	return back;
}

static struct fl_nat_back stateless(struct rig *r, uint32_t service, uint32_t backend,
				    uint16_t port)
{
	struct fl_nat_back e = {.port = htons(port), .service = (__u16)service, .backend = backend};

	memcpy(e.vip, r->services[service].key.addr, 16);
	return e;
}

/* A reply leaves by `port`, where it came in unless told otherwise. */
static const struct want sent_back = {.verdict = FL_V_SEND_REPLY};

static struct want by(const struct rig *r, struct want w, uint32_t ingress)
{
	w.ingress = ingress;
	w.redirect = ingress != r->port;
	return w;
}

static void replies(struct rig *r, struct spec s)
{
	struct spec out, back = answer(r, &s, backend_for(s.ip.version), &out);

	check__becomes(r, &back, &out, by(r, sent_back, r->port));
	check__becomes(r, &back, &out, by(r, sent_back, RIG_LO));
	change__tag(&back);
	check__becomes(r, &back, &out, by(r, sent_back, r->port));
}

/* The endpoint tells the service: there is nothing to remember. */
static void test_stateless_reply(void **state)
{
	struct rig *r = with_nat(gates, 0);
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP};

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		for (size_t i = 0; i < COUNT(protos); i++) {
			struct spec s = build__udp(version);
			uint32_t b = backend_for(version);
			struct fl_nat_back e;

			s.proto = protos[i];
			e = stateless(r, rig__service_of(&s), b, RIG_PORT);
			maps__nat_back(r, b, s.proto, RIG_NAT_PORT, &e);
			replies(r, s);
			s.no_check = s.proto == PROTO_UDP;
			replies(r, s);
			maps__nat_back(r, b, s.proto, RIG_NAT_PORT, NULL);
		}
	}
	assert_int_equal(maps__flows(r), 0);
}

/*
 * Of a service of any port a reply is what has a record, and keeps its port, for SCTP too. All else that
 * the backend sends is its own.
 */
static void test_reply_of_any_port(void **state)
{
	const struct want left = {.verdict = FL_V_PASS_NOT_SERVICE};
	static const struct fl_nat_back none;
	struct rig *r = with_nat(gates, FL_BE_RECORD);

	(void)state;
	no_mapping(r);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__sctp(version), out;
		struct spec back = answer(r, &s, backend_for(version), &out);

		maps__nat_back(r, backend_for(version), 0, 0, &none);
		check__becomes(r, &back, NULL, by(r, left, r->port));
		check__spec(r, &s, backend_for(version), FL_V_SEND_NAT);
		replies(r, s);
		back.sport++;
		check__becomes(r, &back, NULL, by(r, left, r->port));
		maps__nat_back(r, backend_for(version), 0, 0, NULL);
	}
}

/* Where there is no way to the client, the routes decide what becomes of the reply. */
static void test_way_to_the_client(void **state)
{
	struct rig *r = with_nat(gates, 0);
	struct fl_event events[4];

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version), out, back;
		uint32_t b = backend_for(version);
		struct fl_nat_back e = stateless(r, rig__service_of(&s), b, RIG_PORT);
		uint8_t *net = &s.ip.src[version == 6 ? 4 : 2];

		maps__nat_back(r, b, PROTO_TCP, RIG_NAT_PORT, &e);
		/* The router does not answer: the agent is asked for its address. */
		maps__events(r, NULL, 0);
		*net = version == 6 ? 0x0a : 101;
		back = answer(r, &s, b, &out);
		check__becomes(r, &back, NULL,
			       by(r, (struct want){.verdict = FL_V_DROP_NO_NEXTHOP}, r->port));
		assert_int_equal(maps__events(r, events, COUNT(events)), 1);
		assert_int_equal(events[0].kind, FL_EVENT_NEIGH);
		assert_int_equal(events[0].ifindex, r->port);
		assert_memory_equal(events[0].daddr + (version == 6 ? 0 : 12), s.ip.src,
				    version == 6 ? 16 : 4);
		/* The way is narrow. */
		*net = version == 6 ? 0x0b : 102;
		back = answer(r, &s, b, &out);
		back.payload = out.payload = NET_SMALL_MTU - 20 - (version == 6 ? 40 : 20);
		back.ip.frag = out.ip.frag = version == 6 ? 0 : FRAG_DF;
		check__becomes(r, &back, &out, by(r, sent_back, r->port));
		back.payload++;
		check__becomes(r, &back, NULL,
			       by(r, (struct want){.verdict = FL_V_PASS_TOO_BIG}, r->port));
		back.ip.frag = 0;
		check__becomes(r, &back, NULL,
			       by(r,
				  (struct want){.verdict = version == 6 ? FL_V_PASS_TOO_BIG
									: FL_V_DROP_TOO_BIG},
				  r->port));
		/* No route; and the machine's own address, as a probe's is. */
		*net = version == 6 ? 0x77 : 99;
		back = answer(r, &s, b, &out);
		check__becomes(r, &back, NULL,
			       by(r, (struct want){.verdict = FL_V_PASS_LOCAL}, r->port));
		memcpy(s.ip.src,
		       version == 6 ? (uint8_t[16]){0xfd, 0, 0, 2, [15] = 1}
				    : (uint8_t[16]){192, 0, 2, 1},
		       16);
		back = answer(r, &s, b, &out);
		check__becomes(r, &back, NULL,
			       by(r, (struct want){.verdict = FL_V_PASS_LOCAL}, r->port));
		maps__nat_back(r, b, PROTO_TCP, RIG_NAT_PORT, NULL);
	}
}

static void test_reply_ttl(void **state)
{
	struct rig *r = with_nat(gates, 0);
	struct spec s = build__tcp(4), out, back = answer(r, &s, RIG_NAT4, &out);
	struct fl_nat_back e = stateless(r, RIG_TCP4, RIG_NAT4, RIG_PORT);

	(void)state;
	maps__nat_back(r, RIG_NAT4, PROTO_TCP, RIG_NAT_PORT, &e);
	back.ip.ttl = 2;
	out.ip.ttl = 1;
	check__becomes(r, &back, &out, by(r, sent_back, r->port));
	back.ip.ttl = 1;
	check__becomes(r, &back, NULL, by(r, (struct want){.verdict = FL_V_DROP_TTL}, r->port));
	/* The client is behind a port that XDP may not send on. */
	back.ip.ttl = 9;
	rig__tx_port(r, r->port, false);
	check__becomes(r, &back, NULL,
		       by(r, (struct want){.verdict = FL_V_DROP_NO_NEXTHOP}, RIG_LO));
	rig__tx_port(r, r->port, true);
	maps__nat_back(r, RIG_NAT4, PROTO_TCP, RIG_NAT_PORT, NULL);
}

/* Several services on one endpoint: each flow has a record, made by its first packet. */
static void test_reply_by_record(void **state)
{
	struct rig *r = with_nat(gates, FL_BE_RECORD);
	const struct fl_nat_back several = {.service = 0};
	const uint16_t seen = FL_NAT_BACK | FL_NAT_SEEN | FL_NAT_SEEN_OTHER | FL_NAT_HERE;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version), out, back;
		uint32_t b = backend_for(version);
		struct fl_nat_flow f;

		maps__no_flows(r);
		maps__nat_back(r, b, PROTO_TCP, RIG_NAT_PORT, &several);
		back = answer(r, &s, b, &out);
		check__becomes(r, &back, NULL,
			       by(r, (struct want){.verdict = FL_V_PASS_NOT_SERVICE}, r->port));
		check__spec(r, &s, b, FL_V_SEND_NAT);
		assert_int_equal(maps__flows(r), 1);
		assert_true(maps__flow(r, &back, &f));
		assert_int_equal(f.flags, FL_NAT_BACK | FL_NAT_HERE);
		assert_int_equal(f.service, rig__service_of(&s));
		assert_int_equal(f.backend, b);
		assert_in_range(maps__clock() / 1000000000 - f.seen_s, 0, 2);
		replies(r, s);
		assert_true(maps__flow(r, &back, &f));
		assert_int_equal(f.flags, FL_NAT_BACK | FL_NAT_SEEN | FL_NAT_HERE);
		/* FIN of both sides, and what comes behind it. */
		s.flags = 0x11;
		check__spec(r, &s, b, FL_V_SEND_NAT);
		assert_true(maps__flow(r, &back, &f));
		assert_int_equal(f.flags, seen | FL_NAT_FIN_OTHER);
		back.flags = out.flags = 0x11;
		check__becomes(r, &back, &out, by(r, sent_back, r->port));
		assert_true(maps__flow(r, &back, &f));
		assert_int_equal(f.flags, seen | FL_NAT_FIN_OTHER | FL_NAT_FIN);
		/* A new connection with the same ports starts afresh. */
		s.flags = 0x02;
		check__spec(r, &s, b, FL_V_SEND_NAT);
		assert_true(maps__flow(r, &back, &f));
		assert_int_equal(f.flags, FL_NAT_BACK | FL_NAT_HERE);
		maps__nat_back(r, b, PROTO_TCP, RIG_NAT_PORT, NULL);
	}
}

/* The client talks to two services on one backend from one port: the replies would be alike. */
static void test_clash(void **state)
{
	static const uint16_t finished[] = {FL_NAT_RST, FL_NAT_FIN | FL_NAT_FIN_OTHER};
	struct rig *r = with_nat(gates, FL_BE_RECORD);
	struct spec s = build__tcp(4), out, back;
	struct fl_nat_flow f, other;

	(void)state;
	check__spec(r, &s, RIG_NAT4, FL_V_SEND_NAT);
	back = answer(r, &s, RIG_NAT4, &out);
	assert_true(maps__flow(r, &back, &f));
	other = f;
	other.sport = htons(RIG_PORT + 1);
	maps__set_flow(r, &back, &other);
	check__spec(r, &s, RIG_NAT4, FL_V_DROP_NAT_CLASH);
	other.flags = FL_NAT_BACK | FL_NAT_FIN;
	maps__set_flow(r, &back, &other);
	check__spec(r, &s, RIG_NAT4, FL_V_DROP_NAT_CLASH);
	for (size_t i = 0; i < COUNT(finished); i++) {
		other.flags = FL_NAT_BACK | finished[i];
		maps__set_flow(r, &back, &other);
		check__spec(r, &s, RIG_NAT4, FL_V_SEND_NAT);
		assert_true(maps__flow(r, &back, &f));
		assert_int_equal(f.sport, htons(RIG_PORT));
		assert_int_equal(f.flags, FL_NAT_BACK | FL_NAT_HERE);
	}
	/* Not seen for idle_s. */
	other.flags = FL_NAT_BACK;
	other.seen_s = f.seen_s - 290;
	maps__set_flow(r, &back, &other);
	check__spec(r, &s, RIG_NAT4, FL_V_DROP_NAT_CLASH);
	other.seen_s = f.seen_s - 302;
	maps__set_flow(r, &back, &other);
	check__spec(r, &s, RIG_NAT4, FL_V_SEND_NAT);
}

static void test_records_full(void **state)
{
	struct rig *r = with_nat(tiny, FL_BE_RECORD);
	struct spec s = build__udp(4);
	enum fl_verdict v = FL_V_SEND_NAT;

	(void)state;
	r->unexplained = true;
	for (int i = 0; i < 3; i++) {
		s.sport = (uint16_t)(700 + i);
		/* Two fit (and, on some kernels, one for each CPU's cache more than asked for). */
		v = maps__flows(r) < 2 ? FL_V_SEND_NAT : FL_V_DROP_NAT_FULL;
		check__spec(r, &s, RIG_NAT4, v);
	}
	assert_int_equal(v, FL_V_DROP_NAT_FULL);
	/* The flows that have a record go on. */
	s.sport = 700;
	check__spec(r, &s, RIG_NAT4, FL_V_SEND_NAT);
}

/* The fragments of a reply, of which only the first has ports. */
static void test_fragmented_reply(void **state)
{
	struct rig *r = with_nat(gates, 0);

	(void)state;
	maps__no_frags(r);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version), out, back;
		uint32_t b = backend_for(version);
		struct fl_nat_back e = stateless(r, rig__service_of(&s), b, RIG_PORT);

		maps__nat_back(r, b, PROTO_UDP, RIG_NAT_PORT, &e);
		back = answer(r, &s, b, &out);
		build__first(&back, 99);
		build__first(&out, 99);
		check__becomes(r, &back, &out, by(r, sent_back, r->port));
		build__later(&back, 99, 50);
		build__later(&out, 99, 50);
		check__becomes(r, &back, &out, by(r, sent_back, r->port));
		maps__nat_back(r, b, PROTO_UDP, RIG_NAT_PORT, NULL);
	}
}

/* Crafted: IPv6 from the mapped address of a backend is no reply. */
static void test_mapped_source(void **state)
{
	struct rig *r = with_nat(gates, 0);
	struct fl_nat_back e = stateless(r, RIG_TCP4, RIG_NAT4, RIG_PORT);
	struct spec s = build__tcp(6);

	(void)state;
	maps__nat_back(r, RIG_NAT4, PROTO_TCP, RIG_NAT_PORT, &e);
	memcpy(s.ip.dst, s.ip.src, 16);
	maps__addr(4, r->be[RIG_NAT4].tunnel.dst, s.ip.src);
	s.sport = RIG_NAT_PORT;
	check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	maps__nat_back(r, RIG_NAT4, PROTO_TCP, RIG_NAT_PORT, NULL);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_many_packets),
		cmocka_unit_test(test_port_stays),
		cmocka_unit_test(test_no_udp_checksum),
		cmocka_unit_test(test_udp_checksum_of_zero),
		cmocka_unit_test(test_others_pass),
		cmocka_unit_test(test_stateless_reply),
		cmocka_unit_test(test_reply_of_any_port),
		cmocka_unit_test(test_way_to_the_client),
		cmocka_unit_test(test_reply_ttl),
		cmocka_unit_test(test_reply_by_record),
		cmocka_unit_test(test_clash),
		cmocka_unit_test(test_fragmented_reply),
		cmocka_unit_test(test_mapped_source),
		cmocka_unit_test(test_records_full),
	};

	check__gates = gates;
	return check__table("packet_nat", rows, COUNT(rows), others, COUNT(others));
}
