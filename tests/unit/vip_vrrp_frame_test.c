/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adverts as frames, byte by byte, as another program makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "vip/vrrp_frame.h"

static const struct {
	const char *from, *to, *frame;
} frames[] = {
	{"10.77.0.2", "224.0.0.18",
	 "01005e00001200005e000133080045c0001800004000ff7090540a4d0002e000001231339601"},
	{"fe80::2", "ff02::12",
	 "33330000001200005e00023386dd6c000000000470fffe800000000000000000000000000002ff0200000000"
	 "0000000000000000001231339601"},
};

static void test_frames(void **state)
{
	static const uint8_t message[] = {0x31, 0x33, 0x96, 0x01};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		const uint8_t mac[6] = {0, 0, 0x5e, 0, (uint8_t)(1 + i), 0x33};
		uint8_t out[VRRP_FRAME_MAX];
		char hex[2 * 80 + 1] = "";
		struct vrrp_envelope e;
		size_t len;

		assert_int_equal(addr__parse(frames[i].from, &e.from), 0);
		assert_int_equal(addr__parse(frames[i].to, &e.to), 0);
		len = vrrp_frame__write(out, mac, &e, message, sizeof(message));
		assert_int_equal(2 * len, strlen(frames[i].frame));
		for (size_t k = 0; k < len; k++)
			snprintf(hex + 2 * k, 3, "%02x", out[k]);
		assert_string_equal(hex, frames[i].frame);
	}
}

/* The longest message there is fits: IPv6, and all addresses that its count can say. */
static void test_longest(void **state)
{
	static uint8_t message[VRRP_MAX_LEN], out[VRRP_FRAME_MAX];
	static const uint8_t mac[6] = {0, 0, 0x5e, 0, 2, 1};
	struct vrrp_envelope e;

	(void)state;
	memset(message, 0xa5, sizeof(message));
	assert_int_equal(addr__parse("fe80::2", &e.from), 0);
	assert_int_equal(addr__parse("ff02::12", &e.to), 0);
	assert_int_equal(vrrp_frame__write(out, mac, &e, message, sizeof(message)), sizeof(out));
	assert_memory_equal(out + sizeof(out) - sizeof(message), message, sizeof(message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
