/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/health.h"

#include <stddef.h>

#define MS UINT64_C(1000000)

void health__begin(struct health *h, enum fl_health state, const struct health_time *now)
{
	*h = (struct health){
		.state = state,
		.ruled = state,
		.fresh = true,
		.out = state != FL_HEALTH_UP,
		.since_ns = now->real_ns,
		.turned_ns = now->mono_ns,
		.let_in_ns = now->mono_ns,
	};
}

/* How many results against it the present state bears. */
static uint32_t threshold(const struct health *h, const struct health_rules *rules, bool ok)
{
	if (!ok)
		return rules->fall;
	/* SUSPECT counts failures: the first success speaks for it. */
	return h->state == FL_HEALTH_DOWN ? rules->rise : 1;
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

static uint64_t passed(uint64_t since_ns, uint64_t now_ns)
{
	return now_ns > since_ns ? now_ns - since_ns : 0;
}

static void end_streak(struct health *h)
{
	h->streak = 0;
	h->first_bad_ns = 0;
	h->held = false;
}

static void fall(struct health *h, const struct health_rules *rules, uint64_t mono_ns)
{
	/* What never was up has not fallen. */
	if (h->state == FL_HEALTH_UNKNOWN)
		return;
	if (passed(h->turned_ns, mono_ns) >= rules->flap_forget_ms * MS)
		h->flaps = 0;
	if (h->flaps < UINT8_MAX)
		h->flaps++;
}

static void turn(struct health *h, enum fl_health state, const struct health_time *now)
{
	/* From SUSPECT it goes on as it was. */
	if (state == FL_HEALTH_DOWN || h->state != FL_HEALTH_SUSPECT)
		h->turned_ns = now->mono_ns;
	h->state = state;
	end_streak(h);
}

uint32_t health__hold_ms(const struct health *h, const struct health_rules *rules)
{
	uint64_t ms = rules->flap_hold_ms;

	if (h->state != FL_HEALTH_DOWN || h->flaps < 2)
		return 0;
	for (uint32_t i = 2; i < h->flaps && ms < rules->flap_hold_max_ms; i++)
		ms *= 2;
	return (uint32_t)(ms < rules->flap_hold_max_ms ? ms : rules->flap_hold_max_ms);
}

enum health_change health__result(struct health *h, const struct health_rules *rules,
				  enum health_result result, const struct health_time *now)
{
	bool ok = result == HEALTH_OK;

	h->fresh = false;
	if (!speaks_against(h, ok)) {
		end_streak(h);
		return HEALTH_SAME;
	}
	if (h->streak++ == 0)
		h->first_bad_ns = now->mono_ns;
	if (h->streak >= threshold(h, rules, ok)) {
		h->held = ok &&
			  passed(h->first_bad_ns, now->mono_ns) < health__hold_ms(h, rules) * MS;
		if (h->held)
			return HEALTH_SAME;
		if (!ok)
			fall(h, rules, now->mono_ns);
		turn(h, ok ? FL_HEALTH_UP : FL_HEALTH_DOWN, now);
		return ok ? HEALTH_WENT_UP : HEALTH_WENT_DOWN;
	}
	if (result != HEALTH_REFUSED || h->state != FL_HEALTH_UP)
		return HEALTH_SAME;
	h->state = FL_HEALTH_SUSPECT;
	return HEALTH_WENT_SUSPECT;
}

enum health_change health__rule(struct health *h, enum fl_health ruled,
				const struct health_time *now)
{
	bool lost = ruled == FL_HEALTH_DOWN, up = ruled == FL_HEALTH_UP;

	if (h->ruled == ruled)
		return HEALTH_SAME;
	/* From SUSPECT it goes on as it was before. */
	if (lost || (up && h->out)) {
		h->let_in_ns = now->mono_ns;
		h->ramping = false;
	}
	h->out = lost || (h->out && !up);
	h->ruled = ruled;
	h->since_ns = now->real_ns;
	return up ? HEALTH_WENT_UP : lost ? HEALTH_WENT_DOWN : HEALTH_WENT_SUSPECT;
}

enum fl_health health__says(const struct health *h)
{
	return h->fresh ? FL_HEALTH_UNKNOWN : h->state;
}

bool health__set_admin(struct health *h, enum fl_admin admin, const struct health_time *now)
{
	if (h->admin == admin)
		return false;
	h->admin = admin;
	h->since_ns = now->real_ns;
	if (admin == FL_ADMIN_NONE && !health__is_lost(h))
		h->let_in_ns = now->mono_ns;
	return true;
}

bool health__is_well(const struct health *h)
{
	return h->ruled == FL_HEALTH_UP && h->admin == FL_ADMIN_NONE;
}

bool health__is_lost(const struct health *h)
{
	return h->ruled == FL_HEALTH_DOWN || h->admin == FL_ADMIN_DISABLE;
}

bool health__settled(const struct health *h)
{
	if (h->fresh || h->state == FL_HEALTH_UNKNOWN || h->state == FL_HEALTH_SUSPECT)
		return false;
	return h->streak == 0 || h->held;
}

uint32_t health__ramp(const struct health *h, uint32_t slow_start_ms, uint32_t of, uint64_t mono_ns)
{
	uint64_t ns = slow_start_ms * MS, age = passed(h->let_in_ns, mono_ns);

	if (!h->ramping || age >= ns)
		return of;
	/* Begins with one step: what gets nothing is not started. An hour times 20: no overflow. */
	return 1 + (uint32_t)(age * (of - 1) / ns);
}

const char *health__name(const struct health *h)
{
	if (h->admin == FL_ADMIN_DISABLE)
		return "disabled";
	if (h->admin == FL_ADMIN_DRAIN &&
	    (h->ruled == FL_HEALTH_UP || h->ruled == FL_HEALTH_SUSPECT))
		return "draining";
	switch (h->ruled) {
	case FL_HEALTH_UP:
		return h->ramping ? "starting" : "up";
	case FL_HEALTH_SUSPECT:
		return "suspect";
	case FL_HEALTH_DOWN:
		return "down";
	default:
		return "unknown";
	}
}
