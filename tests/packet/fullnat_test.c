/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `fullnat`: pairs of records, sources of the pool, and what ends or voids a flow. */
#include "check.h"
#include "change.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <string.h>

#define FIRST 20000 /* ports of the pool; RIG has them in parts of SPAN for each CPU */
#define SPAN 40

static const struct rig_gates gates = {.nat = true};

static struct fl_snat pool_of(uint32_t n)
{
	struct fl_snat p = {.n4 = n, .n6 = n, .port_first = FIRST, .span = SPAN};

	p.port_last = FIRST + SPAN * 64 - 1;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t v4[4] = {10, 99, 0, (uint8_t)(1 + i)};

		memcpy(&p.addr4[i], v4, 4);
		memcpy(p.addr6[i], (uint8_t[16]){0xfd, 0x99, [15] = (uint8_t)(1 + i)}, 16);
	}
	return p;
}

static uint32_t backend_for(uint8_t version)
{
	return version == 6 ? RIG_FULL6 : RIG_FULL4;
}

static struct rig *with_fullnat(uint32_t addresses)
{
	const struct fl_snat pool = pool_of(addresses);
	struct rig *r = rig__get(gates);

	net__cpu(0);
	rig__reset_backends(r);
	maps__snat(r, &pool);
	maps__no_frags(r);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		bool v6 = id == RIG_TCP6 || id == RIG_UDP6 || id == RIG_SCTP6;

		r->services[id].flags = FL_SVC_NAT | FL_SVC_FULLNAT;
		r->services[id].idle_s = 300;
		rig__point_one(r, id, v6 ? RIG_FULL6 : RIG_FULL4);
	}
	return r;
}

/* The packet as the backend gets it, with the n-th port of CPU 0's part and address number `a`. */
static struct spec sent_from(const struct rig *r, const struct spec *s, uint32_t a, uint16_t n)
{
	struct spec out = check__sent(r, s, backend_for(s->ip.version));
	const struct fl_snat pool = pool_of(FL_SNAT_ADDRS);

	if (s->ip.version == 6)
		memcpy(out.ip.src, pool.addr6[a], 16);
	else
		memcpy(out.ip.src, &pool.addr4[a], 4);
	out.sport = (uint16_t)(FIRST + n);
	return out;
}

static struct want sent(const struct spec *s)
{
	return (struct want){.verdict = FL_V_SEND_FULLNAT,
			     .service = rig__service_of(s),
			     .backend = backend_for(s->ip.version)};
}

static void goes(struct rig *r, const struct spec *s, uint32_t a, uint16_t n)
{
	struct spec out = sent_from(r, s, a, n);

	check__becomes(r, s, &out, sent(s));
}

static void dropped(struct rig *r, const struct spec *s, enum fl_verdict verdict)
{
	check__becomes(r, s, NULL,
		       (struct want){.verdict = verdict, .service = rig__service_of(s)});
}

/* The backend's answer to what it got, and what the client is to get. */
static struct spec answer(const struct spec *s, const struct spec *got, struct spec *out)
{
	struct spec back = build__reply(got);

	memcpy(back.dmac, s->dmac, 6);
	back.ip.ttl = 60;
	back.flags = s->proto == PROTO_TCP ? 0x12 : 0;
	*out = back;
	memcpy(out->dmac, net_router, 6);
	memcpy(out->smac, net_mac, 6);
	memcpy(out->ip.src, s->ip.dst, 16);
	memcpy(out->ip.dst, s->ip.src, 16);
	out->sport = s->dport;
	out->dport = s->sport;
	out->ip.ttl--;
	return back;
}

static void replied(struct rig *r, const struct spec *s, uint16_t n, uint8_t flags)
{
	struct spec got = sent_from(r, s, 0, n), out, back = answer(s, &got, &out);

	if (s->proto == PROTO_TCP)
		back.flags = out.flags = flags;
	check__becomes(r, &back, &out,
		       (struct want){.verdict = FL_V_SEND_REPLY, .ingress = r->port});
}

