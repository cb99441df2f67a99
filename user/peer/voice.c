/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/voice.h"

void peer_voice__begin(struct peer_voice *v, uint64_t now_us)
{
	*v = (struct peer_voice){.made_us = now_us};
}

void peer_voice__cleared(struct peer_voice *v)
{
	v->filling = true;
}

bool peer_voice__follow(struct peer_voice *v, const struct peer_sound *s)
{
	bool was = v->counts, refilled = s->whole && v->filling;

	if (s->whole) {
		v->whole_us = s->now_us;
		v->filling = false;
	}
	v->counts = s->up && v->whole_us && s->now_us - v->whole_us <= s->patience_us;
	return refilled || v->counts != was;
}

bool peer_voice__is_expected(const struct peer_voice *v, const struct peer_sound *s)
{
	if (v->whole_us)
		return v->counts && v->filling;
	return s->now_us - v->made_us <= s->patience_us;
}
