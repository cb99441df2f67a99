/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP to a VIP: echo requests, and errors that go where the flow that they are about goes. */
#include "check.h"
#include "change.h"
#include "icmp.h"
#include "maps.h"

#include <string.h>

#define RATE_BURST 201 /* echo replies at once: 20 ms of 10 000 a second, and one */

static const struct rig_gates gates = {.nat = true, .sources = true};

static struct rig *quiet(uint32_t flags)
{
	struct rig *r = rig__get(gates);

	rig__reset_backends(r);
	rig__point(r, RIG_L2);
	maps__vip(r, 4, flags);
	maps__vip(r, 6, flags);
	maps__icmp_rest(r);
	return r;
}

static void passes(struct rig *r, const struct spec *s)
{
	check__becomes(r, s, NULL, (struct want){.verdict = FL_V_PASS_NOT_SERVICE});
}

static void answered(struct rig *r, const struct spec *s)
{
	static struct frame in, want;
	struct spec out = build__reply(s);
	uint8_t *check = want.b + build__l3(s) + 20 + 2;

	memcpy(out.dmac, s->smac, 6);
	memcpy(out.smac, s->dmac, 6);
	out.ip.ttl = 64;
	out.icmp.type = s->ip.version == 6 ? 129 : 0;
	build__frame(s, &in);
	build__frame(&out, &want);
	/* Both stand for the same number, and 0xffff is right for a message of zeros as well. */
	if (s->ip.version == 4 && !check[0] && !check[1])
		check[0] = check[1] = 0xff;
	check__frame(r, &in, &(struct want){.verdict = FL_V_SEND_ECHO, .out = &want});
}

static void test_echo(void **state)
{
	struct rig *r = quiet(FL_VIP_ECHO);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		for (uint16_t payload = 0; payload < 1400; payload += 99) {
			struct spec s = build__echo(version);

			s.payload = payload;
			s.icmp.rest = payload * 0x10307U;
			answered(r, &s);
			change__tag(&s);
			answered(r, &s);
			change__qinq(&s);
			change__tos(&s);
			s.trailer = 9;
			answered(r, &s);
		}
	}
}

/* Every TTL, and checksums that carry: the builder computes both afresh. */
static void test_echo_checksums(void **state)
{
	struct rig *r = quiet(FL_VIP_ECHO);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__echo(version);

		for (uint32_t i = 0; i < 256; i++) {
			maps__icmp_rest(r);
			s.ip.ttl = (uint8_t)i;
			s.ip.id = (uint16_t)(i * 257);
			s.icmp.rest = i << 8 | 0xff000000;
			answered(r, &s);
		}
		for (uint32_t rest = 0; rest < 65536; rest += 3) {
			static struct frame f;
			uint32_t at = version == 6 ? 14 + 40 + 2 : 14 + 20 + 2;

			s.icmp.rest = rest;
			build__frame(&s, &f);
			/* The sums that overflow by the new type, and some others. */
			if (f.b[at] < 0xf7 && rest % 4096)
				continue;
			if (rest % 64 == 0)
				maps__icmp_rest(r);
			answered(r, &s);
			maps__icmp_rest(r);
		}
	}
}

static void test_echo_not_answered(void **state)
{
	struct rig *r = quiet(FL_VIP_ECHO);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__echo(version), other;

		other = s;
		other.icmp.code = 1;
		passes(r, &other);
		other = s;
		other.ip.dst[3] ^= 1;
		passes(r, &other);
		/* Options and extension headers may ask for more than an answer. */
		other = s;
		other.ip.options = 4;
		other.ip.ext[0] = (struct ext){.type = PROTO_HOP, .len = 8};
		passes(r, &other);
		/* The reply to somebody's request is nobody's here. */
		other = s;
		other.icmp.type = version == 6 ? 129 : 0;
		passes(r, &other);
		other.icmp.type = version == 6 ? 135 : 13;
		passes(r, &other);
		maps__vip(r, version, 0);
		passes(r, &s);
	}
}

static void test_echo_denied(void **state)
{
	struct rig *r = quiet(FL_VIP_ECHO);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__echo(version);

		maps__source(r, 0, version, s.ip.src, 32, FL_SRC_DENY);
		check__becomes(r, &s, NULL, (struct want){.verdict = FL_V_DROP_DENIED});
		maps__source(r, 0, version, s.ip.src, 32, 0);
		answered(r, &s);
	}
}

static void test_echo_short(void **state)
{
	struct rig *r = quiet(FL_VIP_ECHO);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__echo(version);

		s.payload = 0;
		answered(r, &s);
		for (s.ip.len_lie = -8; s.ip.len_lie < 0; s.ip.len_lie++)
			check__becomes(r, &s, NULL, (struct want){.verdict = FL_V_PASS_MALFORMED});
	}
}

