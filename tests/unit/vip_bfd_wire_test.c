/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BFD control packet (RFC 5880 4.1): bytes in, bytes out, and what is refused, in what order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "vip/bfd_wire.h"

/* State Up, Poll; mult 3, 10 ms and 20 ms; discriminators 0x01020304, 0x0a0b0c0d. */
static const uint8_t up_poll[BFD_WIRE_LEN] = {
	0x20, 0xe0, 3,	  24,	1, 2, 3,    4,	  0x0a, 0x0b, 0x0c, 0x0d,
	0,    0,    0x27, 0x10, 0, 0, 0x4e, 0x20, 0,	0,    0,    0,
};

/* As a router announces itself: Down, diagnostic 1, 1 s; nobody is known yet. */
static const uint8_t down[BFD_WIRE_LEN] = {
	0x21, 0x40, 5,	  24,	0xde, 0xad, 0xbe, 0xef, 0, 0, 0,    0,
	0,    0x0f, 0x42, 0x40, 0,    0,    0x27, 0x10, 0, 0, 0xc3, 0x50,
};

static void test_write(void **state)
{
	const struct bfd_packet p = {
		.state = BFD_UP,
		.mult = 3,
		.poll = true,
		.mine = 0x01020304,
		.yours = 0x0a0b0c0d,
		.min_tx_us = 10000,
		.min_rx_us = 20000,
	};
	struct bfd_packet final = p;
	uint8_t bytes[BFD_WIRE_LEN];

	(void)state;
	bfd_wire__write(&p, bytes);
	assert_memory_equal(bytes, up_poll, sizeof(bytes));
	final.poll = false;
	final.final = true;
	final.state = BFD_INIT;
	final.diag = BFD_DIAG_ADMIN;
	bfd_wire__write(&final, bytes);
	assert_int_equal(bytes[0], 0x27);
	assert_int_equal(bytes[1], 0x90);
	final.demand = true;
	bfd_wire__write(&final, bytes);
	assert_int_equal(bytes[1], 0x92);
}

static void test_read(void **state)
{
	struct bfd_packet p;
	bool auth = true;

	(void)state;
	assert_int_equal(bfd_wire__read(up_poll, sizeof(up_poll), &p, &auth), BFD_ACCEPTED);
	assert_false(auth);
	assert_int_equal(p.state, BFD_UP);
	assert_int_equal(p.diag, BFD_DIAG_NONE);
	assert_int_equal(p.mult, 3);
	assert_true(p.poll && !p.final && !p.demand);
	assert_int_equal(p.mine, 0x01020304);
	assert_int_equal(p.yours, 0x0a0b0c0d);
	assert_int_equal(p.min_tx_us, 10000);
	assert_int_equal(p.min_rx_us, 20000);
	assert_int_equal(bfd_wire__read(down, sizeof(down), &p, &auth), BFD_ACCEPTED);
	assert_int_equal(p.state, BFD_DOWN);
	assert_int_equal(p.diag, BFD_DIAG_EXPIRED);
	assert_int_equal(p.mult, 5);
	assert_int_equal(p.yours, 0);
	assert_int_equal(p.min_tx_us, 1000000);
}

/* Bytes behind the packet are none of its: an Ethernet frame has a least length. */
static void test_trailing_bytes(void **state)
{
	uint8_t bytes[BFD_WIRE_LEN + 6] = {0};
	struct bfd_packet p;
	bool auth;

	(void)state;
	memcpy(bytes, up_poll, sizeof(up_poll));
	assert_int_equal(bfd_wire__read(bytes, sizeof(bytes), &p, &auth), BFD_ACCEPTED);
}

struct mistake {
	size_t at;
	uint8_t value;
	enum bfd_refusal refusal;
};

/* Each alone. */
static const struct mistake mistakes[] = {
	{0, 0x00, BFD_BAD_VERSION}, {0, 0x40, BFD_BAD_VERSION},	   {3, 23, BFD_BAD_LENGTH},
	{3, 0, BFD_BAD_LENGTH},	    {3, 25, BFD_BAD_LENGTH},	   {3, 255, BFD_BAD_LENGTH},
	{2, 0, BFD_BAD_MULT},	    {1, 0xc1, BFD_BAD_MULTIPOINT},
};

static enum bfd_refusal refusal(const uint8_t *bytes, size_t len)
{
	struct bfd_packet p, before;
	enum bfd_refusal r;
	bool auth;

