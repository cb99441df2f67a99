/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of NAT as bytes. What goes there and back, with each flag: peer_stream_test.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "peer/record.h"

#define NOW_S 5000

static const uint64_t name = UINT64_C(0x0102030405060708);

/* 192.0.2.1 to 192.0.2.2, from 192.0.2.3 of the pool, seen ten seconds ago. */
static struct fl_told_nat a_pair(uint16_t flags)
{
	struct fl_told_nat t = {
		.key = {.sport = htons(0x1122), .dport = htons(0x3344), .proto = 17},
		.flow = {.sport = htons(0x5566), .flags = flags, .seen_s = NOW_S - 10},
	};
	uint8_t *const to[] = {t.key.saddr, t.key.daddr, t.flow.saddr};

	for (uint8_t i = 0; i < 3; i++) {
		const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, (uint8_t)(i + 1)};

		memcpy(to[i], mapped, sizeof(mapped));
	}
	return t;
}

/* As every version has it on the wire. */
static void test_bytes(void **state)
{
	static const uint8_t want[] = {
		0x13, 0x50, 0,	  0, /* of full NAT, IPv4; FIN of the client, which has gone on */
		1,    2,    3,	  4,	5,   6, 7, 8, /* the name */
		0x11, 0x22, 0x33, 0x44, /* the client's port, the VIP's */
		0,    10,   0x55, 0x66, /* seen, the pool's port */
		17, /* protocol */
		192,  0,    2,	  1,	192, 0, 2, 2, 192, 0, 2, 3,
	};
	const uint8_t others[] = {0x0f, 0x90, 0, 0};
	struct fl_told_nat t = a_pair(FL_NAT_HERE | FL_NAT_FIN | FL_NAT_SEEN_OTHER);
	uint8_t bytes[PEER_RECORD_MAX];

	(void)state;
	assert_int_equal(peer_record__write_nat(&t, name, NOW_S, bytes), sizeof(want));
	assert_memory_equal(bytes, want, sizeof(want));
	t = a_pair(FL_NAT_HERE | FL_NAT_FIN_OTHER | FL_NAT_RST | FL_NAT_SEEN);
	peer_record__write_nat(&t, name, NOW_S, bytes);
	assert_memory_equal(bytes, others, sizeof(others));
}

/* A source of the other family, which no machine has, but a peer may tell. */
static void test_families(void **state)
{
	const uint8_t v6[16] = {0xfd, [15] = 1};
	struct fl_told_nat t = a_pair(FL_NAT_SEEN);
	uint8_t bytes[PEER_RECORD_MAX];
	struct peer_record back;
	size_t at = 0, len;

	(void)state;
	memcpy(t.flow.saddr, v6, sizeof(v6));
	len = peer_record__write_nat(&t, name, NOW_S, bytes);
	assert_int_equal(len, PEER_RECORD_MAX);
	assert_true(peer_record__read(bytes, len, &at, NOW_S, &back));
	assert_int_equal(at, len);
	assert_memory_equal(back.nat_flow.flow.saddr, v6, 16);
	assert_memory_equal(back.nat_flow.key.saddr, t.key.saddr, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
