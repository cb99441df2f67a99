/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sync groups: groups that are active together, whatever their priorities are and whatever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "vrrp_world.h"

#define LB (&w.machines[0])
#define LB2 (&w.machines[1])

/* Two machines with a group of each family in a sync group; the first one is active. */
static void make_pair(uint8_t a, uint8_t b, uint8_t a2, uint8_t b2)
{
	new_world();
	add_group(LB, "a", 1, false, a, "both");
	add_group(LB, "b", 2, true, b, "both");
	add_group(LB2, "a", 1, false, a2, "both");
	add_group(LB2, "b", 2, true, b2, "both");
	boot(LB);
	pass(100 * MS);
	boot(LB2);
	pass(1000 * MS);
}

/* The backends of one group die: that group's priority falls below the other machine's. */
static void test_one_falls(void **state)
{
	(void)state;
	make_pair(150, 150, 100, 100);
	assert_string_equal(states(LB), "AA");
	assert_string_equal(states(LB2), "bb");
	LB->outlooks[1].priority = 60;
	refresh(LB);
	pass(3000 * MS);
	assert_string_equal(states(LB), "bb");
	assert_string_equal(states(LB2), "AA");
	/* Once, and no more. */
	assert_int_equal(LB2->changes, 2);
	assert_int_equal(group(LB, "a")->group.priority, 60);
	/* And back again. */
	LB->outlooks[1].priority = 0;
	refresh(LB);
	pass(3000 * MS);
	assert_string_equal(states(LB), "AA");
	assert_string_equal(states(LB2), "bb");
	assert_int_equal(LB2->changes, 4);
	end_world();
}

/* Each machine is the better one of one group, by its configuration. */
static void test_crossed(void **state)
{
	unsigned int before;

	(void)state;
	make_pair(150, 100, 100, 150);
	before = LB->changes + LB2->changes;
	pass(3000 * MS);
	assert_int_equal(LB->changes + LB2->changes, before);
	assert_string_equal(states(LB), "AA");
	assert_string_equal(states(LB2), "bb");
	end_world();
}

/* The active machine dies: the other one takes all over in a down interval and a skew, and no more. */
static void test_dies(void **state)
{
	(void)state;
	make_pair(150, 150, 100, 100);
	kill_machine(LB);
	pass(3 * 10 * MS + 10 * MS);
	assert_string_equal(states(LB2), "AA");
	end_world();
}

/* One of them waits for something before it preempts: so do all. */
static void test_hold(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 100, "both");
	add_group(LB, "b", 2, true, 100, "both");
	add_group(LB2, "a", 1, false, 150, "both");
	add_group(LB2, "b", 2, true, 150, "both");
	LB2->outlooks[1].hold = "its backends are probed again";
	boot(LB);
	pass(100 * MS);
	boot(LB2);
	pass(3000 * MS);
	assert_string_equal(states(LB2), "bb");
	assert_string_equal(group(LB2, "a")->hold,
			    "group 'b' of its sync group: its backends are probed again");
	assert_string_equal(group(LB2, "b")->hold, "its backends are probed again");
	/* Also while the one that waits hears nobody. */
	w.cut6 = true;
	pass(1000 * MS);
	assert_string_equal(states(LB2), "bb");
	w.cut6 = false;
	LB2->outlooks[1].hold = NULL;
	refresh(LB2);
	pass(100 * MS);
	assert_string_equal(states(LB2), "AA");
	assert_string_equal(states(LB), "bb");
	end_world();
}

/* A group that a reload adds joins those of its sync group that are active. */
static void test_added(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 100, "both");
	boot(LB);
	pass(1000 * MS);
	assert_string_equal(states(LB), "A");
	add_group(LB, "b", 2, true, 100, "both");
	LB->outlooks[1].cold = true;
	apply(LB);
	pass(2000 * MS);
	assert_string_equal(states(LB), "A-");
	LB->outlooks[1].cold = false;
	refresh(LB);
	assert_string_equal(states(LB), "AA");
	assert_int_equal(group(LB, "b")->group.why, VRRP_WHY_SYNC);
	pass(2000 * MS);
	/* One that is another router from now on joins as well. */
	LB->vips[1][0].b[15] = 77;
	apply(LB);
	assert_string_equal(states(LB), "AA");
	pass(2000 * MS);
	/* So does one whose adverts come from another address. */
	LB->own[0].b[15] = 99;
	refresh(LB);
	assert_string_equal(states(LB), "AA");
	assert_int_equal(LB->changes, 1);
	end_world();
}

/*
 * Both were active while they were cut off from each other, have the same priorities, and addresses that are
 * the other way round in IPv6. Their first adverts cross. One group decides for all.
 */
