/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit.c - section 3: the lease, source lists, and limits by GCRA (ITU-T I.371). */
#include "internal.h"

#include <string.h>

enum fl_verdict admit__lease(const struct run *r)
{
	const struct world *w = r->w;

	if (!w->gates.lease || !w->lapsed)
		return GO_ON;
	switch (w->settings.on_agent_loss) {
	case FL_LOSS_PASS:
		return FL_V_PASS_AGENT_LOST;
	case FL_LOSS_DROP:
		return FL_V_DROP_AGENT_LOST;
	default:
		return GO_ON;
	}
}

enum fl_verdict admit__scope(struct run *r, uint32_t scope)
{
	const struct fl_source *s;

	if (!r->w->gates.sources)
		return GO_ON;
	s = world__source(r->w, scope, r->p.saddr);
	if (!s || !(s->flags & FL_SRC_DENY))
		return GO_ON;
	if (!(s->flags & FL_SRC_MONITOR))
		return FL_V_DROP_DENIED;
	r->w->notes[FL_N_DENIED]++;
	return GO_ON;
}

/* Whether the event is within the limit; if so the meter has moved on. */
static bool meter_takes(__u64 *tat, const struct fl_limit *l, uint64_t now)
{
	uint64_t next = (*tat > now ? *tat : now) + l->gap_ns;

	if (next - now > l->burst_ns + l->gap_ns)
		return false;
	*tat = next;
	return true;
}

static __u64 *meter_of(struct run *r, uint32_t service, enum fl_meter which)
{
	struct meter_key key = {.service = service, .meter = which};

	if (which == FL_METER_SVC_PACKETS || which == FL_METER_SVC_NEW)
		return &r->w->svc_meters[service].tat[which];
	memcpy(key.source, r->p.saddr, r->p.version == 4 ? 16 : 8);
	return table__put(&r->w->meters, &key);
}

enum fl_verdict admit__limits(struct run *r, uint32_t service)
{
	static const struct {
		enum fl_meter meter;
		bool opens;
		enum fl_verdict verdict;
		enum fl_note note;
	} steps[] = {
		{FL_METER_SRC_PACKETS, false, FL_V_DROP_SRC_PACKETS, FL_N_SRC_PACKETS},
		{FL_METER_SRC_NEW, true, FL_V_DROP_SRC_NEW, FL_N_SRC_NEW},
		{FL_METER_SVC_PACKETS, false, FL_V_DROP_SVC_PACKETS, FL_N_SVC_PACKETS},
		{FL_METER_SVC_NEW, true, FL_V_DROP_SVC_NEW, FL_N_SVC_NEW},
	};
	const struct fl_limits *l = &r->w->limits[service];

	if (!r->w->gates.limits || !(r->w->services[service].flags & FL_SVC_LIMITS))
		return GO_ON;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		const struct fl_limit *limit = &l->limit[steps[i].meter];

		if (!limit->gap_ns || (steps[i].opens && !r->p.opens))
			continue;
		if (meter_takes(meter_of(r, service, steps[i].meter), limit, r->at->now_ns))
			continue;
		if (!(l->flags & FL_LIMIT_MONITOR))
			return steps[i].verdict;
		r->w->notes[steps[i].note]++;
		return GO_ON;
	}
	return GO_ON;
}
