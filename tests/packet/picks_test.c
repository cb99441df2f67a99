/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a flow to a backend: hash, slot, table, next hop; and what happens where there is none. */
#include "check.h"
#include "change.h"

#include <stdlib.h>
#include <string.h>

#define FLOWS 10000
#define MANY 30011 /* backends, a prime: slots that share one are far apart */
#define FIRST 1000 /* index of the first of them */

/* A service of its own for each class and family, at the VIP of the rig. */
#define CLASS_ID(class, version) (10U + 2U * (uint32_t)(class) + ((version) == 6))
#define CLASS_PORT(class) ((uint16_t)(9000 + (class)))

static struct rig_backend numbered(uint32_t index)
{
	struct rig_backend b = {
		.mode = FL_FWD_L2,
		.hop = {.dmac = {2, 7, (uint8_t)(index >> 16), (uint8_t)(index >> 8),
				 (uint8_t)index, 1},
			.smac = {2, 8, 0, 0, 0, 2},
			.ifindex = RIG_LO},
	};

	return b;
}

/* The backends that stand behind the large tables; made once. */
static struct rig *with_many(struct rig *r)
{
	if (r->backends[FIRST].mode != FL_FWD_NONE)
		return r;
	for (uint32_t i = 0; i < MANY; i++) {
		struct rig_backend b = numbered(FIRST + i);

		rig__backend(r, FIRST + i, &b);
	}
	for (int slot_class = 0; slot_class < FL_SLOT_CLASSES; slot_class++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct fl_service_key key =
				rig__key(version, PROTO_UDP, CLASS_PORT(slot_class));

			rig__service(r, CLASS_ID(slot_class, version), &key,
				     (enum fl_slot_class)slot_class);
		}
	}
	return r;
}

static struct rig *rig_with_many(void)
{
	return with_many(rig__plain());
}

static void random_flow(struct spec *s)
{
	for (int i = 0; i < (s->ip.version == 6 ? 16 : 4); i++)
		s->ip.src[i] = (uint8_t)rand();
	s->sport = (uint16_t)rand();
}

static void fill_numbered(struct rig *r, uint32_t id, uint32_t n, uint32_t stride, uint16_t dirty)
{
	uint16_t *slots = malloc(n * sizeof(*slots));

	assert_non_null(slots);
	for (uint32_t i = 0; i < n; i++)
		slots[i] = (uint16_t)((FIRST + i / stride % MANY) | dirty);
	rig__slots(r, id, slots);
	free(slots);
}

/* The backend that the program chose, from the frame's destination; the slot is its own number. */
static uint32_t chosen(struct rig *r, const struct spec *s)
{
	static struct frame in;
	static struct run run;

	build__frame(s, &in);
	rig__run(r->lb, &in, 0, &run);
	assert_int_equal(run.action, XDP_TX);
	assert_int_equal(run.out.b[0] << 8 | run.out.b[1], 0x0207);
	return (uint32_t)(run.out.b[2] << 16 | run.out.b[3] << 8 | run.out.b[4]);
}

/* Both sides compute the same slot: all its bits, by two tables, one of them by its high bits. */
static void compare_slots(uint8_t version, enum fl_slot_class slot_class, uint16_t dirty)
{
	struct rig *r = rig_with_many();
	uint32_t n = rig__slot_count(slot_class), id = CLASS_ID(slot_class, version);
	struct spec s = build__udp(version);

	s.dport = CLASS_PORT(slot_class);
	for (uint32_t stride = 1; stride <= 64; stride *= 64) {
		srand(7);
		fill_numbered(r, id, n, stride, dirty);
		for (int i = 0; i < FLOWS / 2; i++) {
			uint32_t slot;

			random_flow(&s);
			slot = (uint32_t)rig__hash(r, &s) & (n - 1);
			assert_int_equal(chosen(r, &s), FIRST + slot / stride % MANY);
		}
	}
}

static void test_slots_4k(void **state)
{
	(void)state;
	compare_slots(4, FL_SLOTS_4K, 0);
	compare_slots(6, FL_SLOTS_4K, 0);
}

