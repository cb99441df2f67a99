/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections that are watched for an answer: what is counted, and that no packet is harmed. */
#include "check.h"
#include "change.h"
#include "maps.h"

#include <bpf/bpf.h>
#include <string.h>

#include "fairlead/flowhash.h"
#include "lb.skel.h"

#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define FIN 0x01

#define MS(ms) ((uint64_t)(ms)*1000000 >> FL_PASSIVE_TICK)

static const struct rig_gates gates = {.passive = true, .nat = true, .wild = true};

static void put(const struct bpf_map *map, uint32_t key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY), 0);
}

static uint64_t cell(const struct rig *r, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (FL_PASSIVE_CELLS - 1);
	uint64_t word;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.passive), &at, &word), 0);
	return word;
}

static void set_cell(const struct rig *r, uint64_t hash, uint64_t word)
{
	put(r->skel->maps.passive, (uint32_t)hash & (FL_PASSIVE_CELLS - 1), &word);
}

/* As if the SYN had come so long ago; the coarse clock may add a step of 10 ms to it. */
static void age(const struct rig *r, uint64_t hash, uint32_t ms)
{
	uint64_t word = cell(r, hash);

	set_cell(r, hash, (word & ~FL_PASSIVE_TIME) | ((word - MS(ms)) & FL_PASSIVE_TIME));
}

static struct fl_passive counts(const struct rig *r, uint32_t at)
{
	struct fl_passive c;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.passive_count), &at, &c), 0);
	return c;
}

static void sample(struct rig *r, uint32_t id, uint32_t sampled, uint32_t watched)
{
	r->services[id].sampled = sampled;
	r->services[id].watched = watched;
}

static struct rig *open_rig(void)
{
	const struct fl_passive none = {0};
	struct rig *r = rig__get(gates);

	rig__reset_backends(r);
	rig__point(r, RIG_L2);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		r->services[id].affinity = FL_AFF_FLOW;
		put(r->skel->maps.passive_count, FL_PASSIVE_SERVICES + id, &none);
	}
	for (uint32_t i = 0; i < RIG_BACKENDS; i++)
		put(r->skel->maps.passive_count, i, &none);
	for (uint32_t i = 0; i < FL_PASSIVE_CELLS; i++)
		set_cell(r, i, 0);
	sample(r, RIG_TCP4, FL_PASSIVE_ALL, FL_PASSIVE_ALL);
	sample(r, RIG_TCP6, FL_PASSIVE_ALL, FL_PASSIVE_ALL);
	return r;
}

/* Runs a packet with those flags; verdict, bytes and counters are as without the gate. */
static void send_to(struct rig *r, struct spec s, uint8_t flags, uint32_t index)
{
	static const enum fl_verdict verdicts[RIG_BACKENDS] = {
		[RIG_L2] = FL_V_SEND_L2,      [RIG_IPIP4] = FL_V_SEND_IPIP,
		[RIG_IPIP6] = FL_V_SEND_IPIP, [RIG_GUE4] = FL_V_SEND_GUE,
		[RIG_GUE6] = FL_V_SEND_GUE,   [RIG_NAT4] = FL_V_SEND_NAT,
		[RIG_NAT6] = FL_V_SEND_NAT};

	s.flags = flags;
	check__spec(r, &s, index, verdicts[index]);
}

static void expect(struct rig *r, uint32_t index, struct fl_passive want)
{
	struct fl_passive got = counts(r, index);

	assert_int_equal(got.opened, want.opened);
	assert_int_equal(got.sampled, want.sampled);
	assert_int_equal(got.completed, want.completed);
	assert_int_equal(got.incomplete, want.incomplete);
	assert_int_equal(got.reset, want.reset);
	assert_int_equal(got.repeated, want.repeated);
}

/* For the steps: options, or an extension header, which only the full path knows. */
static void long_header(struct spec *s)
{
	if (s->ip.version == 6)
		s->ip.ext[0] = (struct ext){.type = PROTO_DEST, .len = 8};
	else
		change__option(s);
}

/* Packets of all shapes, for each program that may see them. */
static void (*const shapes[])(struct spec *s) = {NULL, change__tag, long_header};