static void test_pair(void **state)
{
	struct rig *r = with_fullnat(1);
	uint16_t n = 0;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec all[] = {build__tcp(version), build__udp(version),
				     build__sctp(version)};

		for (size_t i = 0; i < COUNT(all); i++, n++) {
			struct spec s = all[i], got = sent_from(r, &s, 0, n), out;
			struct spec back = answer(&s, &got, &out);
			uint32_t before = maps__flows(r);
			struct fl_nat_flow f;

			/* SCTP ports are not mapped (RFC 9260 6.8 has CRC32c over them). */
			if (s.proto == PROTO_SCTP)
				continue;
			goes(r, &s, 0, n);
			assert_int_equal(maps__flows(r), before + 2);
			assert_true(maps__flow(r, &s, &f));
			assert_int_equal(f.flags, FL_NAT_HERE);
			assert_int_equal(f.backend, backend_for(version));
			assert_int_equal(f.service, rig__service_of(&s));
			assert_true(maps__flow(r, &back, &f));
			assert_int_equal(f.flags, FL_NAT_BACK);
			/* The next ones take the same way, both ways. */
			s.flags = s.proto == PROTO_TCP ? 0x10 : 0;
			s.payload = 500;
			goes(r, &s, 0, n);
			replied(r, &s, n, 0x10);
			assert_int_equal(maps__flows(r), before + 2);
			assert_true(maps__flow(r, &back, &f));
			assert_int_equal(f.flags, FL_NAT_BACK | FL_NAT_SEEN | FL_NAT_HERE);
		}
		n--;
	}
}

/* The address is the flow's own, the ports are taken in order. */
static void test_pool(void **state)
{
	struct rig *r = with_fullnat(FL_SNAT_ADDRS);
	uint32_t seen = 0;

	(void)state;
	for (uint16_t i = 0; i < 64; i++) {
		struct spec s = build__udp(i & 1 ? 6 : 4);
		uint32_t a;

		s.sport = (uint16_t)(3000 + i);
		a = (uint32_t)(rig__hash(r, &s) >> 32) % FL_SNAT_ADDRS;
		seen |= 1U << a;
		goes(r, &s, a, i % SPAN);
	}
	assert_int_equal(__builtin_popcount(seen), FL_SNAT_ADDRS);
}

/* Each CPU has ports of its own, so no two take the same one at once. */
static void test_ports_of_each_cpu(void **state)
{
	struct rig *r = with_fullnat(1);
	struct spec s = build__udp(4), other = s;

	(void)state;
	goes(r, &s, 0, 0);
	if (!net__cpu(1))
		skip();
	other.sport++;
	goes(r, &other, 0, SPAN);
	/* The flow of the other CPU is found all the same. */
	goes(r, &s, 0, 0);
	net__cpu(0);
	goes(r, &other, 0, SPAN);
}

/* All ports towards one backend are taken; another backend has them all anew. */
static void test_pool_exhausted(void **state)
{
	struct rig *r = with_fullnat(1);
	struct rig_backend b = r->be[RIG_FULL4];
	struct spec s = build__udp(4);

	(void)state;
	for (uint16_t i = 0; i < SPAN; i++) {
		s.sport = (uint16_t)(100 + i);
		goes(r, &s, 0, i);
	}
	s.sport = 100 + SPAN;
	dropped(r, &s, FL_V_DROP_NAT_FULL);
	assert_int_equal(maps__flows(r), 2 * SPAN);
	/* Flows that have a pair go on. */
	s.sport = 100;
	goes(r, &s, 0, 0);
	/* The tries stop at 32: after them, 8 of 40 are left, and they were all taken too. */
	b.tunnel.dst[3]++;
	rig__backend(r, RIG_FULL4, &b);
	s.sport = 100 + SPAN + 1;
	goes(r, &s, 0, 32 % SPAN);
}

static void test_no_pool(void **state)
{
	struct rig *r = with_fullnat(0);
	struct spec s = build__tcp(4);

	(void)state;
	dropped(r, &s, FL_V_DROP_NAT_FULL);
	s = build__tcp(6);
	dropped(r, &s, FL_V_DROP_NAT_FULL);
	assert_int_equal(maps__flows(r), 0);
}

