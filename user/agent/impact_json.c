/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/impact_internal.h"

#include "agent/names.h"
#include "move/ramp.h"

static const char *const effect_names[] = {
	[KEPT] = "kept",
	[ADDED] = "added",
	[REMOVED] = "removed",
	[REPLACED] = "replaced",
};

static json_t *row_json(const struct impact *i, const struct impact_row *r)
{
	const struct forecast_share *old = &i->shares[r->old], *now = &i->shares[r->now];
	bool two = r->old != r->now;
	uint32_t before = old->before + (two ? now->before : 0);
	uint32_t at_once = now->at_once + (two ? old->at_once : 0);
	uint32_t later = now->later + (two ? old->later : 0);

	if (r->effect == KEPT && before == at_once && before == later)
		return NULL;
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "id", r->id, "effect",
			 effect_names[r->effect], "slots", (json_int_t)before, "slots_at_once",
			 (json_int_t)at_once, "slots_later", (json_int_t)later, "records",
			 (json_int_t)r->records);
}

static json_t *slots_json(const struct impact *i)
{
	const struct forecast *f = &i->forecast;
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I}", "total", (json_int_t)i->n, "filled",
			      (json_int_t)f->filled, "unserved", (json_int_t)f->unserved, "waiting",
			      (json_int_t)f->waiting, "begin", (json_int_t)f->begin);
	/* Of tables of two sizes no slot is the same. */
	bool known = i->comparable || i->effect == ADDED;

	json_object_set_new(o, "at_once", known ? json_integer(f->at_once) : json_null());
	json_object_set_new(o, "later", known ? json_integer(f->later) : json_null());
	json_object_set_new(o, "moved", known ? json_integer(f->all) : json_null());
	return o;
}

/* Estimates: all slots of a service are taken for equal. */
static json_t *connections_json(const struct impact *i)
{
	const struct forecast *f = &i->forecast;
	double share = i->served ? (double)f->all / i->served : 0;
	bool keeps = i->effect == KEPT && i->t.stateless;
	bool cut = i->effect == REPLACED;
	json_t *o = json_object();

	if (cut && !i->comparable)
		share = 1;
	json_object_set_new(o, "per_slot", i->per_slot > 0 ? json_real(i->per_slot) : json_null());
	json_object_set_new(o, "records",
			    keeps		      ? json_real(0)
			    : i->per_slot > 0 && !cut ? json_real(i->per_slot * f->all)
						      : json_null());
	json_object_set_new(o, "packets_per_s", json_real(i->packets_per_s * share));
	json_object_set_new(o, "opened_per_s",
			    i->watched ? json_real(i->opened_per_s * share) : json_null());
	json_object_set_new(o, "kept", json_boolean(!cut));
	return o;
}

/* Seconds until no slot is MOVING or PINNED, if all that come in are well at once. */
static uint32_t clean_s(const struct impact *i)
{
	const struct forecast *f = &i->forecast;
	uint32_t settle = f->sums.moving ? f->sums.settle_s : 0;

	if (i->t.stateless || i->t.fresh)
		return 0;
	if (f->all > f->at_once && settle <= i->t.hold_s)
		settle = i->t.hold_s + 1;
	return settle || f->sums.pinned ? settle + FL_TENTATIVE_S : 0;
}

static json_t *head(const struct config_service *c, enum impact_effect effect)
{
	char vip[ADDR_PREFIX_STRLEN], ports[NAMES_LEN], protocol[NAMES_LEN];

	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", c->name, "vip",
			 addr_prefix__format(&c->vip, vip), "ports", names__ports(c, ports),
			 "protocol", names__protocol(c->proto, protocol), "effect",
			 effect_names[effect]);
}

static void add_times(json_t *o, uint32_t clean, uint32_t ramp, uint32_t hold, uint32_t idle)
{
	json_object_set_new(o, "clean_in_s", json_integer(clean));
	json_object_set_new(o, "ramp_s", json_integer(ramp));
	json_object_set_new(o, "hold_s", json_integer(hold));
	json_object_set_new(o, "idle_s", json_integer(idle));
}

json_t *impact__json(const struct impact *i)
{
	json_t *o = head(i->c, i->effect), *backends = json_array();

	for (size_t j = 0; j < i->n_rows; j++) {
		json_t *row = row_json(i, &i->rows[j]);

		if (row)
			json_array_append_new(backends, row);
	}
	json_object_set_new(o, "slots", slots_json(i));
	json_object_set_new(o, "connections", connections_json(i));
	add_times(o, clean_s(i),
		  ramp__seconds(i->forecast.waiting, i->per_slot,
				i->t.hold_s + i->idle_s + FL_TENTATIVE_S),
		  i->t.hold_s, i->idle_s);
	json_object_set_new(o, "backends", backends);
	return o;
}

json_t *impact__removed(const struct service *s)
{
	uint32_t n = plane__slots(s->slot_class), served = n - s->unserved;
	json_t *o = head(s->config, REMOVED), *backends = json_array();

	for (size_t j = 0; j < s->n_members; j++) {
		const struct member *m = s->members[j];

		json_array_append_new(
			backends,
			json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "id", member__id(m), "effect",
				  effect_names[REMOVED], "slots", (json_int_t)m->slots,
				  "slots_at_once", (json_int_t)0, "slots_later", (json_int_t)0,
				  "records", (json_int_t)flow_sweep__records(s->agent, m)));
	}
	json_object_set_new(o, "slots",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
				      (json_int_t)n, "filled", (json_int_t)0, "unserved",
				      (json_int_t)n, "waiting", (json_int_t)0, "begin",
				      (json_int_t)0, "at_once", (json_int_t)served, "later",
				      (json_int_t)served, "moved", (json_int_t)served));
	json_object_set_new(o, "connections",
			    json_pack("{s:o, s:o, s:f, s:o, s:b}", "per_slot",
				      s->per_slot > 0 ? json_real(s->per_slot) : json_null(),
				      "records", json_null(), "packets_per_s",
				      s->rate.packets_per_s, "opened_per_s",
				      s->watch ? json_real(impact__opened_per_s(s)) : json_null(),
				      "kept", false));
	add_times(o, 0, 0, 0, 0);
	json_object_set_new(o, "backends", backends);
	return o;
}