static void test_every_way(void **state)
{
	static const uint32_t ways[][2] = {{RIG_L2, RIG_L2},	   {RIG_IPIP4, RIG_IPIP4},
					   {RIG_IPIP6, RIG_IPIP6}, {RIG_GUE4, RIG_GUE4},
					   {RIG_GUE6, RIG_GUE6},   {RIG_NAT4, RIG_NAT6}};

	(void)state;
	for (size_t i = 0; i < COUNT(ways) * COUNT(shapes) * 2; i++) {
		uint8_t version = i % 2 ? 6 : 4;
		uint32_t index = ways[i / 2 / COUNT(shapes)][i % 2];
		struct spec s = build__tcp(version);
		struct rig *r = open_rig();
		uint32_t id = rig__service_of(&s);

		if (shapes[i / 2 % COUNT(shapes)])
			shapes[i / 2 % COUNT(shapes)](&s);
		rig__point_one(r, id, (uint16_t)index);
		send_to(r, s, SYN, index);
		expect(r, index, (struct fl_passive){.opened = 1, .sampled = 1});
		send_to(r, s, ACK, index);
		expect(r, index, (struct fl_passive){.opened = 1, .sampled = 1, .completed = 1});
		assert_int_equal(cell(r, rig__hash(r, &s)), 0);
		/* The connection goes on. */
		send_to(r, s, ACK, index);
		send_to(r, s, ACK | FIN, index);
		expect(r, index, (struct fl_passive){.opened = 1, .sampled = 1, .completed = 1});
		assert_int_equal(counts(r, FL_PASSIVE_SERVICES + id).opened, 1);
	}
}

static void test_ends(void **state)
{
	const struct fl_passive waits = {.opened = 1, .sampled = 1};
	struct spec s = build__tcp(4);
	struct fl_passive want = waits;
	struct rig *r = open_rig();
	uint64_t hash = rig__hash(r, &s);

	(void)state;
	/* What says nothing of an answer. */
	send_to(r, s, ACK, RIG_L2);
	send_to(r, s, SYN | ACK, RIG_L2);
	expect(r, RIG_L2, (struct fl_passive){0});
	send_to(r, s, SYN, RIG_L2);
	send_to(r, s, SYN | ACK, RIG_L2);
	send_to(r, s, FIN, RIG_L2);
	send_to(r, s, 0, RIG_L2);
	expect(r, RIG_L2, waits);
	/* A client that refuses has been answered. */
	send_to(r, s, RST, RIG_L2);
	want.reset = 1;
	expect(r, RIG_L2, want);
	/* At once, and too late. */
	send_to(r, s, SYN, RIG_L2);
	send_to(r, s, ACK, RIG_L2);
	send_to(r, s, SYN, RIG_L2);
	age(r, hash, 401);
	send_to(r, s, ACK, RIG_L2);
	want = (struct fl_passive){
		.opened = 3, .sampled = 3, .completed = 1, .incomplete = 1, .reset = 1};
	expect(r, RIG_L2, want);
	assert_int_equal(cell(r, hash), 0);
	/* What the agent has counted already is not counted again. */
	send_to(r, s, SYN, RIG_L2);
	set_cell(r, hash, cell(r, hash) | FL_PASSIVE_LATE);
	send_to(r, s, ACK, RIG_L2);
	want.opened = want.sampled = 4;
	expect(r, RIG_L2, want);
	assert_int_equal(cell(r, hash), 0);
}

/* To the tick: the clock is coarse, and so stands still while a packet is looked at. */
static void test_last_moment(void **state)
{
	struct spec s = build__tcp(4);

	(void)state;
	for (uint32_t over = 0; over < 2; over++) {
		const struct fl_passive want = {
			.opened = 1, .sampled = 1, .completed = !over, .incomplete = over};
		uint64_t now, sent;
		struct rig *r;

		do {
			uint64_t hash;

			r = open_rig();
			hash = rig__hash(r, &s);
			send_to(r, s, SYN, RIG_L2);
			now = maps__clock();
			sent = (now >> FL_PASSIVE_TICK) - (FL_PASSIVE_ANSWER - 1 + over);
			set_cell(r, hash,
				 (cell(r, hash) & ~FL_PASSIVE_TIME) | (sent & FL_PASSIVE_TIME));
			send_to(r, s, ACK, RIG_L2);
		} while (maps__clock() != now);
		expect(r, RIG_L2, want);
	}
}

static void test_sent_again(void **state)
{
	struct fl_passive want = {.opened = 1, .sampled = 1};
	struct spec s = build__tcp(6);
	struct rig *r = open_rig();
	uint64_t hash = rig__hash(r, &s);

	(void)state;
	send_to(r, s, SYN, RIG_L2);
	send_to(r, s, SYN, RIG_L2);
	expect(r, RIG_L2, want);
	age(r, hash, 210);
	send_to(r, s, SYN, RIG_L2);
	want.repeated = 1;
	expect(r, RIG_L2, want);
	age(r, hash, 800);
	send_to(r, s, SYN, RIG_L2);
	want.repeated = 2;
	want.incomplete = 1;
	expect(r, RIG_L2, want);
	send_to(r, s, SYN, RIG_L2);
	want.repeated = 3;
	expect(r, RIG_L2, want);
}

/* A packet of another flow whose cell is the same. */
static struct spec neighbour(const struct rig *r, const struct spec *s)
{
	struct spec other = *s;
	uint64_t mask = FL_PASSIVE_CELLS - 1;

