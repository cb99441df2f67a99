/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - the running state as the JSON document of docs/api.md. */
#include "agent/agent.h"
#include "agent/alerts.h"
#include "agent/chronicle.h"
#include "agent/limits.h"
#include "agent/names.h"

#include <unistd.h>

/* Counters now, rates of the last tick. */
static void add_counts(json_t *o, struct agent *a, enum plane_counter kind, uint32_t index,
		       const struct rate *r)
{
	struct fl_count c = {0};

	plane__count(a->plane, kind, index, &c);
	json_object_set_new(o, "packets", json_integer((json_int_t)c.packets));
	json_object_set_new(o, "bytes", json_integer((json_int_t)c.bytes));
	json_object_set_new(o, "packets_per_s", json_real(r->packets_per_s));
	json_object_set_new(o, "bytes_per_s", json_real(r->bytes_per_s));
}

json_t *status__service(const struct service *s)
{
	char vip[ADDR_PREFIX_STRLEN], ports[NAMES_LEN], protocol[NAMES_LEN];
	const struct config_service *c = s->config;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "name", s->name,
			 "vip", addr_prefix__format(&c->vip, vip), "ports", names__ports(c, ports),
			 "protocol", names__protocol(c->proto, protocol), "forward",
			 config_forward__name(c->forward), "affinity",
			 config_affinity__name(c->affinity), "echo", c->echo, "slots",
			 (json_int_t)plane__slots(s->slot_class), "slots_unserved",
			 (json_int_t)s->unserved, "generation", (json_int_t)s->generation);
}

json_t *status__service_frame(struct agent *a, const struct service *s)
{
	json_t *o = status__service(s);
	const struct config_service *c = s->config;

	add_counts(o, a, PLANE_SERVICE, s->id, &s->rate);
	json_object_set_new(o, "seats_vacant",
			    json_integer((json_int_t)table_seats__vacant(s->seats)));
	json_object_set_new(o, "seats_epoch", json_integer((json_int_t)s->seats->epoch));
	json_object_set_new(o, "usable", json_integer((json_int_t)service__usable(s)));
	json_object_set_new(o, "min_up", json_integer((json_int_t)c->min_up));
	json_object_set_new(o, "min_up_again", json_integer((json_int_t)c->min_up_again));
	json_object_set_new(o, "min_up_hold_s", json_real(c->min_up_hold_ms / 1e3));
	json_object_set_new(o, "enough", json_boolean(s->enough.is));
	json_object_set_new(o, "announce", json_string(c->announce ? "route" : "none"));
	json_object_set_new(o, "transition", transition__json(s));
	json_object_set_new(o, "health", verdict__json(s));
	json_object_set_new(o, "limits", limits__json(&c->limits));
	return o;
}

static json_t *links_json(const struct agent *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_links; i++) {
		const struct plane_link *l = &a->links[i];

		json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:s}", "name", l->ifname,
						      "ifindex", (json_int_t)l->ifindex, "mode",
						      l->native ? "native" : "generic", "attach",
						      l->dispatched ? "dispatcher" : "link"));
	}
	return list;
}

static json_t *verdicts_json(struct agent *a)
{
	json_t *list = json_array();
	char name[NAMES_LEN], action[NAMES_LEN];

	for (uint32_t v = 0; v < FL_VERDICTS; v++) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "name", names__verdict(v, name), "action",
				      names__action(v, action), "text", names__verdict_text(v));

		add_counts(o, a, PLANE_VERDICT, v, &a->verdicts[v]);
		json_array_append_new(list, o);
	}
	return list;
}

/* What is counted beside the verdicts; a note counts packets, no bytes. */
static json_t *notes_json(struct agent *a)
{
	json_t *list = json_array();
	char name[NAMES_LEN];

	for (uint32_t i = 0; i < FL_NOTES; i++) {
		struct fl_count c = {0};

		plane__count(a->plane, PLANE_NOTE, i, &c);
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:f}", "name",
						names__note(i, name), "text", names__note_text(i),
						"packets", (json_int_t)c.packets, "packets_per_s",
						a->notes[i].packets_per_s));
	}
	return list;
}

json_t *status__frame(struct agent *a)
{
	struct fl_lease lease = {.lapses = a->lapses_before};
	json_t *o;

	plane__lease(a->plane, &lease);
	o = json_pack("{s:s, s:s, s:i, s:I, s:f}", "instance", a->config->instance, "version",
		      FAIRLEAD_VERSION, "abi", FL_ABI_VERSION, "pid", (json_int_t)getpid(),
		      "uptime_s", (double)(uv_hrtime() - a->started_ns) / 1e9);
	json_object_set_new(o, "config",
			    json_pack("{s:s, s:o, s:I, s:I}", "file", a->config_path, "loaded_at",
				      names__time(a->loaded_at_ns), "applies",
				      (json_int_t)a->applies, "refusals", (json_int_t)a->refusals));
	chronicle__add_config(a, json_object_get(o, "config"));
	json_object_set_new(o, "lease",
			    json_pack("{s:b, s:I}", "lapsed", lease.lapsed != 0, "lapses",
				      (json_int_t)(lease.lapses - a->lapses_before)));
	json_object_set_new(o, "interfaces", links_json(a));
	json_object_set_new(o, "anycast", anycast__json(a));
	json_object_set_new(o, "bfd", neighbors__json(a));
	json_object_set_new(o, "vrrp", failover__json(a));
	json_object_set_new(o, "peers", peers__json(a));
	json_object_set_new(o, "journal", chronicle__json(a));
	json_object_set_new(o, "records", flow_sweep__json(a));
	return o;
}

/* Not in the frame: those who may look on by TCP need not know. */
static json_t *api_json(struct agent *a)
{
	struct err err;
	bool bad = api__token_problem(a->api, &err);

	return json_pack("{s:b, s:s}", "token", a->config->api_token_file != NULL, "token_problem",
			 bad ? err.text : "");
}

json_t *status__totals(struct agent *a)
{
	json_t *o = timings__json(a);

	json_object_set_new(o, "verdicts", verdicts_json(a));
	json_object_set_new(o, "notes", notes_json(a));
	json_object_set_new(o, "alerts", alerts__json(a));
	json_object_set_new(o, "nat", nat_sweep__json(a));
	json_object_set_new(o, "api", api_json(a));
	return o;
}
