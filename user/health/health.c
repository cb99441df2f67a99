/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/health.h"

#include <stddef.h>

void health__init(struct health *h, uint32_t rise, uint32_t fall, enum fl_health state,
		  enum fl_admin admin, uint64_t since_ns)
{
	*h = (struct health){
		.state = state,
		.admin = admin,
		.rise = rise,
		.fall = fall,
		.since_ns = since_ns,
	};
}

/* How many results against it the present state bears. */
static uint32_t threshold(const struct health *h, bool ok)
{
	if (!ok)
		return h->fall;
	/* SUSPECT counts failures: the first success speaks for it. */
	return h->state == FL_HEALTH_DOWN ? h->rise : 1;
}

static bool speaks_against(const struct health *h, bool ok)
{
	switch (h->state) {
	case FL_HEALTH_UP:
		return !ok;
	case FL_HEALTH_DOWN:
		return ok;
	default:
		return true;
	}
}

static void become(struct health *h, enum fl_health state, uint64_t real_ns)
{
	h->state = state;
	h->since_ns = real_ns;
}

enum health_change health__result(struct health *h, enum health_result result, uint64_t mono_ns,
				  uint64_t real_ns)
{
	bool ok = result == HEALTH_OK;

	if (!speaks_against(h, ok)) {
		h->streak = 0;
		h->first_bad_ns = 0;
		return HEALTH_SAME;
	}
	if (h->streak++ == 0)
		h->first_bad_ns = mono_ns;
	if (h->streak >= threshold(h, ok)) {
		become(h, ok ? FL_HEALTH_UP : FL_HEALTH_DOWN, real_ns);
		h->streak = 0;
		h->first_bad_ns = 0;
		return ok ? HEALTH_WENT_UP : HEALTH_WENT_DOWN;
	}
	if (result != HEALTH_REFUSED || h->state != FL_HEALTH_UP)
		return HEALTH_SAME;
	become(h, FL_HEALTH_SUSPECT, real_ns);
	return HEALTH_WENT_SUSPECT;
}

void health__set_thresholds(struct health *h, uint32_t rise, uint32_t fall)
{
	h->rise = rise;
	h->fall = fall;
}

bool health__set_admin(struct health *h, enum fl_admin admin, uint64_t real_ns)
{
	if (h->admin == admin)
		return false;
	h->admin = admin;
	h->since_ns = real_ns;
	return true;
}

bool health__accepts(const struct health *h)
{
	return h->state == FL_HEALTH_UP && h->admin == FL_ADMIN_NONE;
}

bool health__settled(const struct health *h)
{
	return (h->state == FL_HEALTH_UP || h->state == FL_HEALTH_DOWN) && h->streak == 0;
}

const char *health__name(const struct health *h)
{
	switch (h->state) {
	case FL_HEALTH_UP:
		return h->admin == FL_ADMIN_DRAIN ? "draining" : "up";
	case FL_HEALTH_SUSPECT:
		return h->admin == FL_ADMIN_DRAIN ? "draining" : "suspect";
	case FL_HEALTH_DOWN:
		return "down";
	default:
		return "unknown";
	}
}
