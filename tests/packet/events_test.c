/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring buffer of events: first packets of flows, and drops, one in so many. */
#include "check.h"
#include "change.h"
#include "maps.h"

#include <arpa/inet.h>
#include <string.h>

#define RING_EVENTS (FL_EVENTS_SIZE / 72) /* each has a header of 8 bytes in the ring */

static const struct rig_gates gates = {.events = true};

static struct rig *every(struct rig_gates g, uint32_t flow, uint32_t drop)
{
	struct rig *r = rig__get(g);
	struct fl_settings s = r->settings;

	s.flow_event_every = flow;
	s.drop_event_every = drop;
	rig__settings(r, &s);
	rig__reset_backends(r);
	rig__point(r, RIG_IPIP4);
	maps__events(r, NULL, 0);
	return r;
}

/* The one event of a packet, in all its parts. */
static void one_event(struct rig *r, const struct spec *s, uint32_t backend,
		      enum fl_verdict verdict, enum fl_event_kind kind, uint32_t ingress)
{
	struct fl_event e[2];
	static struct frame f;
	static struct run run;
	uint64_t before = maps__clock();
	uint8_t addr[16];

	build__frame(s, &f);
	rig__run(r->lb, &f, ingress, &run);
	assert_int_equal(maps__events(r, e, COUNT(e)), 1);
	assert_in_range(e[0].time_ns, before, maps__clock());
	assert_int_equal(e[0].kind, kind);
	assert_int_equal(e[0].verdict, kind == FL_EVENT_DROP ? (int)verdict : 0);
	assert_int_equal(e[0].proto, s->proto);
	assert_int_equal(e[0].tcp_flags, s->proto == PROTO_TCP ? s->flags : 0);
	assert_int_equal(e[0].len, f.len);
	maps__addr(s->ip.version, s->ip.src, addr);
	assert_memory_equal(e[0].saddr, addr, 16);
	maps__addr(s->ip.version, s->ip.dst, addr);
	assert_memory_equal(e[0].daddr, addr, 16);
	assert_int_equal(e[0].sport, htons(s->sport));
	assert_int_equal(e[0].dport, htons(s->dport));
	assert_int_equal(e[0].ifindex, ingress ? ingress : RIG_LO);
	assert_int_equal(e[0].service, rig__service_of(s));
	assert_int_equal(e[0].backend, backend);
}

static void no_event(struct rig *r, const struct spec *s)
{
	static struct frame f;
	static struct run run;

	build__frame(s, &f);
	rig__run(r->lb, &f, 0, &run);
	assert_int_equal(maps__events(r, NULL, 0), 0);
}

/* And that the packet itself goes its way all the same. */
static void test_flows(void **state)
{
	struct rig *r = every(gates, 1, 0);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec all[] = {build__tcp(version), build__udp(version),
				     build__sctp(version)};

		for (size_t i = 0; i < COUNT(all); i++) {
			one_event(r, &all[i], RIG_IPIP4, 0, FL_EVENT_FLOW, 0);
			one_event(r, &all[i], RIG_IPIP4, 0, FL_EVENT_FLOW, r->port);
			check__spec(r, &all[i], RIG_IPIP4, FL_V_SEND_IPIP);
			change__tag(&all[i]);
			check__spec(r, &all[i], RIG_IPIP4, FL_V_SEND_IPIP);
			assert_int_equal(maps__events(r, NULL, 0), 2);
		}
		all[0].flags = 0x12;
		no_event(r, &all[0]);
		all[0].flags = 0x10;
		no_event(r, &all[0]);
		all[2].chunk = 2;
		no_event(r, &all[2]);
		all[1].dport++;
		no_event(r, &all[1]);
	}
}

/* A packet that is dropped begins no flow. */
static void test_drops(void **state)
{
	struct rig *r = every(gates, 1, 1);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version);

		rig__point(r, FL_SLOT_NONE);
		one_event(r, &s, FL_SLOT_NONE, FL_V_DROP_NO_BACKEND, FL_EVENT_DROP, 0);
		rig__point(r, RIG_IPIP4);
		s.ip.ttl = 1;
		s.flags = 0x10;
		one_event(r, &s, RIG_IPIP4, FL_V_DROP_TTL, FL_EVENT_DROP, r->port);
		change__qinq(&s);
		one_event(r, &s, RIG_IPIP4, FL_V_DROP_TTL, FL_EVENT_DROP, 0);
		/* It passes: nothing is dropped. */
		s.dport++;
		no_event(r, &s);
	}
}

/* Drops need no gate: they are off the way. */
static void test_drops_without_gate(void **state)
{
	struct rig *r = every((struct rig_gates){0}, 1, 1);
	struct spec s = build__udp(6);

	(void)state;
	no_event(r, &s);
	s.ip.ttl = 1;
	one_event(r, &s, RIG_IPIP4, FL_V_DROP_TTL, FL_EVENT_DROP, 0);
}

static void test_none(void **state)
{
	struct rig *r = every(gates, 0, 0);
	struct spec s = build__udp(4);

	(void)state;
	no_event(r, &s);
	s.ip.ttl = 1;
	no_event(r, &s);
}

static void test_sampled(void **state)
{
	struct rig *r = every(gates, 4, 0);
	struct spec s = build__udp(4);

	(void)state;
	for (int i = 0; i < 2000; i++)
		check__spec(r, &s, RIG_IPIP4, FL_V_SEND_IPIP);
	/* 500 are to be expected, with a deviation of 19. */
	assert_in_range(maps__events(r, NULL, 0), 380, 620);
}

/* Nobody reads: the packets go on, and what is lost is counted. */
static void test_ring_full(void **state)
{
	struct rig *r = every(gates, 1, 0);
	struct spec s = build__udp(4), out = check__sent(r, &s, RIG_IPIP4);
	static struct frame in;
	static struct run run;

	(void)state;
	build__frame(&s, &in);
	for (int i = 0; i < RING_EVENTS; i++)
		rig__run(r->lb, &in, 0, &run);
	check__becomes(r, &s, &out,
		       (struct want){.verdict = FL_V_SEND_IPIP,
				     .service = RIG_UDP4,
				     .backend = RIG_IPIP4,
				     .note = NOTE(EVENT_LOST)});
	assert_in_range(maps__events(r, NULL, 0), RING_EVENTS - 2, RING_EVENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows),	  cmocka_unit_test(test_drops),
		cmocka_unit_test(test_none),	  cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_ring_full), cmocka_unit_test(test_drops_without_gate),
	};

	return check__table("packet_events", NULL, 0, tests, COUNT(tests));
}
