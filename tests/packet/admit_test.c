/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is let in: lists of sources, and limits of packets and new connections a second. */
#include "check.h"
#include "change.h"
#include "maps.h"

#include <bpf/bpf.h>
#include <string.h>

#include "fairlead/flowhash.h"
#include "lb.skel.h"

#define LONG_NS 1000000000000ULL /* a gap that no test lasts */

static const struct rig_gates gates = {.sources = true, .limits = true};

static struct rig *open_rig(void)
{
	const struct fl_limits none = {0};
	struct rig *r = rig__get(gates);

	rig__point(r, RIG_L2);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		r->services[id].flags = 0;
		maps__limits(r, id, &none);
	}
	return r;
}

static void gets(struct rig *r, const struct spec *s, enum fl_verdict verdict, uint32_t note)
{
	struct spec out = check__sent(r, s, RIG_L2);
	struct want want = {.verdict = verdict, .service = rig__service_of(s), .note = note};

	if (verdict != FL_V_SEND_L2) {
		check__becomes(r, s, NULL, want);
		return;
	}
	want.backend = RIG_L2;
	check__becomes(r, s, &out, want);
}

static void test_global_list(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version), near = s, far = s;
		uint32_t bits = version == 6 ? 48 : 24;

		near.ip.src[version == 6 ? 6 : 3] ^= 0x80;
		far.ip.src[version == 6 ? 5 : 2] ^= 1;
		maps__source(r, 0, version, s.ip.src, bits, FL_SRC_DENY);
		gets(r, &s, FL_V_DROP_DENIED, 0);
		gets(r, &near, FL_V_DROP_DENIED, 0);
		gets(r, &far, FL_V_SEND_L2, 0);
		/* The longest match has the word. */
		maps__source(r, 0, version, s.ip.src, bits + 8, FL_SRC_ALLOW);
		gets(r, &s, FL_V_SEND_L2, 0);
		if (version == 6)
			gets(r, &near, FL_V_DROP_DENIED, 0);
		maps__source(r, 0, version, s.ip.src, bits + 8, 0);
		maps__source(r, 0, version, s.ip.src, bits, FL_SRC_DENY | FL_SRC_MONITOR);
		gets(r, &s, FL_V_SEND_L2, NOTE(DENIED));
		maps__source(r, 0, version, s.ip.src, bits, FL_SRC_DENY | FL_SRC_RUNTIME);
		gets(r, &s, FL_V_DROP_DENIED, 0);
		maps__source(r, 0, version, s.ip.src, bits, 0);
		gets(r, &s, FL_V_SEND_L2, 0);
	}
}

/* Only where the service has a list, and after the global one. */
static void test_service_list(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version), tcp = build__tcp(version);
		uint32_t id = rig__service_of(&s);

		maps__source(r, id, version, s.ip.src, 32, FL_SRC_DENY);
		gets(r, &s, FL_V_SEND_L2, 0);
		r->services[id].flags = FL_SVC_SOURCES;
		r->services[rig__service_of(&tcp)].flags = FL_SVC_SOURCES;
		gets(r, &s, FL_V_DROP_DENIED, 0);
		gets(r, &tcp, FL_V_SEND_L2, 0);
		/* What all may, one service may refuse; what none may, no service can allow. */
		maps__source(r, 0, version, s.ip.src, 32, FL_SRC_ALLOW);
		gets(r, &s, FL_V_DROP_DENIED, 0);
		maps__source(r, 0, version, s.ip.src, 32, FL_SRC_DENY);
		maps__source(r, id, version, s.ip.src, 32, FL_SRC_ALLOW);
		gets(r, &s, FL_V_DROP_DENIED, 0);
		maps__source(r, 0, version, s.ip.src, 32, 0);
		gets(r, &s, FL_V_SEND_L2, 0);
		maps__source(r, id, version, s.ip.src, 32, 0);
	}
}

