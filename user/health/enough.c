/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/enough.h"

#define MS UINT64_C(1000000)

uint64_t enough__due_ns(const struct enough *e, const struct enough_rules *rules)
{
	return e->lost && e->good_ns ? e->good_ns + rules->hold_ms * MS : UINT64_MAX;
}

static bool is_over(struct enough *e, const struct enough_rules *rules, uint32_t usable,
		    uint64_t now_ns)
{
	if (usable < rules->again)
		e->good_ns = 0;
	else if (!e->good_ns)
		e->good_ns = now_ns;
	return now_ns >= enough__due_ns(e, rules);
}

bool enough__follow(struct enough *e, const struct enough_rules *rules, uint32_t usable,
		    uint64_t now_ns)
{
	bool is = e->lost ? is_over(e, rules, usable, now_ns) : usable >= rules->min;

	e->lost = !is && (e->lost || e->is);
	e->is = is;
	if (is)
		e->good_ns = 0;
	return is;
}
