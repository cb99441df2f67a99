/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stays together: the flow, the client in all services, or its port in all of them. */
#include "check.h"
#include "change.h"
#include "maps.h"

#include <stdlib.h>
#include <string.h>

#define FLOWS 300

/* Slots in turn for two backends, so that half of all flows that are another slot's are seen. */
static void halve(struct rig *r, uint32_t id, uint16_t a, uint16_t b)
{
	static uint16_t slots[FL_SLOTS_4K_N];

	for (int i = 0; i < FL_SLOTS_4K_N; i++)
		slots[i] = i % 2 ? a : b;
	rig__slots(r, id, slots);
}

static struct rig *with(enum fl_affinity affinity)
{
	struct rig *r = rig__plain();

	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		r->services[id].affinity = (__u8)affinity;
		halve(r, id, RIG_GUE4, RIG_IPIP6);
	}
	return r;
}

/* The slot, the outer addresses, ports and label: all are of the affinity's hash. */
static uint32_t sent(struct rig *r, const struct spec *s, enum fl_affinity affinity)
{
	uint64_t hash = rig__hash_for(r, s, affinity);
	uint32_t backend = hash % 2 ? RIG_GUE4 : RIG_IPIP6;
	struct spec out = check__sent_by(r, s, backend, hash);

	check__becomes(
		r, s, &out,
		(struct want){.verdict = backend == RIG_GUE4 ? FL_V_SEND_GUE : FL_V_SEND_IPIP,
			      .service = rig__service_of(s),
			      .backend = backend});
	return backend;
}

static struct spec some_flow(uint8_t version, uint8_t proto)
{
	struct spec s = proto == PROTO_SCTP ? build__sctp(version) : build__udp(version);

	s.proto = proto;
	for (int i = 0; i < (version == 6 ? 16 : 4); i++)
		s.ip.src[i] = (uint8_t)rand();
	s.sport = (uint16_t)rand();
	return s;
}

static void test_every_affinity(void **state)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP, PROTO_SCTP};

	(void)state;
	srand(11);
	for (int affinity = FL_AFF_FLOW; affinity <= FL_AFF_SOURCE_PORT; affinity++) {
		struct rig *r = with((enum fl_affinity)affinity);
		uint32_t first = 0;

		for (int i = 0; i < FLOWS; i++) {
			struct spec s = some_flow(i & 1 ? 6 : 4, protos[i % 3]);

			first += sent(r, &s, (enum fl_affinity)affinity) == RIG_GUE4;
		}
		/* Both get their share: 150 are to be expected, with a deviation of 9. */
		assert_in_range(first, 110, 190);
	}
	with(FL_AFF_FLOW);
}

/* The same client by other protocols and ports: one backend, and another service's the same. */
static void test_what_stays(void **state)
{
	(void)state;
	srand(12);
	for (int affinity = FL_AFF_FLOW; affinity <= FL_AFF_SOURCE_PORT; affinity++) {
		struct rig *r = with((enum fl_affinity)affinity);
		uint32_t ports_moved = 0, protos_moved = 0;

		for (int i = 0; i < FLOWS; i++) {
			struct spec s = some_flow(i & 1 ? 6 : 4, PROTO_TCP), other = s;
			uint32_t at = sent(r, &s, (enum fl_affinity)affinity);

			other.sport ^= 0x55;
			ports_moved += sent(r, &other, (enum fl_affinity)affinity) != at;
			other = s;
			other.proto = PROTO_UDP;
			other.flags = 0;
			protos_moved += sent(r, &other, (enum fl_affinity)affinity) != at;
		}
		if (affinity == FL_AFF_SOURCE)
			assert_int_equal(ports_moved, 0);
		else
			assert_in_range(ports_moved, 110, 190);
		if (affinity == FL_AFF_FLOW)
			assert_in_range(protos_moved, 110, 190);
		else
			assert_int_equal(protos_moved, 0);
	}
	with(FL_AFF_FLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_affinity),
		cmocka_unit_test(test_what_stays),
	};

	return check__table("packet_affinity", NULL, 0, tests, COUNT(tests));
}