	memset(&p, 0x5a, sizeof(p));
	before = p;
	r = bfd_wire__read(bytes, len, &p, &auth);
	if (r)
		assert_memory_equal(&p, &before, sizeof(p));
	return r;
}

static void test_each_mistake(void **state)
{
	uint8_t bytes[BFD_WIRE_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		memcpy(bytes, up_poll, sizeof(bytes));
		bytes[mistakes[i].at] = mistakes[i].value;
		assert_int_equal(refusal(bytes, sizeof(bytes)), mistakes[i].refusal);
	}
	memcpy(bytes, up_poll, sizeof(bytes));
	memset(&bytes[4], 0, 4);
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_MINE);
	/* Init and Up without a discriminator of ours; Down and AdminDown may. */
	for (unsigned int st = 0; st < 4; st++) {
		memcpy(bytes, down, sizeof(bytes));
		bytes[1] = (uint8_t)(st << 6);
		assert_int_equal(refusal(bytes, sizeof(bytes)),
				 st > BFD_DOWN ? BFD_BAD_STATE : BFD_ACCEPTED);
	}
}

/* Mended one by one, each mistake was hidden by the one before. */
static void test_order(void **state)
{
	uint8_t bytes[BFD_WIRE_LEN] = {0x40, 0xc1};

	(void)state;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_VERSION);
	bytes[0] = 0x20;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_LENGTH);
	bytes[3] = 25;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_LENGTH);
	bytes[3] = 24;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_MULT);
	bytes[2] = 1;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_MULTIPOINT);
	bytes[1] = 0xc0;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_MINE);
	bytes[7] = 1;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_STATE);
	bytes[11] = 1;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_ACCEPTED);
}

/* A datagram cut at any byte, in memory of just that size for the sanitizer. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < BFD_WIRE_LEN; len++) {
		uint8_t *bytes = test_malloc(len + !len);

		memcpy(bytes, up_poll, len);
		assert_int_equal(refusal(bytes, len), BFD_BAD_LENGTH);
		test_free(bytes);
	}
}

static void test_authentication(void **state)
{
	uint8_t bytes[BFD_WIRE_LEN + 4] = {0};
	struct bfd_packet p;
	bool auth = false;

	(void)state;
	memcpy(bytes, up_poll, sizeof(up_poll));
	bytes[1] |= 0x04;
	/* A header that is too short for what the A bit promises. */
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_LENGTH);
	bytes[3] = 25;
	assert_int_equal(refusal(bytes, sizeof(bytes)), BFD_BAD_LENGTH);
	bytes[3] = 28;
	assert_int_equal(bfd_wire__read(bytes, sizeof(bytes), &p, &auth), BFD_ACCEPTED);
	assert_true(auth);
}

static void test_there_and_back(void **state)
{
	uint64_t random = 88172645463325252;
	uint8_t bytes[BFD_WIRE_LEN], again[BFD_WIRE_LEN];
	struct bfd_packet p;
	bool auth;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		for (size_t b = 0; b < sizeof(bytes); b++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			bytes[b] = (uint8_t)random;
		}
		bytes[0] = (uint8_t)(0x20 | (bytes[0] & 0x1f));
		bytes[1] &= 0xf2; /* neither C (never sent), A nor M */
		bytes[2] |= 1;
		bytes[3] = BFD_WIRE_LEN;
		memset(&bytes[20], 0, 4);
		bytes[4] |= 1;
		bytes[8] |= 1;
		assert_int_equal(bfd_wire__read(bytes, sizeof(bytes), &p, &auth), BFD_ACCEPTED);
		bfd_wire__write(&p, again);
		assert_memory_equal(bytes, again, sizeof(bytes));
	}
}

static void test_names(void **state)
{
	(void)state;
	for (int r = 0; r < BFD_REFUSALS; r++)
		assert_non_null(bfd_refusal__name(r));
	assert_string_equal(bfd_refusal__name(BFD_BAD_AUTH), "authentication");
	assert_string_equal(bfd_state__name(BFD_UP), "up");
	assert_string_equal(bfd_diag__text(7), "administratively down");
	assert_string_equal(bfd_diag__text(31), "a reason of its own");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),	       cmocka_unit_test(test_read),
		cmocka_unit_test(test_trailing_bytes), cmocka_unit_test(test_each_mistake),
		cmocka_unit_test(test_order),	       cmocka_unit_test(test_cut),
		cmocka_unit_test(test_authentication), cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