static void test_slots_64k(void **state)
{
	(void)state;
	compare_slots(4, FL_SLOTS_64K, 0);
	compare_slots(6, FL_SLOTS_64K, 0);
}

static void test_slots_1m(void **state)
{
	(void)state;
	compare_slots(4, FL_SLOTS_1M, 0);
	compare_slots(6, FL_SLOTS_1M, 0);
}

/* Bit 15 says that a side table knows more; the index is the rest of the slot. */
static void test_dirty_slots(void **state)
{
	(void)state;
	compare_slots(4, FL_SLOTS_64K, FL_SLOT_DIRTY);
	compare_slots(6, FL_SLOTS_4K, FL_SLOT_DIRTY);
}

/* What makes a flow another one moves it; what does not leaves it where it is. */
static void test_flow_is_the_five_tuple(void **state)
{
	struct rig *r = rig_with_many();
	uint32_t moved = 0, at;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version), other;

		s.dport = CLASS_PORT(FL_SLOTS_64K);
		fill_numbered(r, CLASS_ID(FL_SLOTS_64K, version), FL_SLOTS_64K_N, 1, 0);
		at = chosen(r, &s);
		other = s;
		other.ip.tos = 4;
		other.ip.ttl = 3;
		other.ip.id = 7;
		other.payload = 400;
		change__qinq(&other);
		assert_int_equal(chosen(r, &other), at);
		for (int bit = 0; bit < (version == 6 ? 128 : 32); bit++) {
			other = s;
			other.ip.src[bit / 8] ^= (uint8_t)(1 << bit % 8);
			moved += chosen(r, &other) != at;
		}
		for (int bit = 0; bit < 16; bit++) {
			other = s;
			other.sport ^= (uint16_t)(1 << bit);
			moved += chosen(r, &other) != at;
		}
	}
	/* 192 changes of one bit; that two of them meet in a slot by chance has odds of 2^-18. */
	assert_in_range(moved, 190, 192);
}

/* The backends of n flows under a key. */
static void choose_all(const uint64_t key[4], uint32_t *out, size_t n)
{
	struct rig *r = with_many(rig__get_with_key((struct rig_gates){0}, key));
	struct spec s = build__udp(4);

	s.dport = CLASS_PORT(FL_SLOTS_64K);
	fill_numbered(r, CLASS_ID(FL_SLOTS_64K, 4), FL_SLOTS_64K_N, 1, 0);
	for (size_t i = 0; i < n; i++) {
		s.sport = (uint16_t)i;
		out[i] = chosen(r, &s);
	}
}

/* The key decides: with another one the flows are spread in another way. */
static void test_flow_key(void **state)
{
	uint32_t before[100], after[COUNT(before)], same = 0;

	(void)state;
	choose_all(rig_flow_key, before, COUNT(before));
	/* Word 2 is for IPv6 alone. */
	for (int word = 0; word < 4; word += word ? 2 : 1) {
		uint64_t changed[4];

		memcpy(changed, rig_flow_key, sizeof(changed));
		changed[word] ^= 1ULL << 40 | 1;
		choose_all(changed, after, COUNT(after));
		for (size_t i = 0; i < COUNT(before); i++)
			same += after[i] == before[i];
	}
	assert_in_range(same, 0, 3);
}

/* fl_service.live: one store, and the other table is in use. */
static void test_live_table(void **state)
{
	struct rig *r = rig__plain();
	uint16_t *slots = malloc(FL_SLOTS_4K_N * sizeof(*slots));
	struct spec s = build__tcp(4);

	(void)state;
	assert_non_null(slots);
	rig__point(r, RIG_L2);
	for (uint32_t i = 0; i < FL_SLOTS_4K_N; i++)
		slots[i] = RIG_IPIP4;
	rig__slots_at(r, 2 * RIG_TCP4 + 1, slots);
	free(slots);
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
	r->services[RIG_TCP4].live = 2 * RIG_TCP4 + 1;
	check__spec(r, &s, RIG_IPIP4, FL_V_SEND_IPIP);
	r->services[RIG_TCP4].live = 2 * RIG_TCP4;
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
}

