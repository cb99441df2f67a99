/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments of replies that come before their first one: the client would get them from an address that
 * it has never spoken to. What the same backend sends of its own passes.
 */
#include "check.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <string.h>

#define ID 0x1234

static const struct rig_gates gates = {.nat = true};

static const uint8_t pool4[4] = {10, 99, 0, 1}, pool6[16] = {0xfd, 0x99, [15] = 1};

static uint32_t backend_for(uint8_t version)
{
	return version == 6 ? RIG_NAT6 : RIG_NAT4;
}

static struct rig *with_nat(void)
{
	static const struct fl_snat none;
	struct rig *r = rig__get(gates);

	rig__reset_backends(r);
	maps__no_frags(r);
	maps__snat(r, &none);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++)
		r->services[id].flags = FL_SVC_NAT;
	return r;
}

/* The backend is one of NAT, or no more; `port` 0: of services whose endpoints name nothing. */
static void endpoint(struct rig *r, uint8_t version, uint16_t port, bool there)
{
	struct fl_nat_back e = {.port = htons(RIG_PORT), .backend = backend_for(version)},
			   none = {};

	e.service = version == 6 ? RIG_UDP6 : RIG_UDP4;
	memcpy(e.vip, r->services[e.service].key.addr, 16);
	if (port)
		maps__nat_back(r, e.backend, PROTO_UDP, port, there ? &e : NULL);
	maps__nat_back(r, e.backend, 0, 0, there ? &none : NULL);
}

/* What the backend sends from that port to the client: the first fragment, and a later one. */
static void datagram(struct rig *r, uint8_t version, uint16_t port, struct spec *first,
		     struct spec *later)
{
	struct spec s = build__udp(version);

	s.dport = port;
	memcpy(s.ip.dst, r->be[backend_for(version)].tunnel.dst, 16);
	*first = *later = build__reply(&s);
	build__first(first, ID);
	build__later(later, ID, 100);
}

static void gets(struct rig *r, const struct spec *s, enum fl_verdict v)
{
	check__becomes(r, s, NULL, (struct want){.verdict = v, .ingress = r->port});
}

static void is_reply(struct rig *r, const struct spec *s)
{
	struct spec out = *s;

	if (s->ip.version == 6)
		memcpy(out.ip.src, rig_vip6, 16);
	else
		memcpy(out.ip.src, rig_vip4, 4);
	out.sport = RIG_PORT;
	out.ip.ttl--;
	memcpy(out.dmac, net_router, 6);
	memcpy(out.smac, net_mac, 6);
	check__becomes(r, s, &out, (struct want){.verdict = FL_V_SEND_REPLY, .ingress = r->port});
}

static void test_before_the_first(void **state)
{
	struct rig *r = with_nat();

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first, later;

		datagram(r, version, RIG_NAT_PORT, &first, &later);
		gets(r, &later, FL_V_PASS_FRAGMENT);
		endpoint(r, version, RIG_NAT_PORT, true);
		gets(r, &later, FL_V_DROP_FRAGMENT_REPLY);
		is_reply(r, &first);
		is_reply(r, &later);
		/* Of the next datagram the same. */
		build__later(&later, ID + 1, 100);
		gets(r, &later, FL_V_DROP_FRAGMENT_REPLY);
		endpoint(r, version, RIG_NAT_PORT, false);
	}
}

/* RFC 8200 4.1: which protocol it is of, a fragment behind a destination options header does not say. */
static void test_hidden_protocol(void **state)
{
	struct rig *r = with_nat();
	struct spec first, later;

	(void)state;
	datagram(r, 6, RIG_NAT_PORT, &first, &later);
	first.ip.ext[1] = (struct ext){.type = PROTO_DEST, .len = 16};
	later.proto = PROTO_DEST;
	endpoint(r, 6, RIG_NAT_PORT, true);
	gets(r, &later, FL_V_DROP_FRAGMENT_REPLY);
	is_reply(r, &first);
	is_reply(r, &later);
	endpoint(r, 6, RIG_NAT_PORT, false);
}

/* What is no reply passes as a whole, once its first fragment has said so. */
static void test_of_its_own(void **state)
{
	struct rig *r = with_nat();

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first, later;

		datagram(r, version, 53, &first, &later);
		endpoint(r, version, 0, true);
		gets(r, &later, FL_V_DROP_FRAGMENT_REPLY);
		gets(r, &first, FL_V_PASS_FRAGMENT);
		gets(r, &later, FL_V_PASS_FRAGMENT);
		endpoint(r, version, 0, false);
	}
}

/* To the balancer itself, as an answer to a probe: no first fragment would send it elsewhere. */
static void test_to_the_balancer(void **state)
{
	struct rig *r = with_nat();

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first, later;

		datagram(r, version, RIG_NAT_PORT, &first, &later);
		endpoint(r, version, RIG_NAT_PORT, true);
		memcpy(later.ip.dst,
		       version == 6 ? (uint8_t[16]){0xfd, 0, 0, 2, [15] = 1}
				    : (uint8_t[16]){192, 0, 2, 1},
		       16);
		gets(r, &later, FL_V_PASS_FRAGMENT);
		endpoint(r, version, RIG_NAT_PORT, false);
	}
}

/* To an address of full NAT's pool, whoever it is from. */
static void test_to_the_pool(void **state)
{
	struct rig *r = with_nat();
	struct fl_snat pool = {
		.n4 = 1, .n6 = 1, .port_first = 20000, .port_last = 20999, .span = 10};

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec first = build__udp(version), later;

		memcpy(&pool.addr4[0], pool4, 4);
		memcpy(pool.addr6[0], pool6, 16);
		memcpy(first.ip.dst, version == 6 ? pool6 : pool4, version == 6 ? 16 : 4);
		later = first;
		build__first(&first, ID);
		build__later(&later, ID, 100);
		gets(r, &later, FL_V_PASS_FRAGMENT);
		maps__snat(r, &pool);
		gets(r, &later, FL_V_DROP_FRAGMENT_REPLY);
		/* Of no flow: the kernel's, all of it. */
		gets(r, &first, FL_V_PASS_FRAGMENT);
		gets(r, &later, FL_V_PASS_FRAGMENT);
		maps__snat(r, &(struct fl_snat){});
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_first), cmocka_unit_test(test_hidden_protocol),
		cmocka_unit_test(test_of_its_own),	 cmocka_unit_test(test_to_the_balancer),
		cmocka_unit_test(test_to_the_pool),
	};

	return check__table("packet_fragment_replies", NULL, 0, tests, COUNT(tests));
}
