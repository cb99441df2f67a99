/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors through NAT (RFC 5508 4): to a backend about what it sent in the VIP's name, to a client
 * about what it sent to the VIP. What is quoted is what the receiver knows.
 */
#include "check.h"
#include "change.h"
#include "icmp.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <string.h>

#define FIRST 20000

static const struct rig_gates gates = {.nat = true, .sources = true};
static const uint8_t pool4[4] = {10, 99, 0, 1}, pool6[16] = {0xfd, 0x99, [15] = 1};

static struct rig *with(uint32_t backend4, uint32_t flags)
{
	struct fl_snat pool = {.n4 = 1, .n6 = 1, .port_first = FIRST, .span = 100};
	struct rig *r = rig__get(gates);

	memcpy(&pool.addr4[0], pool4, 4);
	memcpy(pool.addr6[0], pool6, 16);
	rig__reset_backends(r);
	maps__snat(r, &pool);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		bool v6 = id == RIG_TCP6 || id == RIG_UDP6 || id == RIG_SCTP6;

		r->services[id].flags = flags;
		rig__point_one(r, id, (uint16_t)(backend4 + v6));
	}
	return r;
}

/* How much is quoted: up to a TCP header without its checksum, which covers what is no longer so. */
static uint16_t least(uint8_t version)
{
	return version == 6 ? 48 : 28;
}

static const struct {
	uint8_t proto;
	bool no_check;
	uint16_t more; /* bytes quoted beside the least */
} kinds[] = {
	{PROTO_TCP, false, 0}, {PROTO_TCP, false, 7}, {PROTO_UDP, true, 0}, {PROTO_UDP, true, 51}};

static struct spec client_packet(uint8_t version, size_t kind)
{
	struct spec s = kinds[kind].proto == PROTO_TCP ? build__tcp(version) : build__udp(version);

	s.no_check = kinds[kind].no_check;
	s.payload = 200;
	return s;
}

/* The client's own packet: over IPv6 UDP has a checksum, which only a quote can do without. */
static struct spec whole(const struct spec *s)
{
	struct spec out = *s;

	out.no_check = s->no_check && s->ip.version == 4;
	return out;
}

static void pair_made(struct rig *r, const struct spec *s, const struct spec *got, uint32_t b)
{
	struct spec in = whole(s), out = whole(got);

	check__becomes(r, &in, &out,
		       (struct want){.verdict = FL_V_SEND_FULLNAT,
				     .service = rig__service_of(s),
				     .backend = b});
}

static void addressed(struct spec *s, const struct rig *r, uint32_t backend)
{
	memcpy(s->dmac, r->be[backend].hop.dmac, 6);
	memcpy(s->smac, r->be[backend].hop.smac, 6);
	memcpy(s->ip.dst, r->be[backend].tunnel.dst, 16);
	s->ip.ttl--;
}

/* A router says to the VIP what it thinks of a reply: the backend hears it of its own packet. */
static void test_to_backend_of_nat(void **state)
{
	struct rig *r = with(RIG_NAT4, FL_SVC_NAT);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		uint32_t b = version == 6 ? RIG_NAT6 : RIG_NAT4;

		for (size_t k = 0; k < COUNT(kinds); k++) {
			struct spec s = client_packet(version, k), q = build__reply(&s), q2 = q;
			struct spec e = icmp__error(&q, (uint16_t)(least(version) + kinds[k].more));
			struct spec out = e;

			memcpy(q2.ip.src, r->be[b].tunnel.dst, 16);
			q2.sport = RIG_NAT_PORT;
			out.quote = &q2;
			addressed(&out, r, b);
			check__becomes(r, &e, &out,
				       (struct want){.verdict = FL_V_SEND_NAT,
						     .service = rig__service_of(&s),
						     .backend = b});
		}
	}
}

static void test_to_backend_of_fullnat(void **state)
{
	struct rig *r = with(RIG_FULL4, FL_SVC_NAT | FL_SVC_FULLNAT);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		uint32_t b = version == 6 ? RIG_FULL6 : RIG_FULL4;
		const uint8_t *pool = version == 6 ? pool6 : pool4;
		size_t bytes = version == 6 ? 16 : 4;

		for (size_t k = 0; k < COUNT(kinds); k++) {
			struct spec s = client_packet(version, k), q = build__reply(&s), q2 = q;
			struct spec e = icmp__error(&q, (uint16_t)(least(version) + kinds[k].more));
			struct spec out = e, got = check__sent(r, &s, b);
			struct want want = {.verdict = FL_V_DROP_NAT_UNKNOWN,
					    .service = rig__service_of(&s)};
			struct fl_nat_flow f;

			s.sport = got.sport = (uint16_t)(500 + k);
			q = build__reply(&s);
			check__becomes(r, &e, NULL, want);
			want.verdict = FL_V_SEND_FULLNAT;
			want.backend = b;
			got.sport = (uint16_t)(FIRST + k + (version == 6) * COUNT(kinds));
			memcpy(got.ip.src, pool, bytes);
			pair_made(r, &s, &got, b);
			assert_true(maps__flow(r, &s, &f));
			assert_int_equal(ntohs(f.sport), got.sport);
			q2 = q;
			memcpy(q2.ip.src, r->be[b].tunnel.dst, 16);
			memcpy(q2.ip.dst, pool, bytes);
			q2.sport = RIG_NAT_PORT;
			q2.dport = got.sport;
			out.quote = &q2;
			addressed(&out, r, b);
			memcpy(out.ip.src, pool, bytes);
			check__becomes(r, &e, &out, want);
		}
	}
}