/* In the middle of a connection that nobody remembers: only a client's new one can help. */
static void test_unknown(void **state)
{
	static const uint8_t flags[] = {0x10, 0x12, 0x11, 0x04, 0x00, 0x18};
	struct rig *r = with_fullnat(1);
	struct spec s = build__tcp(4);

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		s.flags = flags[i];
		dropped(r, &s, FL_V_DROP_NAT_UNKNOWN);
	}
	assert_int_equal(maps__flows(r), 0);
	/* SYN with ECN bits is a SYN (RFC 3168 6.1.1). */
	s.flags = 0xc2;
	goes(r, &s, 0, 0);
}

/* A finished connection's ports are used again: SYN makes a new pair. */
static void test_new_after_end(void **state)
{
	struct rig *r = with_fullnat(1);
	struct spec s = build__tcp(4);

	(void)state;
	goes(r, &s, 0, 0);
	/* The client repeats its SYN: the pair is the same. */
	goes(r, &s, 0, 0);
	replied(r, &s, 0, 0x12);
	goes(r, &s, 0, 0);
	/* One FIN is half an end. */
	s.flags = 0x11;
	goes(r, &s, 0, 0);
	s.flags = 0x02;
	goes(r, &s, 0, 0);
	replied(r, &s, 0, 0x11);
	/* The last ACK still goes the old way, the next SYN does not. */
	s.flags = 0x10;
	goes(r, &s, 0, 0);
	s.flags = 0x02;
	goes(r, &s, 0, 1);
	assert_int_equal(maps__flows(r), 2);
	/* RST of either side. */
	replied(r, &s, 1, 0x14);
	goes(r, &s, 0, 2);
	s.flags = 0x04;
	goes(r, &s, 0, 2);
	s.flags = 0x02;
	goes(r, &s, 0, 3);
	assert_int_equal(maps__flows(r), 2);
}

/* The backend of the slot has changed: a flow stays, unless its first has never answered. */
static void test_slot_has_moved(void **state)
{
	struct rig *r = with_fullnat(1);
	struct rig_backend b = r->be[RIG_FULL4];
	struct spec s = build__tcp(4), out;

	(void)state;
	b.tunnel.dst[3] = 77;
	b.hop.dmac[5] = 77;
	rig__backend(r, 12, &b);
	goes(r, &s, 0, 0);
	replied(r, &s, 0, 0x12);
	rig__point_one(r, RIG_TCP4, 12);
	goes(r, &s, 0, 0);
	s.sport++;
	rig__point_one(r, RIG_TCP4, RIG_FULL4);
	goes(r, &s, 0, 1);
	/* No reply: the SYN that is sent again tries the other one. */
	rig__point_one(r, RIG_TCP4, 12);
	out = sent_from(r, &s, 0, 2);
	memcpy(out.ip.dst, b.tunnel.dst, 4);
	memcpy(out.dmac, b.hop.dmac, 6);
	check__becomes(
		r, &s, &out,
		(struct want){.verdict = FL_V_SEND_FULLNAT, .service = RIG_TCP4, .backend = 12});
	assert_int_equal(maps__flows(r), 4);
}

/* The index has another backend by now, or none: the record is void. */
static void test_backend_gone(void **state)
{
	struct rig *r = with_fullnat(1);
	struct spec tcp = build__tcp(4), udp = build__udp(4);
	struct rig_backend b = r->be[RIG_FULL4];

	(void)state;
	goes(r, &tcp, 0, 0);
	goes(r, &udp, 0, 1);
	b.tunnel.dst[3]++;
	rig__backend(r, RIG_FULL4, &b);
	tcp.flags = 0x10;
	dropped(r, &tcp, FL_V_DROP_NAT_UNKNOWN);
	/* UDP has no connection to lose; a SYN begins one. */
	goes(r, &udp, 0, 2);
	tcp.flags = 0x02;
	goes(r, &tcp, 0, 3);
	b.port++;
	rig__backend(r, RIG_FULL4, &b);
	goes(r, &udp, 0, 4);
	b.mode = FL_FWD_NAT;
	rig__backend(r, RIG_FULL4, &b);
	tcp.flags = 0x10;
	dropped(r, &tcp, FL_V_DROP_NAT_UNKNOWN);
}

