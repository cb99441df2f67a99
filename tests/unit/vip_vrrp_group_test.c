/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state machine: every state and event against RFC 9568 6.4, and what it adds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "vrrp_steps.h"

static void test_intervals(void **state)
{
	(void)state;
	/* RFC 9568 6.1; priority 100, 1 s: 156/256 s and 3 s more. */
	assert_int_equal(vrrp__skew_ns(100, 100), 609375000);
	assert_int_equal(vrrp__down_ns(100, 100), 3609375000);
	/* 10 ms, the least: not rounded to hundredths. */
	assert_int_equal(vrrp__skew_ns(255, 1), 39062);
	assert_int_equal(vrrp__down_ns(1, 1), 39960937);
	assert_int_equal(vrrp__down_ns(1, 4095), 3 * 40950 * MS + 40950 * MS * 255 / 256);
}

/* 6.4.1 */
static void test_initialize(void **state)
{
	struct vrrp_group g = in(VRRP_INITIALIZE);

	(void)state;
	assert_int_equal(vrrp_group__due(&g), 0);
	assert_int_equal(vrrp_group__timer(&g, T0 + 100 * I), 0);
	assert_int_equal(hear(&g, T0, 0, 100, LOWER), 0);
	assert_int_equal(hear(&g, T0, 200, 100, HIGHER), 0);
	assert_int_equal(vrrp_group__follow(&g, T0, VRRP_ACTIVE), 0);
	assert_int_equal(vrrp_group__follow(&g, T0, VRRP_BACKUP), 0);
	assert_int_equal(vrrp_group__set_priority(&g, T0, 200), 0);
	assert_int_equal(vrrp_group__stop(&g, T0, VRRP_WHY_STOPPED), 0);
	assert_int_equal(g.state, VRRP_INITIALIZE);
	/* (130)-(140) Startup: Active_Down_Timer of the own interval, BACKUP. */
	assert_int_equal(vrrp_group__start(&g, T0), 0);
	assert_int_equal(g.state, VRRP_BACKUP);
	assert_int_equal(g.transitions, 0);
	assert_int_equal(vrrp_group__due(&g), T0 + vrrp__down_ns(200, 100));
	/* (105)-(125) the owner is active at once. */
	g = in(VRRP_INITIALIZE);
	g.priority = 255;
	assert_int_equal(vrrp_group__start(&g, T0), VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_int_equal(g.state, VRRP_ACTIVE);
	assert_int_equal(g.why, VRRP_WHY_OWNER);
	assert_int_equal(g.timer_ns, T0 + I);
	/* A second Startup is none. */
	assert_int_equal(vrrp_group__start(&g, T0), 0);
}

/* 6.4.2: what a backup makes of an advert; the timer that it leaves, from the advert on. */
static const struct {
	bool preempt;
	uint8_t own, priority;
	uint16_t interval;
	const char *from;
	uint64_t due; /* of Active_Down_Timer after the advert; 0: as it was */
} backup_adverts[] = {
	/* (425) priority 0: Skew_Time */
	{true, 100, 0, 100, LOWER, I * 156 / 256},
	{false, 200, 0, 100, HIGHER, I * 56 / 256},
	/* (430) equal or higher: heeded, whatever its address; its interval is learnt */
	{true, 100, 100, 100, LOWER, 3 * I + I * 156 / 256},
	{true, 100, 100, 100, HIGHER, 3 * I + I * 156 / 256},
	{true, 100, 101, 50, LOWER, (3 * I + I * 156 / 256) / 2},
	{false, 100, 255, 200, LOWER, (3 * I + I * 156 / 256) * 2},
	/* lower: heeded without preemption, (435) discarded with it */
	{false, 100, 99, 100, HIGHER, 3 * I + I * 156 / 256},
	{true, 100, 99, 100, HIGHER, 0},
	{true, 100, 1, 1, LOWER, 0},
	/* the owner always preempts (6.1, Preempt_Mode) */
	{false, 255, 254, 100, HIGHER, 0},
};

static void test_backup_adverts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(backup_adverts) / sizeof(*backup_adverts); i++) {
		struct vrrp_group g = in(VRRP_BACKUP);
		uint64_t before = g.timer_ns, now = T0 + I;

		g.set.preempt = backup_adverts[i].preempt;
		g.priority = backup_adverts[i].own;
		assert_int_equal(hear(&g, now, backup_adverts[i].priority,
				      backup_adverts[i].interval, backup_adverts[i].from),
				 0);
		assert_int_equal(g.state, VRRP_BACKUP);
		if (g.timer_ns != (backup_adverts[i].due ? now + backup_adverts[i].due : before))
			fail_msg("row %zu: due %llu", i, (unsigned long long)g.timer_ns);
	}
}

