/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transition.c - how far changes are, as the JSON of docs/api.md says it. */
#include "agent/agent.h"

#include <string.h>

/* Seconds from now until no slot is MOVING. */
static uint32_t moving_s(const struct service *s)
{
	int32_t left = (int32_t)(s->settle_s - agent__coarse_s());

	return s->sums.moving && left > 0 ? (uint32_t)left : 0;
}

/* Seconds from now until all slots can be clean, if no connection were left by then. */
static uint32_t clean_s(const struct service *s)
{
	uint32_t since = agent__coarse_s() - s->changed_s;

	if (s->sums.moving)
		return moving_s(s) + FL_TENTATIVE_S;
	if (s->sums.pinned)
		return since < FL_TENTATIVE_S ? FL_TENTATIVE_S - since : 0;
	return 0;
}

json_t *transition__json(const struct service *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "moving", (json_int_t)s->sums.moving,
			 "pinned", (json_int_t)s->sums.pinned, "waiting",
			 (json_int_t)s->sums.waiting, "records", (json_int_t)s->records,
			 "clean_in_s", (json_int_t)clean_s(s), "ramp_s",
			 (json_int_t)moves__ramp_s(s));
}

struct leftover {
	uint32_t slots, leaving, records;
	const struct member *first;
};

static void add(struct leftover *l, const struct member *m, const char *id)
{
	if (strcmp(member__id(m), id) != 0)
		return;
	if (!l->first)
		l->first = m;
	l->slots += m->slots;
	l->leaving += m->leaving;
	l->records += flow_sweep__records(m->service->agent, m);
}

/* Whether a pass has looked since the last change, so that its "no records" says something. */
static bool is_counted(const struct service *s)
{
	/* Slots that are clean have none, but for full NAT's. */
	bool clean = !(s->sums.moving || s->sums.pinned) && s->forward != CONFIG_FWD_FULLNAT;

	return clean || flow_sweep__is_counted(s);
}

json_t *transition__backend(const struct service *s, const char *id)
{
	struct leftover l = {0};
	const struct member *m;
	bool counted = is_counted(s);

	for (size_t i = 0; i < s->n_members; i++)
		add(&l, s->members[i], id);
	TAILQ_FOREACH (m, &s->retired, retired_entry)
		add(&l, m, id);
	if (!l.first)
		return NULL;
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:b}", "name", s->name, "state",
			 l.first->retired ? "leaving" : health__name(&l.first->health), "slots",
			 (json_int_t)l.slots, "slots_leaving", (json_int_t)l.leaving,
			 "leaving_in_s", (json_int_t)(l.leaving ? moving_s(s) : 0), "records",
			 (json_int_t)l.records, "empty",
			 !s->dirty && !l.slots && !l.leaving && !l.records && counted);
}