/* Down, and there as before: what is open stays, what begins goes where the slot says. */
static void test_backend_down(void **state)
{
	struct rig *r = with_fullnat(1);
	struct spec s = build__tcp(4);

	(void)state;
	goes(r, &s, 0, 0);
	replied(r, &s, 0, 0x12);
	r->backends[RIG_FULL4].flags |= FL_BE_GONE;
	s.flags = 0x10;
	goes(r, &s, 0, 0);
	s.flags = 0x02;
	goes(r, &s, 0, 1);
	r->backends[RIG_FULL4].flags &= (uint8_t)~FL_BE_GONE;
	goes(r, &s, 0, 1);
	assert_int_equal(maps__flows(r), 2);
}

static void test_no_backend(void **state)
{
	struct rig *r = with_fullnat(1);
	struct spec s = build__tcp(4), other = s;

	(void)state;
	goes(r, &s, 0, 0);
	rig__point_one(r, RIG_TCP4, FL_SLOT_NONE);
	/* Flows that are under way are not the slot's business. */
	s.flags = 0x10;
	goes(r, &s, 0, 0);
	other.sport++;
	dropped(r, &other, FL_V_DROP_NO_BACKEND);
}

/* To a pool address without a record: the machine's own traffic may use it. */
static void test_reply_without_record(void **state)
{
	struct rig *r = with_fullnat(1);
	struct spec s = build__tcp(4), got = sent_from(r, &s, 0, 7), out;
	struct spec back = answer(&s, &got, &out);

	(void)state;
	check__becomes(r, &back, NULL, (struct want){.verdict = FL_V_PASS_NOT_SERVICE});
	/* The record of another direction is none of a reply. */
	goes(r, &s, 0, 0);
	back = build__reply(&s);
	check__becomes(r, &back, NULL, (struct want){.verdict = FL_V_PASS_NOT_SERVICE});
}

/* Later fragments have no ports; addresses are rewritten both ways. */
static void test_fragments(void **state)
{
	struct rig *r = with_fullnat(1);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version), later = s, out, got, back;
		uint16_t n = version == 6;

		build__first(&s, 321);
		build__later(&later, 321, 100);
		goes(r, &s, 0, n);
		out = sent_from(r, &later, 0, n);
		check__becomes(r, &later, &out, sent(&s));
		got = sent_from(r, &s, 0, n);
		back = answer(&s, &got, &out);
		check__becomes(r, &back, &out,
			       (struct want){.verdict = FL_V_SEND_REPLY, .ingress = r->port});
		build__later(&back, 321, 60);
		build__later(&out, 321, 60);
		check__becomes(r, &back, &out,
			       (struct want){.verdict = FL_V_SEND_REPLY, .ingress = r->port});
	}
}

/* Nothing is free in the table itself. */
static void test_records_full(void **state)
{
	const struct fl_snat pool = pool_of(1);
	struct rig *r = rig__get((struct rig_gates){.nat = true, .nat_flows = 3});
	struct spec s = build__udp(4);
	uint32_t before;

	(void)state;
	r->unexplained = true;
	maps__snat(r, &pool);
	r->services[RIG_UDP4].flags = FL_SVC_NAT | FL_SVC_FULLNAT;
	rig__point_one(r, RIG_UDP4, RIG_FULL4);
	goes(r, &s, 0, 0);
	before = maps__flows(r);
	s.sport++;
	dropped(r, &s, FL_V_DROP_NAT_FULL);
	/* The replies' entry that was made is taken back. */
	assert_int_equal(maps__flows(r), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_ports_of_each_cpu),
		cmocka_unit_test(test_pool_exhausted),
		cmocka_unit_test(test_no_pool),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_new_after_end),
		cmocka_unit_test(test_slot_has_moved),
		cmocka_unit_test(test_backend_gone),
		cmocka_unit_test(test_backend_down),
		cmocka_unit_test(test_no_backend),
		cmocka_unit_test(test_reply_without_record),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_records_full),
	};

	return check__table("packet_fullnat", NULL, 0, tests, COUNT(tests));
}
