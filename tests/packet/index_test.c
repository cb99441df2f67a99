/* SPDX-License-Identifier: GPL-2.0-or-later */
/* svc_index: sixteen ways of fingerprint and id, of which services[id].key has the last word. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "fairlead/flowhash.h"

#define FIRST_ID 100 /* services that stand in a full bucket */
#define FIRST_FALSE 6000 /* ids of ways that lead to another key */

static struct fl_bucket *bucket_of(struct rig *r, enum rig_service id, uint64_t *hash)
{
	*hash = rig__key_hash(&r->services[id].key);
	return &r->index[fl_service_bucket(*hash)];
}

static struct spec packet_for(enum rig_service id)
{
	static const uint8_t version[] = {0, 4, 4, 6, 6, 4, 6};

	switch (id) {
	case RIG_TCP4:
	case RIG_TCP6:
		return build__tcp(version[id]);
	case RIG_SCTP4:
	case RIG_SCTP6:
		return build__sctp(version[id]);
	default:
		return build__udp(version[id]);
	}
}

/*
 * `before` ways stand in front of the service's own, each with the same fingerprint: first those of
 * services whose key differs in one part only.
 */
static void ways_before(struct rig *r, enum rig_service id, int before)
{
	struct spec s = packet_for(id);
	struct fl_bucket *bucket, saved;
	uint64_t hash;

	bucket = bucket_of(r, id, &hash);
	saved = *bucket;
	for (int i = 0; i < before; i++) {
		uint32_t other = FIRST_FALSE + (uint32_t)i;

		r->services[other] = r->services[id];
		if (i % 4 == 0)
			r->services[other].key.port ^= 1;
		else if (i % 4 == 1)
			r->services[other].key.proto ^= PROTO_TCP ^ PROTO_UDP;
		else if (i % 4 == 2)
			r->services[other].key.addr[15] ^= 1;
		else
			r->services[other].key.addr[0] ^= 1;
		bucket->way[i] = fl_service_fingerprint(hash) | other;
	}
	if (before < FL_BUCKET_WAYS)
		bucket->way[before] = fl_service_fingerprint(hash) | id;
	for (int i = before + 1; i < FL_BUCKET_WAYS; i++)
		bucket->way[i] = 0;
	check__spec(r, &s, RIG_L2, before < FL_BUCKET_WAYS ? FL_V_SEND_L2 : FL_V_PASS_NOT_SERVICE);
	for (int i = 0; i < before; i++)
		memset(&r->services[FIRST_FALSE + i], 0, sizeof(r->services[0]));
	*bucket = saved;
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
}

static void test_fingerprints_that_collide(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	rig__point(r, RIG_L2);
	for (int id = RIG_TCP4; id < RIG_SERVICES; id++) {
		for (int before = 0; before <= FL_BUCKET_WAYS; before++)
			ways_before(r, (enum rig_service)id, before);
	}
}

/* Every bit of the fingerprint counts: the agent's way is the one that is looked at. */
static void test_every_fingerprint_bit(void **state)
{
	struct rig *r = rig__plain();
	struct fl_bucket *bucket, saved;
	struct spec s = build__udp(4);
	uint64_t hash;

	(void)state;
	rig__point(r, RIG_L2);
	bucket = bucket_of(r, RIG_UDP4, &hash);
	saved = *bucket;
	memset(bucket, 0, sizeof(*bucket));
	for (int bit = 16; bit < 32; bit++) {
		bucket->way[0] = (fl_service_fingerprint(hash) | RIG_UDP4) ^ 1U << bit;
		check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	}
	*bucket = saved;
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
}

/* Ways are packed from the front: what stands behind an empty one is not there. */
static void test_empty_way_ends_the_bucket(void **state)
{
	struct rig *r = rig__plain();
	struct fl_bucket *bucket, saved;
	struct spec s = build__tcp(6);
	uint64_t hash;

	(void)state;
	rig__point(r, RIG_L2);
	bucket = bucket_of(r, RIG_TCP6, &hash);
	saved = *bucket;
	memset(bucket, 0, sizeof(*bucket));
	check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	bucket->way[1] = fl_service_fingerprint(hash) | RIG_TCP6;
	check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	bucket->way[0] = bucket->way[1] ^ 0x10000;
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
	*bucket = saved;
}