static void test_echo_rate(void **state)
{
	struct rig *r = quiet(FL_VIP_ECHO);
	struct spec s = build__echo(4);
	static struct frame in;
	static struct run run;
	uint64_t start = maps__clock();
	uint32_t n = 0;

	(void)state;
	r->unexplained = true;
	build__frame(&s, &in);
	for (int i = 0; i < 2000; i++) {
		rig__run(r->lb, &in, 0, &run);
		n += run.action == XDP_TX;
	}
	assert_in_range(n, RATE_BURST, RATE_BURST + 10 * ((maps__clock() - start) / 1000000 + 1));
	assert_in_range(n, 0, 1999);
}

/* What the VIP has sent: a backend's answer to a client, as routers on the way see it. */
static struct spec vip_sent(uint8_t version, uint8_t proto)
{
	struct spec client = build__udp(version), s;

	client.proto = proto;
	client.flags = proto == PROTO_TCP ? 0x10 : 0;
	s = build__reply(&client);
	s.ip.ttl = 1;
	s.payload = 300;
	return s;
}

static const struct {
	uint32_t backend;
	enum fl_verdict verdict;
} tunnels[] = {{RIG_L2, FL_V_SEND_L2},
	       {RIG_IPIP4, FL_V_SEND_IPIP},
	       {RIG_IPIP6, FL_V_SEND_IPIP},
	       {RIG_GUE4, FL_V_SEND_GUE},
	       {RIG_GUE6, FL_V_SEND_GUE}};

/* The error as the client's own packet would be forwarded, whose flow it is about. */
static void follows(struct rig *r, const struct spec *error, const struct spec *quoted,
		    uint32_t backend, enum fl_verdict verdict)
{
	struct spec client = build__reply(quoted), out;
	struct want want = {
		.verdict = verdict, .service = rig__service_of(&client), .backend = backend};

	out = check__sent_by(r, error, backend, rig__hash(r, &client));
	check__becomes(r, error, &out, want);
}

static void test_error_to_every_tunnel(void **state)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP, PROTO_SCTP};
	struct rig *r = quiet(0);

	(void)state;
	for (size_t i = 0; i < COUNT(tunnels); i++) {
		rig__point(r, (uint16_t)tunnels[i].backend);
		for (uint8_t version = 4; version <= 6; version += 2) {
			for (size_t p = 0; p < COUNT(protos); p++) {
				struct spec q = vip_sent(version, protos[p]);
				struct spec e = icmp__error(&q, 0);

				follows(r, &e, &q, tunnels[i].backend, tunnels[i].verdict);
				change__tag(&e);
				e.payload = 100;
				follows(r, &e, &q, tunnels[i].backend, tunnels[i].verdict);
			}
		}
	}
}

static void test_every_type(void **state)
{
	static const uint8_t errors4[] = {3, 4, 5, 11, 12}, errors6[] = {1, 2, 3, 4};
	struct rig *r = quiet(0);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec q = vip_sent(version, PROTO_TCP), e = icmp__error(&q, 0);
		const uint8_t *errors = version == 6 ? errors6 : errors4;
		size_t n = version == 6 ? COUNT(errors6) : COUNT(errors4);

		for (uint32_t type = 0; type < 256; type++) {
			e.icmp.type = (uint8_t)type;
			e.icmp.code = (uint8_t)(type % 3);
			if (memchr(errors, (int)type, n))
				follows(r, &e, &q, RIG_L2, FL_V_SEND_L2);
			else
				passes(r, &e);
		}
	}
}

/* Exactly the 8 bytes that RFC 792 promises, and one less. */
static void test_least_quote(void **state)
{
	struct rig *r = quiet(0);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec q = vip_sent(version, PROTO_TCP), e;
		uint16_t header = version == 6 ? 40 : 20;

		for (uint16_t bytes = 1; bytes < header + 12; bytes++) {
			e = icmp__error(&q, bytes);
			if (bytes < header + 8)
				passes(r, &e);
			else
				follows(r, &e, &q, RIG_L2, FL_V_SEND_L2);
		}
		/* Bytes behind the packet are none of the quote. */
		e = icmp__error(&q, (uint16_t)(header + 7));
		e.trailer = 20;
		passes(r, &e);
	}
}

