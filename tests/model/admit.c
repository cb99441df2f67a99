/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit.c - section 3: the lease, source lists, and limits by GCRA (ITU-T I.371). */
#include "internal.h"

bool in_group(const struct world *w, uint32_t service)
{
	return w->services[service].flags & FL_SVC_GROUP;
}

enum fl_verdict admit__lease(const struct run *r, bool group)
{
	const struct world *w = r->w;

	if (group && w->ours.stale)
		return FL_V_DROP_STALE;
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

/* Whether the event is over the limit; if it is not the meter moves on. */
static bool meter_over(uint64_t *tat, const struct fl_limit *l, uint64_t now)
{
	uint64_t next = (*tat > now ? *tat : now) + l->gap_ns;

	if (next - now > l->burst_ns + l->gap_ns)
		return true;
	*tat = next;
	return false;
}

static bool over(struct run *r, uint32_t service, enum fl_meter which)
{
	struct world *w = r->w;
	const struct fl_limit *l = &w->limits[service].limit[which];
	uint64_t now = r->at->now_ns, hash;
	bool first, second;

	if (which == FL_METER_SVC_PACKETS || which == FL_METER_SVC_NEW)
		return meter_over(&w->svc_meters[service][which], l, now);
	hash = pick__meter_hash(w, r->p.saddr, service, which);
	first = meter_over(&w->meters[0][hash % FL_METERS], l, now);
	second = meter_over(&w->meters[1][(hash >> 32) % FL_METERS], l, now);
	return first && second;
}

static enum fl_verdict limits(struct run *r, uint32_t service)
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
		if (!over(r, service, steps[i].meter))
			continue;
		if (!(l->flags & FL_LIMIT_MONITOR))
			return steps[i].verdict;
		r->w->notes[steps[i].note]++;
		return GO_ON;
	}
	return GO_ON;
}

enum fl_verdict admit__packet(struct run *r, uint32_t service)
{
	enum fl_verdict v = admit__lease(r, in_group(r->w, service));

	if (v == GO_ON)
		v = admit__scope(r, 0);
	if (v == GO_ON && r->w->services[service].flags & FL_SVC_SOURCES)
		v = admit__scope(r, service);
	return v == GO_ON ? limits(r, service) : v;
}
