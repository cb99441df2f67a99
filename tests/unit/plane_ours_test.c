/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MAC addresses in `ours`: what stays is found all the time, what goes is found no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plane/internal.h"

#define ADDRESSES 40

static struct fl_ours ours;
static struct plane plane = {.ours = &ours};

static void address(uint32_t i, uint8_t mac[6])
{
	const uint8_t bytes[6] = {2, 0xfa, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

	memcpy(mac, bytes, sizeof(bytes));
}

/* The cells that say an address, a bit each. */
static unsigned int cells(uint32_t i)
{
	uint8_t want[8] = {0};
	unsigned int which = 0;

	address(i, want + 2);
	for (int at = 0; at < FL_MACS; at++) {
		if (memcmp(&ours.mac[at], want, sizeof(want)) == 0)
			which |= 1U << at;
	}
	return which;
}

static bool set(const bool *in)
{
	uint8_t macs[ADDRESSES][6];
	size_t n = 0;

	for (uint32_t i = 0; i < ADDRESSES; i++) {
		if (in[i])
			address(i, macs[n++]);
	}
	return plane__macs(&plane, (const uint8_t(*)[6])macs, n);
}

static void none_and_too_many(void **state)
{
	bool in[ADDRESSES] = {false};

	(void)state;
	assert_true(set(in));
	assert_int_equal(ours.mac[0], 0);
	in[3] = true;
	assert_true(set(in));
	for (int at = 0; at < FL_MACS; at++)
		assert_memory_equal(&ours.mac[at], &ours.mac[0], sizeof(ours.mac[0]));
	assert_int_equal(cells(3), (1U << FL_MACS) - 1);
	memset(in, true, FL_MACS);
	assert_true(set(in));
	in[FL_MACS] = true;
	assert_false(set(in));
	for (int at = 0; at < FL_MACS; at++)
		assert_int_equal(ours.mac[at], 0);
}

/* A packet may come between any two stores: some cell must have said it all the time. */
static void what_stays_is_found(void **state)
{
	bool in[ADDRESSES] = {false};
	unsigned int before[ADDRESSES];

	(void)state;
	srandom(1);
	set(in);
	for (int round = 0; round < 100000; round++) {
		bool was[ADDRESSES];
		size_t n = 0;

		for (uint32_t i = 0; i < ADDRESSES; i++)
			before[i] = cells(i);
		memcpy(was, in, sizeof(was));
		for (uint32_t i = 0; i < ADDRESSES; i++) {
			if (random() % 8 == 0)
				in[i] = random() % 3 == 0;
			if (in[i] && ++n > FL_MACS)
				in[i] = false;
		}
		assert_true(set(in));
		for (uint32_t i = 0; i < ADDRESSES; i++) {
			if (was[i] && in[i])
				assert_int_not_equal(cells(i) & before[i], 0);
			assert_int_equal(cells(i) != 0, in[i]);
		}
		assert_int_equal(ours.mac[0] == 0, n == 0);
	}
}

static bool is_found(const uint8_t mac[6])
{
	uint8_t want[8] = {0};

	memcpy(want + 2, mac, 6);
	for (int at = 0; at < FL_MACS; at++) {
		if (memcmp(&ours.mac[at], want, sizeof(want)) == 0)
			return true;
	}
	return false;
}

/* Virtual MAC addresses beside those that the machine has. */
static void virtual_ones(void **state)
{
	static const uint8_t four[6] = {0, 0, 0x5e, 0, 1, 51}, six[6] = {0, 0, 0x5e, 0, 2, 51};
	bool in[ADDRESSES] = {false};

	(void)state;
	/* As long as no own one is known, every frame is for this machine; and it stays so. */
	set(in);
	plane__virtual_mac(&plane, four, true);
	assert_int_equal(ours.mac[0], 0);
	in[0] = true;
	assert_true(set(in));
	assert_true(is_found(four) && !is_found(six) && cells(0));
	/* Two groups with the same one: it is found until neither has it. */
	plane__virtual_mac(&plane, four, true);
	plane__virtual_mac(&plane, six, true);
	assert_true(is_found(four) && is_found(six) && cells(0));
	plane__virtual_mac(&plane, four, false);
	assert_true(is_found(four) && is_found(six));
	plane__virtual_mac(&plane, four, false);
	assert_true(!is_found(four) && is_found(six) && cells(0));
	/* It takes one's place: the last that would fit does not. */
	memset(in, true, FL_MACS);
	assert_false(set(in));
	assert_int_equal(ours.mac[0], 0);
	plane__virtual_mac(&plane, six, false);
	assert_true(!is_found(six) && cells(0) && cells(FL_MACS - 1));
	plane__virtual_mac(&plane, six, true);
	assert_int_equal(ours.mac[0], 0);
	plane__virtual_mac(&plane, six, false);
}

static void groups_and_stale(void **state)
{
	(void)state;
	plane__groups(&plane, true);
	assert_int_equal(ours.groups, 1);
	assert_false(plane__is_stale(&plane));
	plane__stale(&plane, true);
	assert_int_equal(ours.stale, 1);
	assert_true(plane__is_stale(&plane));
	plane__groups(&plane, false);
	assert_int_equal(ours.groups, 0);
	assert_true(plane__is_stale(&plane));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_and_too_many),
		cmocka_unit_test(what_stays_is_found),
		cmocka_unit_test(virtual_ones),
		cmocka_unit_test(groups_and_stale),
	};

	return cmocka_run_group_tests_name("plane_ours", tests, NULL, NULL);
}
