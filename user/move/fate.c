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

uint32_t fate__passed(uint32_t now_s, uint32_t at_s)
{
	int32_t seconds = (int32_t)(now_s - at_s);

	return seconds > 0 ? (uint32_t)seconds : 0;
}

bool fate__is_lost(const struct fate_loss *l, uint32_t now_s, uint32_t silent_s, bool udp)
{
	/* From when it went, not from the last packet: it may be back in time. */
	if (!l->hold_s || fate__passed(now_s, l->since_s) <= l->hold_s)
		return false;
	return l->given_up || udp || silent_s > l->hold_s;
}

enum fate_step fate__of(const struct fl_flow *f, const struct fate *given)
{
	uint32_t state = f->state & FL_FLOW_STATE, age = fate__passed(given->now_s, f->seen_s);

	if (state == FL_FLOW_DEAD)
		return FATE_DEAD;
	if (fate__is_lost(&given->loss, given->now_s, 0, given->udp))
		return FATE_END;
	if (age <= life(f, given) && !fate__is_lost(&given->loss, given->now_s, age, given->udp))
		return FATE_KEEP;
	return state == FL_FLOW_DYING ? FATE_DELETE : FATE_MARK;
}
