/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Announcements byte by byte, as another program makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "vip/announce.h"

static const struct {
	const char *address, *frame;
} frames[] = {
	{"192.0.2.10", "ffffffffffff020000000007080600010800060400010200000000"
		       "07c000020a000000000000c000020a"},
	{"2001:db8:77::10",
	 "33330000000102000000000786dd6000000000203aff20010db80077000000000000000000"
	 "10ff0200000000000000000000000000018800f8182000000020010db800770000000000"
	 "00000000100201020000000007"},
};

static void test_frames(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		uint8_t out[ANNOUNCE_MAX_LEN];
		char hex[2 * ANNOUNCE_MAX_LEN + 1] = "";
		struct addr a;
		size_t len;

		assert_int_equal(addr__parse(frames[i].address, &a), 0);
		len = announce__frame(out, mac, &a);
		for (size_t k = 0; k < len; k++)
			snprintf(hex + 2 * k, 3, "%02x", out[k]);
		assert_string_equal(hex, frames[i].frame);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_frames)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