static void test_tie(void **state)
{
	unsigned int before;

	(void)state;
	new_world();
	LB->own[1].b[15] = 0xff;
	for (size_t i = 0; i < MACHINES; i++) {
		add_group(&w.machines[i], "b", 2, true, 100, "both");
		add_group(&w.machines[i], "a", 1, false, 100, "both");
	}
	w.cut4 = w.cut6 = true;
	boot(LB);
	boot(LB2);
	pass(100 * MS);
	assert_string_equal(states(LB), "AA");
	assert_string_equal(states(LB2), "AA");
	before = LB2->changes;
	w.cut4 = w.cut6 = false;
	pass(200 * MS);
	assert_string_equal(states(LB), "bb");
	assert_string_equal(states(LB2), "AA");
	assert_int_equal(LB2->changes, before);
	/* That group's adverts do not arrive: the other one decides, an interval later. */
	w.cut4 = w.cut6 = true;
	pass(100 * MS);
	assert_string_equal(states(LB), "AA");
	w.cut6 = false;
	pass(200 * MS);
	assert_string_equal(states(LB), "AA");
	assert_string_equal(states(LB2), "bb");
	end_world();
}

/* A reload makes a sync group of groups of which one is active here and one is not. */
static void test_united(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "a", 1, false, 150, "");
	add_group(LB, "b", 2, true, 100, "");
	add_group(LB2, "a", 1, false, 100, "");
	add_group(LB2, "b", 2, true, 150, "");
	boot(LB);
	boot(LB2);
	pass(1000 * MS);
	assert_string_equal(states(LB), "Ab");
	assert_string_equal(states(LB2), "bA");
	for (size_t i = 0; i < 2; i++)
		strcpy(LB->groups[i].sync, "both");
	apply(LB);
	assert_string_equal(states(LB), "bb");
	pass(1000 * MS);
	assert_string_equal(states(LB2), "AA");
	for (size_t i = 0; i < 2; i++)
		strcpy(LB2->groups[i].sync, "both");
	apply(LB2);
	pass(1000 * MS);
	assert_string_equal(states(LB2), "AA");
	assert_string_equal(states(LB), "bb");
	end_world();
}

/* One hears an active router that it does not take over from: all stay backups, and it is said which. */
static void test_objects(void **state)
{
	(void)state;
	new_world();
	add_group(LB, "b", 2, true, 150, "");
	add_group(LB2, "a", 1, false, 100, "both");
	add_group(LB2, "b", 2, true, 100, "both");
	boot(LB);
	pass(100 * MS);
	boot(LB2);
	pass(1000 * MS);
	assert_string_equal(states(LB2), "bb");
	assert_ptr_equal(vrrp_sync__objector(group(LB2, "a")), group(LB2, "b"));
	assert_int_equal(LB2->changes, 0);
	kill_machine(LB);
	pass(50 * MS);
	assert_string_equal(states(LB2), "AA");
	end_world();
}

/* Handed over on request, and given up for a loop that hangs: all go, within the skew. */
static void test_gives_up(void **state)
{
	(void)state;
	make_pair(150, 150, 100, 100);
	w.here = LB;
	assert_int_equal(vrrp__hand_over(LB->vrrp), 2);
	pass(10 * MS);
	assert_string_equal(states(LB), "bb");
	assert_string_equal(states(LB2), "AA");
	assert_int_equal(group(LB2, "a")->group.why, VRRP_WHY_GIVEN_UP);
	assert_int_equal(group(LB2, "b")->group.why, VRRP_WHY_GIVEN_UP);
	pass(1000 * MS);
	assert_string_equal(states(LB), "bb");
	w.here = LB;
	assert_int_equal(vrrp__take_back(LB->vrrp), 2);
	pass(1000 * MS);
	assert_string_equal(states(LB), "AA");
	LB->fit = false;
	pass(20 * MS);
	assert_string_equal(states(LB), "--");
	assert_string_equal(states(LB2), "AA");
	LB->fit = true;
	refresh(LB);
	pass(1000 * MS);
	assert_string_equal(states(LB), "AA");
	assert_string_equal(states(LB2), "bb");
	end_world();
}

/* BFD has a session in one family alone: its word counts for both. */
static void test_dead(void **state)
{
	(void)state;
	make_pair(150, 150, 100, 100);
	kill_machine(LB);
	w.here = LB2;
	vrrp__neighbor_lost(LB2->vrrp, &LB->own[0], "eth0");
	assert_string_equal(states(LB2), "AA");
	assert_int_equal(group(LB2, "a")->group.why, VRRP_WHY_DEAD);
	end_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_falls), cmocka_unit_test(test_crossed),
		cmocka_unit_test(test_dies),	  cmocka_unit_test(test_hold),
		cmocka_unit_test(test_added),	  cmocka_unit_test(test_tie),
		cmocka_unit_test(test_united),	  cmocka_unit_test(test_objects),
		cmocka_unit_test(test_gives_up),  cmocka_unit_test(test_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