	do {
		if (!++other.sport)
			other.ip.src[3]++;
	} while ((rig__hash(r, &other) & mask) != (rig__hash(r, s) & mask));
	return other;
}

static void test_one_cell(void **state)
{
	struct fl_passive want = {.opened = 2, .sampled = 1};
	struct spec s = build__tcp(4), other;
	struct rig *r = open_rig();
	uint64_t hash = rig__hash(r, &s), word;

	(void)state;
	other = neighbour(r, &s);
	send_to(r, s, SYN, RIG_L2);
	word = cell(r, hash);
	/* Whoever waits goes on waiting. */
	send_to(r, other, SYN, RIG_L2);
	send_to(r, other, ACK, RIG_L2);
	expect(r, RIG_L2, want);
	assert_int_equal(cell(r, hash), word);
	age(r, hash, 401);
	send_to(r, other, SYN, RIG_L2);
	want.opened = 3;
	want.sampled = 2;
	want.incomplete = 1;
	expect(r, RIG_L2, want);
	send_to(r, s, ACK, RIG_L2);
	expect(r, RIG_L2, want);
	send_to(r, other, ACK, RIG_L2);
	want.completed = 1;
	expect(r, RIG_L2, want);
	/* What was counted as incomplete leaves at once. */
	send_to(r, s, SYN, RIG_L2);
	set_cell(r, hash, cell(r, hash) | FL_PASSIVE_LATE);
	send_to(r, other, SYN, RIG_L2);
	want.opened = 5;
	want.sampled = 4;
	expect(r, RIG_L2, want);
}

static void test_sampling(void **state)
{
	struct fl_passive want = {0};
	struct rig *r = open_rig();
	struct spec s = build__tcp(4);

	(void)state;
	/* Without a sample nothing is looked at; what is only watched still gets its answer counted. */
	sample(r, RIG_TCP4, 0, 0);
	send_to(r, s, SYN, RIG_L2);
	sample(r, RIG_TCP4, 0, FL_PASSIVE_ALL);
	send_to(r, s, SYN, RIG_L2);
	expect(r, RIG_L2, want);
	sample(r, RIG_TCP4, FL_PASSIVE_ALL, FL_PASSIVE_ALL);
	send_to(r, s, SYN, RIG_L2);
	sample(r, RIG_TCP4, 0, FL_PASSIVE_ALL);
	send_to(r, s, ACK, RIG_L2);
	expect(r, RIG_L2, (struct fl_passive){.opened = 1, .sampled = 1, .completed = 1});
	/* One flow in sixteen, and each stands for sixteen. */
	r = open_rig();
	sample(r, RIG_TCP4, FL_PASSIVE_ALL / 16, FL_PASSIVE_ALL / 16);
	for (uint32_t i = 0; i < 1000; i++) {
		s.sport++;
		send_to(r, s, SYN, RIG_L2);
		send_to(r, s, ACK, RIG_L2);
		want.sampled += rig__hash(r, &s) >> 60 == 0;
	}
	assert_in_range(want.sampled, 30, 100);
	want.opened = 16 * want.sampled;
	want.completed = want.sampled;
	expect(r, RIG_L2, want);
}

/* Where one client has one slot, each of its connections is seen for itself all the same. */
static void test_affinity(void **state)
{
	(void)state;
	for (int affinity = FL_AFF_SOURCE; affinity <= FL_AFF_SOURCE_PORT; affinity++) {
		struct spec s = build__tcp(4);
		struct rig *r = open_rig();

		r->services[RIG_TCP4].affinity = (__u8)affinity;
		for (uint32_t i = 0; i < 8; i++, s.sport++)
			send_to(r, s, SYN, RIG_L2);
		s.sport -= 8;
		send_to(r, s, ACK, RIG_L2);
		expect(r, RIG_L2, (struct fl_passive){.opened = 8, .sampled = 8, .completed = 1});
	}
}

static void test_no_backend(void **state)
{
	struct rig *r = open_rig();
	struct spec s = build__tcp(4);

	(void)state;
	s.flags = SYN;
	rig__point_one(r, RIG_TCP4, FL_SLOT_NONE);
	check__becomes(r, &s, NULL,
		       (struct want){.verdict = FL_V_DROP_NO_BACKEND, .service = RIG_TCP4});
	assert_int_equal(counts(r, FL_PASSIVE_SERVICES + RIG_TCP4).opened, 0);
	assert_int_equal(counts(r, FL_SLOT_NONE).opened, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_way),  cmocka_unit_test(test_ends),
		cmocka_unit_test(test_sent_again), cmocka_unit_test(test_one_cell),
		cmocka_unit_test(test_sampling),   cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_no_backend), cmocka_unit_test(test_last_moment),
	};

	return check__table("packet_passive", NULL, 0, tests, COUNT(tests));
}
