/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state machine: an active router that hands over to whoever is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vrrp_steps.h"

static void test_hand_over(void **state)
{
	struct vrrp_settings faster = usual;
	struct vrrp_group g = in(VRRP_BACKUP);
	uint64_t end = T0 + 2 * I + VRRP_HAND_MS * MS;

	(void)state;
	assert_int_equal(vrrp_group__hand_over(&g, T0), 0);
	g = in(VRRP_ACTIVE);
	g.announcements = 0;
	assert_int_equal(vrrp_group__hand_over(&g, T0), VRRP_DO_STOP);
	assert_int_equal(vrrp_group__hand_over(&g, T0 + 1), 0);
	/* It keeps its addresses, and says no word that would keep the others from taking over. */
	assert_int_equal(g.state, VRRP_ACTIVE);
	assert_int_equal(vrrp_group__due(&g), end);
	assert_int_equal(vrrp_group__timer(&g, T0 + I), 0);
	faster.interval_cs = 50;
	assert_int_equal(vrrp_group__set(&g, T0 + I, &faster), 0);
	assert_int_equal(vrrp_group__set_priority(&g, T0 + I, 90), 0);
	assert_int_equal(hear(&g, T0 + I, 0, 100, LOWER), 0);
	/* Any other router's advert ends it, a lower one's too. */
	assert_int_equal(hear(&g, T0 + I, 50, 100, LOWER), VRRP_DO_GIVE);
	assert_int_equal(g.state, VRRP_BACKUP);
	assert_int_equal(g.why, VRRP_WHY_HANDED_OVER);
	assert_true(g.handed_over);
	/* No preemption, until it is told so. */
	hear(&g, T0 + 2 * I, 50, 100, LOWER);
	assert_int_equal(g.timer_ns, T0 + 2 * I + vrrp__down_ns(90, 100));
	vrrp_group__take_back(&g);
	hear(&g, T0 + 3 * I, 50, 100, LOWER);
	assert_int_equal(g.timer_ns, T0 + 2 * I + vrrp__down_ns(90, 100));
	assert_true(g.lower);
}

/* Nobody takes over: it goes on, and preempts as ever. Silence later on ends a hand-over's word, too. */
static void test_hand_over_in_vain(void **state)
{
	struct vrrp_group g = in(VRRP_ACTIVE);
	uint64_t end = T0 + 2 * I + VRRP_HAND_MS * MS;

	(void)state;
	g.announcements = 0;
	vrrp_group__hand_over(&g, T0);
	assert_int_equal(vrrp_group__timer(&g, end), VRRP_DO_SEND);
	assert_int_equal(g.state, VRRP_ACTIVE);
	assert_int_equal(g.handing_ns, 0);
	assert_false(g.handed_over);
	assert_int_equal(hear(&g, end, 50, 100, LOWER), VRRP_DO_SEND | VRRP_DO_ANNOUNCE);
	g = in(VRRP_ACTIVE);
	vrrp_group__hand_over(&g, T0);
	hear(&g, T0 + 1, 50, 100, LOWER);
	assert_int_equal(vrrp_group__timer(&g, g.timer_ns),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_false(g.handed_over);
	/* The owner keeps what is its own. */
	g.priority = 255;
	assert_int_equal(vrrp_group__hand_over(&g, T0), 0);
	/* The other groups of its sync group go along as it was meant. */
	g = in(VRRP_ACTIVE);
	vrrp_group__hand_over(&g, T0);
	vrrp_group__follow(&g, T0 + 1, VRRP_BACKUP);
	assert_true(g.handed_over);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_hand_over_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