static void test_backup_takes_over(void **state)
{
	struct vrrp_group g = in(VRRP_BACKUP);
	uint64_t due = g.timer_ns;

	(void)state;
	assert_int_equal(vrrp_group__timer(&g, due - 1), 0);
	assert_int_equal(g.state, VRRP_BACKUP);
	/* (385)-(415) */
	assert_int_equal(vrrp_group__timer(&g, due),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_int_equal(g.state, VRRP_ACTIVE);
	assert_int_equal(g.why, VRRP_WHY_SILENCE);
	assert_int_equal(g.timer_ns, due + I);
	assert_int_equal(g.transitions, 1);
	assert_true(addr__equal(&g.active, &g.local));
	/* Why, when something was heard. */
	g = in(VRRP_BACKUP);
	hear(&g, T0, 50, 100, LOWER);
	vrrp_group__timer(&g, g.timer_ns);
	assert_int_equal(g.why, VRRP_WHY_PREEMPTED);
	g = in(VRRP_BACKUP);
	hear(&g, T0, 200, 100, LOWER);
	hear(&g, T0, 0, 100, LOWER);
	vrrp_group__timer(&g, g.timer_ns);
	assert_int_equal(g.why, VRRP_WHY_GIVEN_UP);
	/* (365)-(370) Shutdown: silent. */
	g = in(VRRP_BACKUP);
	assert_int_equal(vrrp_group__stop(&g, T0, VRRP_WHY_STOPPED), 0);
	assert_int_equal(g.state, VRRP_INITIALIZE);
	assert_int_equal(vrrp_group__due(&g), 0);
}

/* BFD: a backup does not wait for the timer, if it is the active router that is dead. */
static void test_dead(void **state)
{
	const struct addr higher = addr(HIGHER), lower = addr(LOWER);
	struct vrrp_group g = in(VRRP_BACKUP);

	(void)state;
	/* Nobody is known yet. */
	assert_int_equal(vrrp_group__lost(&g, T0, &higher), 0);
	hear(&g, T0, 250, 100, HIGHER);
	assert_int_equal(vrrp_group__lost(&g, T0 + 5, &lower), 0);
	assert_int_equal(g.state, VRRP_BACKUP);
	assert_int_equal(vrrp_group__lost(&g, T0 + 5, &higher),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_int_equal(g.state, VRRP_ACTIVE);
	assert_int_equal(g.why, VRRP_WHY_DEAD);
	assert_int_equal(g.timer_ns, T0 + 5 + I);
	/* It lives after all, and is better: one advert, and it is as it was. */
	assert_int_equal(hear(&g, T0 + 6, 250, 100, HIGHER), VRRP_DO_GIVE);
	assert_int_equal(g.state, VRRP_BACKUP);
	g = in(VRRP_ACTIVE);
	assert_int_equal(vrrp_group__lost(&g, T0, &g.local), 0);
	g = in(VRRP_INITIALIZE);
	assert_int_equal(vrrp_group__lost(&g, T0, &g.active), 0);
}

/* The skew after priority 0 is that of the interval that was learnt. */
static void test_learnt(void **state)
{
	struct vrrp_group g = in(VRRP_BACKUP);

	(void)state;
	hear(&g, T0, 200, 10, HIGHER);
	assert_int_equal(g.active_interval_cs, 10);
	assert_int_equal(g.active_priority, 200);
	assert_int_equal(g.timer_ns, T0 + vrrp__down_ns(100, 10));
	hear(&g, T0 + 5, 0, 100, HIGHER);
	assert_int_equal(g.timer_ns, T0 + 5 + vrrp__skew_ns(100, 10));
	/* It is its own again when it is active. */
	vrrp_group__timer(&g, g.timer_ns);
	assert_int_equal(g.timer_ns, T0 + 5 + vrrp__skew_ns(100, 10) + I);
}

/* 6.4.3: an active router and an advert */
static const struct {
	uint8_t own, priority;
	const char *from;
	unsigned int what;
	enum vrrp_state state;
	bool reset; /* Adver_Timer is */
} active_adverts[] = {
	/* (645) priority 0 */
	{100, 0, HIGHER, VRRP_DO_SEND, VRRP_ACTIVE, true},
	{100, 0, LOWER, VRRP_DO_SEND, VRRP_ACTIVE, true},
	/* (655) higher, or equal with a higher address */
	{100, 101, LOWER, VRRP_DO_GIVE, VRRP_BACKUP, false},
	{100, 255, HIGHER, VRRP_DO_GIVE, VRRP_BACKUP, false},
	{100, 100, HIGHER, VRRP_DO_GIVE, VRRP_BACKUP, false},
	{255, 255, HIGHER, VRRP_DO_GIVE, VRRP_BACKUP, false},
	/* (680) else it is discarded and answered */
	{100, 100, LOWER, VRRP_DO_SEND | VRRP_DO_ANNOUNCE, VRRP_ACTIVE, false},
	{100, 99, HIGHER, VRRP_DO_SEND | VRRP_DO_ANNOUNCE, VRRP_ACTIVE, false},
	{255, 254, HIGHER, VRRP_DO_SEND | VRRP_DO_ANNOUNCE, VRRP_ACTIVE, false},
};

static void test_active_adverts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(active_adverts) / sizeof(*active_adverts); i++) {
		struct vrrp_group g = in(VRRP_ACTIVE);
		uint64_t before = g.timer_ns, now = T0 + 700 * MS;
		unsigned int what;

		g.priority = active_adverts[i].own;
		what = hear(&g, now, active_adverts[i].priority, 20, active_adverts[i].from);
		if (what != active_adverts[i].what || g.state != active_adverts[i].state)
			fail_msg("row %zu: does %x, is %s", i, what, vrrp_state__name(g.state));
		if (g.state == VRRP_BACKUP) {
			assert_int_equal(g.timer_ns, now + vrrp__down_ns(g.priority, 20));
			assert_int_equal(g.active_priority, active_adverts[i].priority);
			assert_int_equal(g.why, active_adverts[i].own == 255 ? VRRP_WHY_OTHER_OWNER
									     : VRRP_WHY_BETTER);
		} else {
			assert_int_equal(g.timer_ns, active_adverts[i].reset ? now + I : before);
		}
	}
}

