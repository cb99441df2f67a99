/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "move/fate.h"

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How long it lives without a packet. */
static uint32_t life(const struct fl_flow *f, const struct fate *given)
{
	uint32_t s = given->idle_s;

	if (f->state & FL_FLOW_FIN)
		s = least(s, FATE_FIN_S);
	if (f->state & FL_FLOW_RST)
		s = least(s, FATE_RST_S);
	if (given->crowded && f->state & FL_FLOW_YOUNG)
		s = least(s, FATE_CROWDED_S);
	return s;
}

/* The program may have stored a later second than the one that now_s was read in. */
static uint32_t passed(uint32_t now_s, uint32_t at_s)
{
	int32_t seconds = (int32_t)(now_s - at_s);

	return seconds > 0 ? (uint32_t)seconds : 0;
}

static bool is_over(const struct fl_flow *f, const struct fate *given)
{
	uint32_t age = passed(given->now_s, f->seen_s);

	if (age > life(f, given))
		return true;
	/* From when it went, not from the last packet: it may be back in time. */
	return given->gone_s &&
	       least(age, passed(given->now_s, given->gone_since_s)) > given->gone_s;
}

enum fate_step fate__of(const struct fl_flow *f, const struct fate *given)
{
	switch (f->state & FL_FLOW_STATE) {
	case FL_FLOW_DYING:
		return is_over(f, given) ? FATE_DELETE : FATE_KEEP;
	case FL_FLOW_DEAD:
		return FATE_DEAD;
	default:
		return is_over(f, given) ? FATE_MARK : FATE_KEEP;
	}
}
