/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups in a state, and adverts that they hear, as vip_vrrp_*_test.c take them. Include after cmocka. */
#ifndef FAIRLEAD_TEST_VRRP_STEPS_H
#define FAIRLEAD_TEST_VRRP_STEPS_H

#include "vip/vrrp_group.h"

#define MS 1000000ULL
#define T0 (1000 * MS) /* when a test begins */
#define I (1000 * MS) /* the interval of 100 cs, ns */
#define OWN "10.0.0.5"
#define LOWER "10.0.0.4"
#define HIGHER "10.0.0.6"

static const struct vrrp_settings usual = {.interval_cs = 100, .preempt = true};

static inline struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr__parse(text, &a), 0);
	return a;
}

/* A group of priority 100 in that state, just entered; a backup has heard nobody yet. */
static inline struct vrrp_group in(enum vrrp_state state)
{
	const struct addr own = addr(OWN);
	struct vrrp_group g;

	vrrp_group__init(&g, &usual, 100, &own, T0);
	if (state == VRRP_INITIALIZE)
		return g;
	assert_int_equal(vrrp_group__start(&g, T0), 0);
	if (state == VRRP_ACTIVE) {
		g.timer_ns = T0;
		assert_int_equal(vrrp_group__timer(&g, T0),
				 VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_TAKE);
	}
	assert_int_equal(g.state, state);
	return g;
}

static inline unsigned int hear(struct vrrp_group *g, uint64_t now, uint8_t priority,
				uint16_t interval, const char *from)
{
	const struct vrrp_advert a = {
		.version = 3, .vrid = 1, .priority = priority, .interval_cs = interval, .n = 1};
	const struct addr f = addr(from);

	return vrrp_group__advert(g, now, &a, &f);
}

#endif
