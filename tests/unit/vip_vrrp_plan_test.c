/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups through changes of the configuration, and a loop that hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "vrrp_world.h"

#define LB (&w.machines[0])
#define LB2 (&w.machines[1])

/* A plan that is discarded has touched nothing, whatever it would have changed of an active group. */
static void test_discarded(void **state)
{
	unsigned int touched;

	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 100, "");
	LB->groups[0].virtual_mac = true;
	boot(LB);
	pass(1000 * MS);
	assert_string_equal(states(LB), "A");
	touched = w.touched;
	strcpy(LB->groups[0].name, "renamed");
	vrrp__discard(prepare(LB));
	strcpy(LB->groups[0].name, "a");
	LB->groups[0].has_source = true;
	LB->groups[0].source = LB->own[0];
	vrrp__discard(prepare(LB));
	LB->groups[0].has_source = false;
	add_group(LB, "b", 2, true, 100, "");
	vrrp__discard(prepare(LB));
	assert_int_equal(w.touched, touched);
	assert_true(LB->claimed);
	assert_string_equal(states(LB), "A");
	end_world();
}

/* The same change in earnest: the MAC address is still this machine's when the new group is active. */
static void test_committed(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 100, "");
	LB->groups[0].virtual_mac = true;
	boot(LB);
	pass(1000 * MS);
	assert_true(LB->claimed);
	strcpy(LB->groups[0].name, "renamed");
	apply(LB);
	assert_string_equal(states(LB), "b");
	/* Its device may still be there. */
	assert_true(LB->claimed);
	pass(1000 * MS);
	assert_string_equal(states(LB), "A");
	assert_true(LB->claimed);
	end_world();
}

/* BFD says that the active machine is dead: a backup whose loop hangs must not take over. */
static void test_lost(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 150, "");
	add_group(LB2, "a", 1, false, 100, "");
	boot(LB);
	pass(100 * MS);
	boot(LB2);
	pass(100 * MS);
	w.here = LB2;
	LB2->fit = false;
	vrrp__neighbor_lost(LB2->vrrp, &LB->own[0], "eth0");
	assert_string_equal(states(LB2), "b");
	LB2->fit = true;
	vrrp__neighbor_lost(LB2->vrrp, &LB->own[0], "eth1");
	assert_string_equal(states(LB2), "b");
	vrrp__neighbor_lost(LB2->vrrp, &LB->own[0], "eth0");
	assert_string_equal(states(LB2), "A");
	end_world();
}

/* What `fairlead failover` has asked a group to goes with its name, whatever else it is now. */
static void test_handed_over(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 150, "");
	add_group(LB2, "a", 1, false, 100, "");
	boot(LB);
	pass(100 * MS);
	boot(LB2);
	pass(100 * MS);
	w.here = LB;
	assert_int_equal(vrrp__hand_over(LB->vrrp), 1);
	pass(100 * MS);
	assert_string_equal(states(LB), "b");
	LB->groups[0].has_source = true;
	LB->groups[0].source = LB->own[0];
	apply(LB);
	pass(1000 * MS);
	assert_string_equal(states(LB), "b");
	assert_int_equal(vrrp__take_back(LB->vrrp), 1);
	pass(1000 * MS);
	assert_string_equal(states(LB), "A");
	end_world();
}

/* Two own the addresses: one yields, and each says so, but not with every advert. */
static void test_owners(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 255, "");
	add_group(LB2, "a", 1, false, 255, "");
	boot(LB);
	boot(LB2);
	pass(100 * MS);
	assert_string_equal(states(LB), "b");
	assert_string_equal(states(LB2), "A");
	assert_int_equal(LB->rivals, 1);
	assert_int_equal(LB2->rivals, 1);
	assert_int_equal(LB->last.why, VRRP_WHY_OTHER_OWNER);
	assert_true(addr__equal(&group(LB, "a")->rival, &LB2->own[0]));
	pass(59000 * MS);
	assert_int_equal(LB->rivals, 1);
	pass(2000 * MS);
	assert_int_equal(LB->rivals, 2);
	/* It has not heard the other one since that one yielded. */
	assert_int_equal(LB2->rivals, 1);
	end_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_discarded), cmocka_unit_test(test_committed),
		cmocka_unit_test(test_lost),	  cmocka_unit_test(test_handed_over),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
