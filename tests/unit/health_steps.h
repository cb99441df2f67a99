/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A verdict's steps, as health_*_test.c take them. Include after cmocka. */
#ifndef FAIRLEAD_TEST_HEALTH_STEPS_H
#define FAIRLEAD_TEST_HEALTH_STEPS_H

#include "health/health.h"

#define BORN 1000 /* since_ns that health__init() is given */

/* Rules without a hold. */
static inline struct health_rules counting(uint32_t rise, uint32_t fall)
{
	return (struct health_rules){.rise = rise, .fall = fall};
}

static inline struct health_time at(uint64_t mono_ns, uint64_t real_ns)
{
	return (struct health_time){mono_ns, real_ns};
}

/* As a restart finds it. */
static inline struct health known(enum fl_health state, enum fl_admin admin)
{
	return (struct health){
		.state = state,
		.ruled = state,
		.admin = admin,
		.out = state == FL_HEALTH_DOWN || state == FL_HEALTH_UNKNOWN,
		.since_ns = BORN,
	};
}

/* A result, and nobody else is asked. */
static inline enum health_change take(struct health *h, const struct health_rules *rules,
				      enum health_result result, const struct health_time *now)
{
	enum health_change change = health__result(h, rules, result, now);

	assert_int_equal(health__rule(h, h->state, now), change);
	return change;
}

/* Monotonic and real time of result n, apart so that one can't be taken for the other. */
static inline uint64_t mono_of(size_t n)
{
	return 500 + 7 * n;
}

static inline uint64_t real_of(size_t n)
{
	return 90000 + 11 * n;
}

static inline enum health_change feed(struct health *h, uint32_t rise, uint32_t fall, bool ok,
				      int times)
{
	struct health_rules rules = counting(rise, fall);
	struct health_time now = at(1, 1);
	enum health_change last = HEALTH_SAME;

	while (times--)
		last = take(h, &rules, ok ? HEALTH_OK : HEALTH_FAILED, &now);
	return last;
}

#endif