/* Addresses are compared as unsigned numbers in network order, IPv6 as well. */
static void test_equal_priority(void **state)
{
	struct vrrp_group g = in(VRRP_ACTIVE);

	(void)state;
	g.local = addr("10.0.0.127");
	assert_int_equal(hear(&g, T0, 100, 100, "10.0.0.128"), VRRP_DO_GIVE);
	g = in(VRRP_ACTIVE);
	g.local = addr("10.0.1.1");
	assert_int_equal(hear(&g, T0, 100, 100, "10.0.0.200"), VRRP_DO_SEND);
	g = in(VRRP_ACTIVE);
	g.local = addr("fe80::1");
	assert_int_equal(hear(&g, T0, 100, 100, "fe80::ffff"), VRRP_DO_GIVE);
}

static void test_active_timer(void **state)
{
	struct vrrp_group g = in(VRRP_ACTIVE);

	(void)state;
	g.announcements = 0;
	/* (620) */
	assert_int_equal(vrrp_group__timer(&g, T0 + I - 1), 0);
	assert_int_equal(vrrp_group__timer(&g, T0 + I + 3), VRRP_DO_SEND);
	assert_int_equal(g.timer_ns, T0 + 2 * I); /* the rate is kept */
	/* Late by more than an interval: one advert, not two. */
	assert_int_equal(vrrp_group__timer(&g, T0 + 4 * I), VRRP_DO_SEND);
	assert_int_equal(g.timer_ns, T0 + 5 * I);
	/* (605)-(615) Shutdown */
	assert_int_equal(vrrp_group__stop(&g, T0 + 4 * I, VRRP_WHY_STOPPED),
			 VRRP_DO_STOP | VRRP_DO_GIVE);
	assert_int_equal(g.state, VRRP_INITIALIZE);
	assert_int_equal(vrrp_group__due(&g), 0);
	assert_int_equal(vrrp_group__stop(&g, T0 + 4 * I, VRRP_WHY_STOPPED), 0);
}

