/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose word counts: stories, and every history of six steps against the sentences of voice.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "peer/voice.h"

#define MS 1000u
#define PATIENCE (350 * MS)

/*
 * Each story, a step each 100 ms from the moment it is listened for: what is so then: 'w' all is there, 'b' it
 * is behind, 'c' likewise, and it has started anew just now, '.' it is silent. Then whether it counts ('1'), whether all is
 * looked at anew ('!'), whether it is expected ('?').
 */
static const struct {
	const char *what, *steps, *counts, *anew, *expected;
} stories[] = {
	{"nobody there", "......", "000000", "      ", "???   "},
	{"heard at once", "bw", "01", " !", "? "},
	{"heard late", "....bw", "000001", "     !", "???   "},
	{"never tells all", "bbbbbb", "000000", "      ", "???   "},
	{"news on its way", "wbwbbw", "111111", "!     ", "      "},
	{"news that do not come", "wbbbbb", "111100", "!   ! ", "      "},
	{"and then do", "wbbbbbw", "1111001", "!   ! !", "       "},
	{"silent, and back", "w....w", "100001", "!!   !", "      "},
	{"back with less", "w....bw", "1000001", "!!    !", "       "},
	{"starts anew", "wcbw", "1111", "!  !", " ?? "},
	{"starts anew, and stays behind", "wcbbbbw", "1111001", "!   ! !", " ???   "},
	{"starts anew twice", "wcbcw", "11111", "!   !", " ??? "},
	{"starts anew after a while", "w....cw", "1000001", "!!    !", "       "},
	{"the first start", "cw", "01", " !", "? "},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		struct peer_voice v;

		memset(&v, 0xa5, sizeof(v));
		peer_voice__begin(&v, 5);
		for (size_t n = 0; stories[i].steps[n]; n++) {
			char step = stories[i].steps[n];
			const struct peer_sound s = {
				.up = step != '.',
				.whole = step == 'w',
				.now_us = 5 + (uint32_t)(n + 1) * 100 * MS,
				.patience_us = PATIENCE,
			};
			bool anew, expected;

			if (step == 'c')
				peer_voice__cleared(&v);
			anew = peer_voice__follow(&v, &s);
			expected = peer_voice__is_expected(&v, &s);
			if (v.counts != (stories[i].counts[n] == '1') ||
			    anew != (stories[i].anew[n] == '!') ||
			    expected != (stories[i].expected[n] == '?'))
				fail_msg("%s: step %zu: counts %d, anew %d, expected %d",
					 stories[i].what, n, v.counts, anew, expected);
		}
	}
}

/* Every history: what was so at each step, and how long after the one before it was. */
static void run(uint32_t digits)
{
	static const uint32_t pauses[] = {0, PATIENCE, PATIENCE + 1};
	uint64_t now = 7, made = now, whole = 0;
	bool counted = false, void_now = false;
	struct peer_voice v;

	peer_voice__begin(&v, now);
	for (int n = 0; n < 5; n++, digits /= 5 * 3) {
		uint32_t kind =
			digits % 5; /* silent, behind, whole; anew and behind, anew and whole */
		bool up = kind != 0, all = kind == 2 || kind == 4;
		bool counts, anew;
		struct peer_sound s;

		now += pauses[digits / 5 % 3];
		if (kind >= 3) {
			peer_voice__cleared(&v);
			void_now = true;
		}
		s = (struct peer_sound){up, all, now, PATIENCE};
		anew = peer_voice__follow(&v, &s);
		if (all)
			whole = now;
		counts = up && whole && now <= whole + PATIENCE;
		assert_int_equal(v.counts, counts);
		assert_int_equal(anew, counts != counted || (all && void_now));
		void_now &= !all;
		assert_int_equal(peer_voice__is_expected(&v, &s),
				 whole ? counts && void_now : now <= made + PATIENCE);
		counted = counts;
	}
}

static void test_every_history(void **state)
{
	(void)state;
	for (uint32_t digits = 0; digits < 15u * 15 * 15 * 15 * 15; digits++)
		run(digits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_every_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