/* A list of those who may: an entry of no address bits denies the rest, of both families. */
static void test_allow_list(void **state)
{
	struct rig *r = open_rig();
	struct fl_source_key rest = {.prefixlen = 32, .scope = 0};
	const struct fl_source deny = {.flags = FL_SRC_DENY};
	int fd = bpf_map__fd(r->skel->maps.sources);

	(void)state;
	assert_int_equal(bpf_map_update_elem(fd, &rest, &deny, BPF_ANY), 0);
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version), other = s;

		other.ip.src[0] ^= 1;
		gets(r, &s, FL_V_DROP_DENIED, 0);
		maps__source(r, 0, version, s.ip.src, 16, FL_SRC_ALLOW);
		gets(r, &s, FL_V_SEND_L2, 0);
		gets(r, &other, FL_V_DROP_DENIED, 0);
		maps__source(r, 0, version, s.ip.src, 16, 0);
	}
	bpf_map_delete_elem(fd, &rest);
}

/* A limit of one meter: `burst` more than one at once. */
static void limit(struct rig *r, uint32_t id, enum fl_meter meter, uint32_t burst, uint32_t flags)
{
	struct fl_limits l = {.flags = flags};

	l.limit[meter] = (struct fl_limit){.gap_ns = LONG_NS, .burst_ns = burst * LONG_NS};
	maps__limits(r, id, &l);
	r->services[id].flags = FL_SVC_LIMITS;
}

static const struct {
	enum fl_meter meter;
	enum fl_verdict verdict;
	uint32_t note;
	bool opens;
} meters[] = {
	{FL_METER_SVC_PACKETS, FL_V_DROP_SVC_PACKETS, NOTE(SVC_PACKETS), false},
	{FL_METER_SVC_NEW, FL_V_DROP_SVC_NEW, NOTE(SVC_NEW), true},
	{FL_METER_SRC_PACKETS, FL_V_DROP_SRC_PACKETS, NOTE(SRC_PACKETS), false},
	{FL_METER_SRC_NEW, FL_V_DROP_SRC_NEW, NOTE(SRC_NEW), true},
};

/* Packets that open a connection, and that do not. */
static struct spec packet(uint8_t version, uint8_t proto, bool opens)
{
	struct spec s = proto == PROTO_SCTP ? build__sctp(version) : build__udp(version);

	s.proto = proto;
	s.flags = opens ? 0x02 : 0x12;
	s.chunk = opens ? 1 : 2;
	return s;
}

static void test_every_meter(void **state)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP, PROTO_SCTP};
	struct rig *r = open_rig();

	(void)state;
	for (size_t m = 0; m < COUNT(meters); m++) {
		for (size_t p = 0; p < 2 * COUNT(protos); p++) {
			uint8_t version = p % 2 ? 6 : 4, proto = protos[p / 2];
			struct spec s = packet(version, proto, true),
				    old = packet(version, proto, false);
			/* UDP knows no connections. */
			bool counts = !meters[m].opens || proto != PROTO_UDP;
			uint32_t id = rig__service_of(&s);

			for (uint32_t burst = 1; burst < 4; burst++) {
				limit(r, id, meters[m].meter, burst, 0);
				for (uint32_t i = 0; i <= burst; i++) {
					gets(r, &s, FL_V_SEND_L2, 0);
					if (meters[m].opens)
						gets(r, &old, FL_V_SEND_L2, 0);
				}
				gets(r, &s, counts ? meters[m].verdict : FL_V_SEND_L2, 0);
			}
			limit(r, id, meters[m].meter, 1, FL_LIMIT_MONITOR);
			gets(r, &s, FL_V_SEND_L2, 0);
			gets(r, &s, FL_V_SEND_L2, 0);
			gets(r, &s, FL_V_SEND_L2, counts ? meters[m].note : 0);
			/* Not the service's flag: no limit. */
			limit(r, id, meters[m].meter, 0, 0);
			r->services[id].flags = 0;
			gets(r, &s, FL_V_SEND_L2, 0);
			gets(r, &s, FL_V_SEND_L2, 0);
		}
	}
}

/* What SCTP's first chunk is has to be within the packet. */
static void test_sctp_without_chunk(void **state)
{
	struct rig *r = open_rig();
	struct spec s = build__sctp(4);

	(void)state;
	limit(r, RIG_SCTP4, FL_METER_SVC_NEW, 0, 0);
	s.payload = 1;
	s.ip.len_lie = -1;
	gets(r, &s, FL_V_SEND_L2, 0);
	gets(r, &s, FL_V_SEND_L2, 0);
	s.ip.len_lie = 0;
	gets(r, &s, FL_V_SEND_L2, 0);
	gets(r, &s, FL_V_DROP_SVC_NEW, 0);
}