/* Options and extension headers of the quoted packet; a first fragment says enough, a later one not. */
static void test_quoted_headers(void **state)
{
	struct rig *r = quiet(0);
	struct spec q = vip_sent(4, PROTO_UDP), e;

	(void)state;
	for (q.ip.options = 4; q.ip.options <= 40; q.ip.options += 4) {
		e = icmp__error(&q, (uint16_t)(20 + q.ip.options + 8));
		follows(r, &e, &q, RIG_L2, FL_V_SEND_L2);
		e = icmp__error(&q, (uint16_t)(20 + q.ip.options + 7));
		passes(r, &e);
	}
	q = vip_sent(6, PROTO_UDP);
	for (int i = 0; i < 7; i++) {
		q.ip.ext[i] = (struct ext){.type = i % 2 ? PROTO_DEST : PROTO_ROUTING, .len = 8};
		e = icmp__error(&q, 0);
		if (i < 6)
			follows(r, &e, &q, RIG_L2, FL_V_SEND_L2);
		else
			passes(r, &e);
	}
	for (uint8_t version = 4; version <= 6; version += 2) {
		q = vip_sent(version, PROTO_UDP);
		build__first(&q, 9);
		e = icmp__error(&q, 0);
		follows(r, &e, &q, RIG_L2, FL_V_SEND_L2);
		build__later(&q, 9, 100);
		passes(r, &e);
	}
}

/* Its source is not the VIP that it is to, or no service has it: nobody has sent that. */
static void test_wrong_quote(void **state)
{
	struct rig *r = quiet(0);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec q = vip_sent(version, PROTO_TCP), e = icmp__error(&q, 0);

		q.ip.src[3] ^= 1;
		passes(r, &e);
		q = vip_sent(version, PROTO_TCP);
		q.sport++;
		passes(r, &e);
		q = vip_sent(version, version == 6 ? PROTO_ICMP6 : PROTO_ICMP);
		passes(r, &e);
		q = vip_sent(version, 47);
		passes(r, &e);
		/* The other version inside. */
		q = vip_sent(version == 6 ? 4 : 6, PROTO_TCP);
		passes(r, &e);
	}
}

static void test_error_dropped(void **state)
{
	struct rig *r = quiet(0);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec q = vip_sent(version, PROTO_TCP), e = icmp__error(&q, 0);
		struct spec client = build__reply(&q);
		struct want want = {.service = rig__service_of(&client)};

		rig__point(r, FL_SLOT_NONE);
		want.verdict = FL_V_DROP_NO_BACKEND;
		check__becomes(r, &e, NULL, want);
		rig__point(r, RIG_IPIP4);
		e.ip.ttl = 1;
		want.verdict = FL_V_DROP_TTL;
		check__becomes(r, &e, NULL, want);
		e.ip.ttl = 9;
		/* Its source is denied, wherever it wants to go. */
		maps__source(r, 0, version, e.ip.src, 32, FL_SRC_DENY);
		want.verdict = FL_V_DROP_DENIED;
		check__becomes(r, &e, NULL, want);
		maps__source(r, 0, version, e.ip.src, 32, 0);
		/* A service's list is of clients: routers are on none, and path MTU discovery works. */
		r->services[want.service].flags = FL_SVC_SOURCES;
		maps__source(r, want.service, version, e.ip.src, 0, FL_SRC_DENY);
		follows(r, &e, &q, RIG_IPIP4, FL_V_SEND_IPIP);
		maps__source(r, want.service, version, e.ip.src, 0, 0);
		r->services[want.service].flags = 0;
	}
}

/* No error about an error (RFC 1122 3.2.2), so what is too big is dropped. */
static void test_error_too_big(void **state)
{
	struct rig *r = quiet(0);
	struct rig_backend b = r->be[RIG_IPIP4];

	(void)state;
	b.mtu = 200;
	rig__backend(r, RIG_IPIP4, &b);
	rig__point(r, RIG_IPIP4);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec q = vip_sent(version, PROTO_TCP), e = icmp__error(&q, 0);
		struct spec client = build__reply(&q);

		e.ip.frag = version == 4 ? FRAG_DF : 0;
		check__becomes(r, &e, NULL,
			       (struct want){.verdict = FL_V_DROP_TOO_BIG,
					     .service = rig__service_of(&client)});
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_echo_checksums),
		cmocka_unit_test(test_echo_not_answered),
		cmocka_unit_test(test_echo_denied),
		cmocka_unit_test(test_echo_short),
		cmocka_unit_test(test_echo_rate),
		cmocka_unit_test(test_error_to_every_tunnel),
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_least_quote),
		cmocka_unit_test(test_quoted_headers),
		cmocka_unit_test(test_wrong_quote),
		cmocka_unit_test(test_error_dropped),
		cmocka_unit_test(test_error_too_big),
	};

	return check__table("packet_icmp", NULL, 0, tests, COUNT(tests));
}