/* At once, +10, +50, +200 ms, +1 s; adverts go on meanwhile. */
static void test_announcements(void **state)
{
	static const uint64_t at[] = {10, 50, 200, 1000};
	struct vrrp_group g = in(VRRP_ACTIVE);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(vrrp_group__due(&g), T0 + at[i] * MS);
		assert_int_equal(vrrp_group__timer(&g, T0 + at[i] * MS - 1), 0);
		assert_int_equal(vrrp_group__timer(&g, T0 + at[i] * MS),
				 VRRP_DO_ANNOUNCE | (at[i] == 1000 ? VRRP_DO_SEND : 0));
	}
	assert_int_equal(vrrp_group__due(&g), T0 + 2 * I);
	/* Again for one that would be active, but not for each of its adverts. */
	assert_int_equal(hear(&g, T0 + 1500 * MS, 50, 1, LOWER), VRRP_DO_SEND | VRRP_DO_ANNOUNCE);
	assert_int_equal(hear(&g, T0 + 1510 * MS, 50, 1, LOWER), VRRP_DO_SEND);
	assert_int_equal(vrrp_group__timer(&g, T0 + 1510 * MS), VRRP_DO_ANNOUNCE);
	assert_int_equal(hear(&g, T0 + 1600 * MS, 50, 1, LOWER), VRRP_DO_SEND | VRRP_DO_ANNOUNCE);
	/* Several that are overdue are one. */
	assert_int_equal(vrrp_group__timer(&g, T0 + 1900 * MS), VRRP_DO_ANNOUNCE);
	assert_int_equal(vrrp_group__due(&g), T0 + 2000 * MS);
	/* A backup announces nothing. */
	assert_int_equal(hear(&g, T0 + 1950 * MS, 200, 100, LOWER), VRRP_DO_GIVE);
	assert_int_equal(vrrp_group__timer(&g, T0 + 2600 * MS), 0);
}