/* What the client is to get of an error about `got`, its packet as the backend was to have it. */
static struct spec for_client(const struct spec *e, const struct spec *s, const struct spec *got,
			      struct spec *quoted)
{
	struct spec out = *e;

	*quoted = *got;
	memcpy(quoted->ip.src, s->ip.src, 16);
	memcpy(quoted->ip.dst, s->ip.dst, 16);
	quoted->sport = s->sport;
	quoted->dport = s->dport;
	out.quote = quoted;
	memcpy(out.ip.dst, s->ip.src, 16);
	memcpy(out.dmac, net_router, 6);
	memcpy(out.smac, net_mac, 6);
	out.ip.ttl--;
	return out;
}

static struct want to_client(const struct rig *r, enum fl_verdict verdict)
{
	return (struct want){.verdict = verdict, .ingress = r->port};
}

/* A router behind the balancer, then the backend itself, which speaks as the VIP. */
static void both_sources(struct rig *r, struct spec e, const struct spec *s, const struct spec *got)
{
	struct spec quoted, out = for_client(&e, s, got, &quoted);

	check__becomes(r, &e, &out, to_client(r, FL_V_SEND_REPLY));
	change__tag(&e);
	check__becomes(r, &e, &out, to_client(r, FL_V_SEND_REPLY));
	memcpy(e.ip.src, got->ip.dst, 16);
	memcpy(out.ip.src, s->ip.dst, 16);
	check__becomes(r, &e, &out, to_client(r, FL_V_SEND_REPLY));
}

static struct fl_nat_back endpoint(const struct rig *r, const struct spec *s, uint32_t b)
{
	struct fl_nat_back e = {.port = htons(RIG_PORT), .backend = b};

	e.service = (__u16)rig__service_of(s);
	memcpy(e.vip, r->services[e.service].key.addr, 16);
	return e;
}

static void test_to_client_of_nat(void **state)
{
	struct rig *r = with(RIG_NAT4, FL_SVC_NAT);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		uint32_t b = version == 6 ? RIG_NAT6 : RIG_NAT4;

		for (size_t k = 0; k < COUNT(kinds); k++) {
			struct spec s = client_packet(version, k), got = check__sent(r, &s, b);
			struct spec e =
				icmp__error(&got, (uint16_t)(least(version) + kinds[k].more));
			struct fl_nat_back back = endpoint(r, &s, b);

			check__becomes(r, &e, NULL, to_client(r, FL_V_PASS_NOT_SERVICE));
			maps__nat_back(r, b, s.proto, RIG_NAT_PORT, &back);
			both_sources(r, e, &s, &got);
			maps__nat_back(r, b, s.proto, RIG_NAT_PORT, NULL);
		}
	}
}

static void test_to_client_of_fullnat(void **state)
{
	struct rig *r = with(RIG_FULL4, FL_SVC_NAT | FL_SVC_FULLNAT);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		uint32_t b = version == 6 ? RIG_FULL6 : RIG_FULL4;

		for (size_t k = 0; k < COUNT(kinds); k += 2) {
			struct spec s = client_packet(version, k), got = check__sent(r, &s, b), e;

			got.sport = (uint16_t)(FIRST + k / 2 + (version == 6) * 2);
			memcpy(got.ip.src, version == 6 ? pool6 : pool4, version == 6 ? 16 : 4);
			e = icmp__error(&got, least(version));
			check__becomes(r, &e, NULL, to_client(r, FL_V_PASS_NOT_SERVICE));
			pair_made(r, &s, &got, b);
			both_sources(r, e, &s, &got);
		}
	}
}

/* What is not sent is not touched either. */
static void test_not_sent(void **state)
{
	struct rig *r = with(RIG_NAT4, FL_SVC_NAT);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		uint32_t b = version == 6 ? RIG_NAT6 : RIG_NAT4;
		struct spec s = client_packet(version, 0), got = check__sent(r, &s, b);
		struct spec e = icmp__error(&got, least(version));
		struct fl_nat_back back = endpoint(r, &s, b);

		maps__nat_back(r, b, s.proto, RIG_NAT_PORT, &back);
		/* To another than the quoted packet's source. */
		e.ip.dst[3] ^= 1;
		check__becomes(r, &e, NULL, to_client(r, FL_V_PASS_NOT_SERVICE));
		e.ip.dst[3] ^= 1;
		e.ip.ttl = 1;
		check__becomes(r, &e, NULL, to_client(r, FL_V_DROP_TTL));
		/* The way to the client is not known. */
		s.ip.src[version == 6 ? 4 : 2] = version == 6 ? 0x0a : 101;
		got = check__sent(r, &s, b);
		e = icmp__error(&got, least(version));
		check__becomes(r, &e, NULL, to_client(r, FL_V_DROP_NO_NEXTHOP));
		maps__nat_back(r, b, s.proto, RIG_NAT_PORT, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_backend_of_nat),
		cmocka_unit_test(test_to_backend_of_fullnat),
		cmocka_unit_test(test_to_client_of_nat),
		cmocka_unit_test(test_to_client_of_fullnat),
		cmocka_unit_test(test_not_sent),
	};

	return check__table("packet_icmp_nat", NULL, 0, tests, COUNT(tests));
}