/* Each source has its own; of IPv6 a whole /64 is one. */
static void test_sources_are_apart(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = packet(version, PROTO_TCP, true), same = s, other = s;

		limit(r, rig__service_of(&s), FL_METER_SRC_PACKETS, 0, 0);
		same.sport++;
		same.ip.src[15] ^= 0xff; /* nothing of an IPv4 address */
		same.ip.src[8] ^= 0xff;
		other.ip.src[version == 6 ? 7 : 3] ^= 1;
		gets(r, &s, FL_V_SEND_L2, 0);
		gets(r, &same, FL_V_DROP_SRC_PACKETS, 0);
		gets(r, &other, FL_V_SEND_L2, 0);
		gets(r, &other, FL_V_DROP_SRC_PACKETS, 0);
	}
}

/* The source's meters, then the service's. What is over one takes nothing of the later ones. */
static void test_order(void **state)
{
	struct rig *r = open_rig();
	struct spec s = packet(4, PROTO_TCP, true), other = s;
	const struct fl_limit one = {.gap_ns = LONG_NS, .burst_ns = LONG_NS};
	struct fl_limits l = {.limit = {one, one, one, one}};

	(void)state;
	maps__limits(r, RIG_TCP4, &l);
	r->services[RIG_TCP4].flags = FL_SVC_LIMITS;
	gets(r, &s, FL_V_SEND_L2, 0);
	/* The source is over before the service has given its second. */
	l.limit[FL_METER_SRC_PACKETS].burst_ns = 0;
	maps__limits(r, RIG_TCP4, &l);
	gets(r, &s, FL_V_SEND_L2, 0);
	for (int i = 0; i < 5; i++)
		gets(r, &s, FL_V_DROP_SRC_PACKETS, 0);
	other.ip.src[3]++;
	gets(r, &other, FL_V_SEND_L2, 0);
	other.ip.src[3]++;
	gets(r, &other, FL_V_DROP_SVC_PACKETS, 0);
	/* All of them are over, and each says so, where they only watch. */
	l.flags = FL_LIMIT_MONITOR;
	l.limit[FL_METER_SRC_PACKETS] = (struct fl_limit){0};
	l.limit[FL_METER_SRC_NEW] = (struct fl_limit){0};
	l.limit[FL_METER_SVC_NEW] = (struct fl_limit){0};
	l.limit[FL_METER_SVC_PACKETS].burst_ns = 0;
	maps__limits(r, RIG_TCP4, &l);
	gets(r, &s, FL_V_SEND_L2, 0);
	gets(r, &s, FL_V_SEND_L2, NOTE(SVC_PACKETS));
}

static uint64_t tat_of(const struct rig *r, uint32_t id)
{
	struct fl_svc_meter m;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.svc_meters), &id, &m), 0);
	return m.tat[0];
}

static void set_tat(const struct rig *r, uint32_t id, uint64_t tat)
{
	const struct fl_svc_meter m = {.tat = {tat, 0}};

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(r->skel->maps.svc_meters), &id, &m, BPF_ANY), 0);
}

/* GCRA to the nanosecond: the clock is coarse, and so stands still while a packet is looked at. */
static void test_burst_edge(void **state)
{
	const uint64_t gap = 5000000, burst = 20000000;
	const struct fl_limits l = {.limit = {{.gap_ns = gap, .burst_ns = burst}}};
	struct rig *r = open_rig();
	struct spec s = packet(4, PROTO_UDP, false);
	static struct frame in;
	static struct run run;
	uint64_t before;

	(void)state;
	r->unexplained = true;
	maps__limits(r, RIG_UDP4, &l);
	r->services[RIG_UDP4].flags = FL_SVC_LIMITS;
	build__frame(&s, &in);
	for (int over = 0; over < 2; over++) {
		uint64_t now, tat;

		do {
			now = maps__clock();
			tat = now + burst + (uint64_t)over;
			set_tat(r, RIG_UDP4, tat);
			rig__run(r->lb, &in, 0, &run);
		} while (maps__clock() != now);
		assert_int_equal(run.action, over ? XDP_DROP : XDP_TX);
		assert_int_equal(tat_of(r, RIG_UDP4), over ? tat : tat + gap);
	}
	/* A word of the past counts from now. */
	set_tat(r, RIG_UDP4, 1);
	before = maps__clock();
	gets(r, &s, FL_V_SEND_L2, 0);
	assert_in_range(tat_of(r, RIG_UDP4), before + gap, maps__clock() + gap);
}