static void test_preempt_delay(void **state)
{
	struct vrrp_group g = in(VRRP_BACKUP);

	(void)state;
	g.set.preempt_delay_ms = 5000;
	for (uint64_t t = 0; t < 5; t++) {
		hear(&g, T0 + t * I, 50, 100, LOWER);
		assert_int_equal(g.timer_ns, T0 + t * I + vrrp__down_ns(100, 100));
	}
	/* Over: its adverts are discarded, so the timer runs out. */
	hear(&g, T0 + 5 * I, 50, 100, LOWER);
	assert_int_equal(g.timer_ns, T0 + 4 * I + vrrp__down_ns(100, 100));
	/* A better one in between: the delay begins anew with the next lower one. */
	hear(&g, T0 + 6 * I, 150, 100, HIGHER);
	hear(&g, T0 + 7 * I, 50, 100, LOWER);
	assert_int_equal(g.timer_ns, T0 + 7 * I + vrrp__down_ns(100, 100));
	hear(&g, T0 + 11 * I, 50, 100, LOWER);
	assert_int_equal(g.timer_ns, T0 + 11 * I + vrrp__down_ns(100, 100));
	/* One that falls silent is not waited for longer. */
	assert_int_equal(vrrp_group__timer(&g, g.timer_ns),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
}

/* For as long as it waits for something it leaves a lower one alone; a silent one it does not. */
static void test_hold(void **state)
{
	struct vrrp_settings set = usual;
	struct vrrp_group g = in(VRRP_BACKUP);

	(void)state;
	set.hold = true;
	vrrp_group__set(&g, T0, &set);
	hear(&g, T0 + I, 50, 100, LOWER);
	assert_int_equal(g.timer_ns, T0 + I + vrrp__down_ns(100, 100));
	hear(&g, T0 + 2 * I, 50, 100, LOWER);
	assert_int_equal(g.timer_ns, T0 + 2 * I + vrrp__down_ns(100, 100));
	assert_int_equal(vrrp_group__timer(&g, g.timer_ns),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_int_equal(g.why, VRRP_WHY_SILENCE);
	/* The owner waits for nothing. */
	g = in(VRRP_BACKUP);
	g.priority = 255;
	vrrp_group__set(&g, T0, &set);
	hear(&g, T0 + I, 50, 100, LOWER);
	assert_true(g.lower);
}

/* Another MAC address: an active router announces from the beginning, nothing else changes. */
static void test_announce_anew(void **state)
{
	static const unsigned int after_ms[] = {10, 50, 200};
	struct vrrp_group g = in(VRRP_BACKUP);

	(void)state;
	assert_int_equal(vrrp_group__announce(&g, T0), 0);
	g = in(VRRP_ACTIVE);
	g.announcements = 0;
	assert_int_equal(vrrp_group__announce(&g, T0 + 300 * MS), VRRP_DO_ANNOUNCE);
	assert_int_equal(g.state, VRRP_ACTIVE);
	assert_int_equal(g.timer_ns, T0 + I);
	for (size_t i = 0; i < sizeof(after_ms) / sizeof(*after_ms); i++) {
		uint64_t at = T0 + 300 * MS + after_ms[i] * MS;

		assert_int_equal(vrrp_group__due(&g), at);
		assert_int_equal(vrrp_group__timer(&g, at), VRRP_DO_ANNOUNCE);
	}
	/* One that stood still has nothing to announce. */
	assert_int_equal(vrrp_group__announce(&g, T0 + 60 * I), 0);
}

static void test_stood_still(void **state)
{
	uint64_t patience = vrrp__down_ns(100, 100), due;
	struct vrrp_group g = in(VRRP_ACTIVE);

	(void)state;
	g.announcements = 0;
	due = g.timer_ns;
	assert_int_equal(vrrp_group__timer(&g, due + patience - 1), VRRP_DO_SEND);
	g = in(VRRP_ACTIVE);
	assert_int_equal(vrrp_group__timer(&g, due + patience), VRRP_DO_GIVE);
	assert_int_equal(g.state, VRRP_BACKUP);
	assert_int_equal(g.why, VRRP_WHY_STOOD_STILL);
	assert_int_equal(g.timer_ns, due + 2 * patience);
	/* By an advert that it would beat: it does not assert itself. */
	g = in(VRRP_ACTIVE);
	assert_int_equal(hear(&g, due + patience, 50, 100, LOWER), VRRP_DO_GIVE);
	assert_int_equal(g.state, VRRP_BACKUP);
	/* By a change of its settings, judged by those that it had. */
	g = in(VRRP_ACTIVE);
	assert_int_equal(
		vrrp_group__set(&g, due + patience, &(struct vrrp_settings){.interval_cs = 4095}),
		VRRP_DO_GIVE);
	assert_int_equal(g.set.interval_cs, 4095);
}

/* A backup that is itself late listens for one interval more, once. */
static void test_late_backup(void **state)
{
	struct vrrp_group g = in(VRRP_BACKUP);
	uint64_t late = g.timer_ns + I + 1;

	(void)state;
	assert_int_equal(vrrp_group__timer(&g, late), 0);
	assert_int_equal(g.state, VRRP_BACKUP);
	assert_int_equal(vrrp_group__due(&g), late + I);
	assert_int_equal(vrrp_group__timer(&g, late + 3 * I),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	/* If the active router is there after all, nothing has happened. */
	g = in(VRRP_BACKUP);
	vrrp_group__timer(&g, late);
	hear(&g, late + 1, 200, 100, HIGHER);
	assert_int_equal(g.timer_ns, late + 1 + vrrp__down_ns(100, 100));
	assert_int_equal(vrrp_group__timer(&g, g.timer_ns + I + 1), 0);
}

static void test_changes(void **state)
{
	struct vrrp_settings faster = usual;
	struct vrrp_group g = in(VRRP_ACTIVE);

	(void)state;
	/* Peers are told at once of a new priority or interval. */
	assert_int_equal(vrrp_group__set_priority(&g, T0 + 300 * MS, 50), VRRP_DO_SEND);
	assert_int_equal(g.active_priority, 50);
	assert_int_equal(g.timer_ns, T0 + 300 * MS + I);
	assert_int_equal(vrrp_group__set_priority(&g, T0 + 300 * MS, 50), 0);
	faster.interval_cs = 1;
	assert_int_equal(vrrp_group__set(&g, T0 + 400 * MS, &faster), VRRP_DO_SEND);
	assert_int_equal(g.timer_ns, T0 + 410 * MS);
	assert_int_equal(vrrp_group__set(&g, T0 + 400 * MS, &faster), 0);
	/* A backup is judged by its new one from the next advert on. */
	g = in(VRRP_BACKUP);
	hear(&g, T0, 150, 100, HIGHER);
	assert_int_equal(vrrp_group__set_priority(&g, T0, 200), 0);
	hear(&g, T0 + I, 150, 100, HIGHER);
	assert_int_equal(g.timer_ns, T0 + vrrp__down_ns(100, 100));
}

static void test_sync(void **state)
{
	struct vrrp_group g = in(VRRP_BACKUP);

	(void)state;
	assert_int_equal(vrrp_group__follow(&g, T0, VRRP_BACKUP), 0);
	assert_int_equal(vrrp_group__follow(&g, T0, VRRP_ACTIVE),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_int_equal(g.why, VRRP_WHY_SYNC);
	assert_int_equal(vrrp_group__follow(&g, T0, VRRP_ACTIVE), 0);
	assert_int_equal(vrrp_group__follow(&g, T0, VRRP_BACKUP), VRRP_DO_STOP | VRRP_DO_GIVE);
	assert_int_equal(g.state, VRRP_BACKUP);
	/* A new one joins those that are active; no other. */
	assert_int_equal(vrrp_group__join(&g, T0), 0);
	g = in(VRRP_INITIALIZE);
	assert_int_equal(vrrp_group__join(&g, T0), VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_int_equal(g.why, VRRP_WHY_SYNC);
	/* Another group says which of two equals goes on; not of others. */
	g.tie_elsewhere = true;
	assert_int_equal(hear(&g, T0, 100, 100, HIGHER), VRRP_DO_SEND);
	assert_int_equal(hear(&g, T0, 101, 100, LOWER), VRRP_DO_GIVE);
}

/* One of a sync group that could take over says so and waits for the others. */
static void test_ready(void **state)
{
	struct vrrp_settings set = usual;
	struct vrrp_group g = in(VRRP_BACKUP);
	uint64_t due = g.timer_ns;

	(void)state;
	set.sync = true;
	vrrp_group__set(&g, T0, &set);
	assert_int_equal(vrrp_group__take_over(&g, T0), 0);
	/* Late, it listens for one interval more, as ever. */
	assert_int_equal(vrrp_group__timer(&g, due + I + 1), 0);
	assert_false(g.ready);
	assert_int_equal(vrrp_group__timer(&g, due + 2 * I + 1), 0);
	assert_true(g.ready);
	assert_int_equal(g.state, VRRP_BACKUP);
	assert_int_equal(vrrp_group__due(&g), due + 3 * I + 1);
	assert_int_equal(vrrp_group__timer(&g, due + 9 * I), 0);
	assert_true(g.ready);
	/* A lower-priority one changes nothing, a better one all. */
	hear(&g, due + 9 * I, 50, 100, HIGHER);
	assert_true(g.ready);
	hear(&g, due + 9 * I, 150, 100, HIGHER);
	assert_false(g.ready);
	assert_int_equal(g.timer_ns, due + 9 * I + vrrp__down_ns(100, 100));
	vrrp_group__timer(&g, g.timer_ns);
	assert_int_equal(vrrp_group__take_over(&g, due + 20 * I),
			 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	assert_int_equal(g.why, VRRP_WHY_SILENCE);
	assert_false(g.ready);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals),      cmocka_unit_test(test_initialize),
		cmocka_unit_test(test_backup_adverts), cmocka_unit_test(test_backup_takes_over),
		cmocka_unit_test(test_dead),	       cmocka_unit_test(test_learnt),
		cmocka_unit_test(test_active_adverts), cmocka_unit_test(test_equal_priority),
		cmocka_unit_test(test_active_timer),   cmocka_unit_test(test_announcements),
		cmocka_unit_test(test_preempt_delay),  cmocka_unit_test(test_hold),
		cmocka_unit_test(test_announce_anew),  cmocka_unit_test(test_stood_still),
		cmocka_unit_test(test_late_backup),    cmocka_unit_test(test_changes),
		cmocka_unit_test(test_sync),	       cmocka_unit_test(test_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
