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
	if (given->gone_s)
		s = least(s, given->gone_s);
	if (given->crowded && f->state & FL_FLOW_YOUNG)
		s = least(s, FATE_CROWDED_S);
	return s;
}

enum fate_step fate__of(const struct fl_flow *f, const struct fate *given)
{
	/* The program may have stored a later second than the one that now_s was read in. */
	int32_t age = (int32_t)(given->now_s - f->seen_s);

	/* A deletion that did not come to its end: nobody takes it for a record. */
	if ((f->state & FL_FLOW_STATE) == FL_FLOW_DEAD)
		return FATE_DELETE;
	if (age < 0 || (uint32_t)age <= life(f, given))
		return FATE_KEEP;
	return (f->state & FL_FLOW_STATE) == FL_FLOW_DYING ? FATE_DELETE : FATE_MARK;
}