/* A source has two words in two rows: over only when both are, and the other still counts. */
static void test_shared_cell(void **state)
{
	struct rig *r = open_rig();
	struct spec s = packet(4, PROTO_TCP, false);
	int fd = bpf_map__fd(r->skel->maps.meters);
	uint64_t h, a[2] = {0}, far = maps__clock() + 100 * LONG_NS, word;
	uint8_t addr[16];
	uint32_t cell[2];

	(void)state;
	limit(r, RIG_TCP4, FL_METER_SRC_PACKETS, 0, 0);
	maps__addr(4, s.ip.src, addr);
	memcpy(a, addr, sizeof(a));
	h = fl_mix64(a[1] ^ rig_flow_key[0] ^ ((uint64_t)RIG_TCP4 << 32 | FL_METER_SRC_PACKETS));
	cell[0] = (uint32_t)h & (FL_METERS - 1);
	cell[1] = FL_METERS + ((uint32_t)(h >> 32) & (FL_METERS - 1));
	for (int row = 0; row < 2; row++) {
		maps__rest(r);
		assert_int_equal(bpf_map_update_elem(fd, &cell[row], &far, BPF_ANY), 0);
		gets(r, &s, FL_V_SEND_L2, 0);
		assert_int_equal(bpf_map_lookup_elem(fd, &cell[row], &word), 0);
		assert_int_equal(word, far);
		assert_int_equal(bpf_map_lookup_elem(fd, &cell[!row], &word), 0);
		assert_in_range(word, maps__clock(), maps__clock() + LONG_NS);
		gets(r, &s, FL_V_DROP_SRC_PACKETS, 0);
	}
}

/*
 * One first fragment does not let in whatever follows it: later ones count as packets, and open nothing,
 * even with what looks like an INIT of SCTP; a list that names their source is for them too.
 */
static void test_later_fragments(void **state)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP, PROTO_SCTP};
	struct rig *r = open_rig();

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(protos); i++) {
		uint8_t version = i % 2 ? 6 : 4;
		struct spec first = packet(version, protos[i / 2], true), later = first;
		uint32_t id = rig__service_of(&first);

		build__first(&first, 77);
		build__later(&later, 77, 151);
		for (size_t m = 0; m < COUNT(meters); m++) {
			enum fl_verdict then = meters[m].opens ? FL_V_SEND_L2 : meters[m].verdict;

			maps__no_frags(r);
			limit(r, id, meters[m].meter, 1, 0);
			gets(r, &first, FL_V_SEND_L2, 0);
			gets(r, &later, FL_V_SEND_L2, 0);
			gets(r, &later, then, 0);
			gets(r, &later, then, 0);
		}
		r->services[id].flags = FL_SVC_SOURCES;
		maps__source(r, id, version, first.ip.src, 32, FL_SRC_DENY);
		gets(r, &later, FL_V_DROP_DENIED, 0);
		maps__source(r, id, version, first.ip.src, 32, 0);
		gets(r, &later, FL_V_SEND_L2, 0);
		maps__source(r, 0, version, first.ip.src, 32, FL_SRC_DENY);
		gets(r, &later, FL_V_DROP_DENIED, 0);
		maps__source(r, 0, version, first.ip.src, 32, 0);
		r->services[id].flags = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_global_list),
		cmocka_unit_test(test_service_list),
		cmocka_unit_test(test_allow_list),
		cmocka_unit_test(test_every_meter),
		cmocka_unit_test(test_sctp_without_chunk),
		cmocka_unit_test(test_sources_are_apart),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_burst_edge),
		cmocka_unit_test(test_shared_cell),
		cmocka_unit_test(test_later_fragments),
	};

	return check__table("packet_admit", NULL, 0, tests, COUNT(tests));
}