/* An id beyond `services` leads nowhere. */
static void test_id_out_of_range(void **state)
{
	struct rig *r = rig__plain();
	struct fl_bucket *bucket, saved;
	struct spec s = build__tcp(4);
	uint64_t hash;

	(void)state;
	rig__point(r, RIG_L2);
	bucket = bucket_of(r, RIG_TCP4, &hash);
	saved = *bucket;
	memset(bucket, 0, sizeof(*bucket));
	bucket->way[0] = fl_service_fingerprint(hash) | FL_MAX_SERVICES;
	bucket->way[1] = fl_service_fingerprint(hash) | 0xffff;
	check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	bucket->way[2] = fl_service_fingerprint(hash) | RIG_TCP4;
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
	*bucket = saved;
}

/* Sixteen services that the hash itself puts into one bucket, each found, and a seventeenth not. */
static void test_full_bucket(void **state)
{
	struct rig *r = rig__plain();
	struct fl_service_key keys[FL_BUCKET_WAYS + 1];
	uint32_t found = 0, wanted = 0;
	bool taken = true;

	(void)state;
	/* A bucket that none of the rig's own services is in. */
	for (wanted = 0; taken; wanted++)
		taken = r->index[wanted].way[0] != 0;
	wanted--;
	for (uint32_t n = 0; found < COUNT(keys); n++) {
		struct fl_service_key key = rig__key(4, PROTO_TCP, (uint16_t)n);

		key.addr[13] = (uint8_t)(n >> 16);
		if (fl_service_bucket(rig__key_hash(&key)) == wanted)
			keys[found++] = key;
	}
	for (uint32_t i = 0; i < FL_BUCKET_WAYS; i++) {
		rig__service(r, FIRST_ID + i, &keys[i], FL_SLOTS_4K);
		r->services[FIRST_ID + i].live = r->services[RIG_TCP4].live;
	}
	rig__point(r, RIG_L2);
	for (uint32_t i = 0; i < COUNT(keys); i++) {
		struct want want = {.verdict = i < FL_BUCKET_WAYS ? FL_V_SEND_L2
								  : FL_V_PASS_NOT_SERVICE,
				    .backend = RIG_L2};
		static struct frame in, out;
		struct spec s = build__tcp(4), sent;

		memcpy(s.ip.dst, keys[i].addr + 12, 4);
		s.dport = (uint16_t)(keys[i].port << 8 | keys[i].port >> 8);
		sent = check__sent(r, &s, RIG_L2);
		build__frame(&s, &in);
		build__frame(&sent, &out);
		want.out = i < FL_BUCKET_WAYS ? &out : NULL;
		check__frame(r, &in, &want);
	}
}

/* The same VIP and port, another service by protocol: each has its own backends and counters. */
static void test_services_are_apart(void **state)
{
	struct rig *r = rig__plain();
	uint16_t *slots = malloc(FL_SLOTS_4K_N * sizeof(*slots));
	static const uint16_t backend[] = {0,	   RIG_L2, RIG_IPIP4, RIG_IPIP6,
					   RIG_L2, RIG_L2, RIG_IPIP4};

	(void)state;
	assert_non_null(slots);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		for (int i = 0; i < FL_SLOTS_4K_N; i++)
			slots[i] = backend[id];
		rig__slots(r, id, slots);
	}
	free(slots);
	for (int id = RIG_TCP4; id < RIG_SERVICES; id++) {
		struct spec s = packet_for((enum rig_service)id);

		check__spec(r, &s, backend[id],
			    backend[id] == RIG_L2 ? FL_V_SEND_L2 : FL_V_SEND_IPIP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fingerprints_that_collide),
		cmocka_unit_test(test_every_fingerprint_bit),
		cmocka_unit_test(test_empty_way_ends_the_bucket),
		cmocka_unit_test(test_id_out_of_range),
		cmocka_unit_test(test_services_are_apart),
		cmocka_unit_test(test_full_bucket),
	};

	return check__table("packet_index", NULL, 0, tests, COUNT(tests));
}