/* fl_backend.hop_live: the same for the next hop. */
static void test_live_hop(void **state)
{
	static const uint32_t all[] = {RIG_L2, RIG_IPIP4, RIG_IPIP6};
	struct rig *r = rig__plain();
	struct spec s = build__tcp(6);
	struct fl_hop other = {
		.dmac = {2, 9, 9, 9, 9, 1}, .smac = {2, 9, 9, 9, 9, 2}, .ifindex = RIG_LO};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct fl_backend *e = &r->backends[all[i]];
		struct fl_hop first = r->be[all[i]].hop;
		enum fl_verdict sent = i ? FL_V_SEND_IPIP : FL_V_SEND_L2;

		rig__point(r, (uint16_t)all[i]);
		e->hop[1] = other;
		check__spec(r, &s, all[i], sent);
		e->hop_live = 1;
		r->be[all[i]].hop = other;
		check__spec(r, &s, all[i], sent);
		e->hop[0] = (struct fl_hop){0};
		check__spec(r, &s, all[i], sent);
		e->hop_live = 0;
		check__spec(r, &s, all[i], FL_V_DROP_NO_NEXTHOP);
		e->hop[0] = first;
	}
	rig__reset_backends(r);
}

static void test_no_backend(void **state)
{
	static const uint16_t none[] = {FL_SLOT_NONE, FL_SLOT_NONE | FL_SLOT_DIRTY};
	struct rig *r = rig__plain();

	(void)state;
	for (size_t i = 0; i < COUNT(none); i++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct spec tcp = build__tcp(version), udp = build__udp(version);

			rig__point(r, none[i]);
			check__spec(r, &tcp, 0, FL_V_DROP_NO_BACKEND);
			check__spec(r, &udp, 0, FL_V_DROP_NO_BACKEND);
		}
	}
}

/* An entry that nobody made, with and without a next hop. */
static void test_unused_backend(void **state)
{
	struct rig *r = rig__plain();
	struct spec s = build__tcp(4);

	(void)state;
	rig__point(r, 99);
	check__spec(r, &s, 0, FL_V_DROP_BUG);
	r->backends[99].hop[0].ifindex = RIG_LO;
	check__spec(r, &s, 0, FL_V_DROP_BUG);
	memset(&r->backends[99], 0, sizeof(r->backends[99]));
}

/* A service without a slot table: a swap to what was never made. */
static void test_no_slot_table(void **state)
{
	struct rig *r = rig__plain();
	struct spec s = build__udp(6);

	(void)state;
	rig__point(r, RIG_L2);
	for (int slot_class = 0; slot_class < FL_SLOT_CLASSES; slot_class++) {
		r->services[RIG_UDP6].slot_class = (__u8)slot_class;
		r->services[RIG_UDP6].live = 2 * 4000;
		check__spec(r, &s, 0, FL_V_DROP_BUG);
		r->services[RIG_UDP6].live = 0xffffffff;
		check__spec(r, &s, 0, FL_V_DROP_BUG);
	}
	r->services[RIG_UDP6].slot_class = FL_SLOTS_4K;
	r->services[RIG_UDP6].live = 2 * RIG_UDP6;
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_4k),
		cmocka_unit_test(test_slots_64k),
		cmocka_unit_test(test_slots_1m),
		cmocka_unit_test(test_dirty_slots),
		cmocka_unit_test(test_flow_is_the_five_tuple),
		cmocka_unit_test(test_flow_key),
		cmocka_unit_test(test_live_table),
		cmocka_unit_test(test_live_hop),
		cmocka_unit_test(test_no_backend),
		cmocka_unit_test(test_unused_backend),
		cmocka_unit_test(test_no_slot_table),
	};

	return check__table("packet_picks", NULL, 0, tests, COUNT(tests));
}
