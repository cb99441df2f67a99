/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - the running state as the JSON document of docs/api.md. */
#include "agent/agent.h"
#include "agent/alerts.h"
#include "agent/chronicle.h"
#include "agent/limits.h"
#include "agent/names.h"
#include "agent/peer_quorum.h"
#include "agent/told.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static json_t *hop_json(const struct hop *h)
{
	char name[IF_NAMESIZE] = "", mac[18] = "", via[ADDR_STRLEN] = "";
	json_t *o;

	if (!h)
		return json_null();
	if (h->net.ifindex) {
		if_indextoname(h->net.ifindex, name);
		addr__format(&h->net.via, via);
	}
	if (h->net.resolved)
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", h->net.dmac[0],
			 h->net.dmac[1], h->net.dmac[2], h->net.dmac[3], h->net.dmac[4],
			 h->net.dmac[5]);
	o = json_pack("{s:b, s:s, s:s, s:s}", "resolved", h->net.resolved, "interface", name, "mac",
		      mac, "via", via);
	json_object_set_new(o, "vlan", json_integer(h->net.vlan & ~NET_TAG));
	return o;
}

static json_t *probe_json(const struct member *m)
{
	json_t *o, *detail;

	if (!m->probe_at_ns)
		return json_null();
	detail = json_string(m->probe_detail ? m->probe_detail : "");
	o = json_pack("{s:b, s:I}", "ok", m->probe_ok, "latency_us",
		      (json_int_t)(m->probe_latency_ns / 1000));
	/* A server's words may be in the detail: json_string() refuses what is not UTF-8. */
	json_object_set_new(o, "detail", detail ? detail : json_string("(not UTF-8)"));
	json_object_set_new(o, "at", names__time(m->probe_at_ns));
	if (m->probe_warning)
		json_object_set_new(o, "warning", json_string(m->probe_warning));
	json_object_set_new(o, "diagnosis", path__json(m));
	return o;
}

uint16_t status__port(const struct member *m)
{
	const struct fl_backend *b = &m->target->entry;
	bool nat = b->mode == FL_FWD_NAT || b->mode == FL_FWD_FULLNAT;

	return nat ? ntohs(b->port) : 0;
}

/* Counters are those of the entry, which other services may share. */
json_t *status__member(struct agent *a, const struct member *m)
{
	const struct service *s = m->service;
	struct addr address = member__address(m);
	char text[ADDR_STRLEN];
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:f}", "id", member__id(m), "address",
			      addr__format(&address, text), "state",
			      m->retired ? "leaving" : health__name(&m->health), "weight",
			      (json_int_t)m->weight, "slots", (json_int_t)m->slots, "share",
			      (double)m->slots / (double)plane__slots(s->slot_class));

	json_object_set_new(o, "slots_leaving", json_integer((json_int_t)m->leaving));
	json_object_set_new(o, "records", json_integer((json_int_t)flow_sweep__records(a, m)));
	json_object_set_new(o, "port", json_integer(status__port(m)));
	json_object_set_new(o, "parts", json_real((double)m->parts / TABLE_PARTS));
	json_object_set_new(o, "weight_percent", json_integer(m->percent));
	json_object_set_new(o, "weight_asked", json_integer(m->asked));
	json_object_set_new(o, "limit_new", json_real((double)m->cap / TABLE_PARTS));
	json_object_set_new(o, "limit_full", json_boolean(m->full));
	json_object_set_new(o, "backup", json_boolean(m->backup));
	json_object_set_new(o, "flaps", json_integer(m->health.flaps));
	json_object_set_new(o, "flap_hold_s",
			    json_real(health__hold_ms(&m->health, &s->rules) / 1e3));
	json_object_set_new(o, "since", names__time(m->health.since_ns));
	json_object_set_new(o, "quorum", peer_quorum__json(m));
	add_counts(o, a, PLANE_BACKEND, m->target->index, &m->target->rate);
	json_object_set_new(o, "nexthop", hop_json(m->target->hop));
	json_object_set_new(o, "probe", probe_json(m));
	json_object_set_new(o, "probes_ok", json_integer((json_int_t)m->probes_ok));
	json_object_set_new(o, "probes_failed", json_integer((json_int_t)m->probes_failed));
	json_object_set_new(o, "passive", passive__json(a, m));
	return o;
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

/* Of backends only that one; NULL: all. */
static json_t *backends_json(struct agent *a, const struct service *s, const char *backend)
{
	json_t *backends = json_array();
	const struct member **list;
	size_t n = 0;

	list = told__members(s, &n);
	for (size_t i = 0; list && i < n; i++) {
		if (!backend || strcmp(member__id(list[i]), backend) == 0)
			json_array_append_new(backends, status__member(a, list[i]));
	}
	free(list);
	return backends;
}

static json_t *service_json(struct agent *a, const struct service *s, const char *backend)
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
	json_object_set_new(o, "backends", backends_json(a, s, backend));
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

json_t *status__json(struct agent *a, const char *service, const char *backend)
{
	json_t *services = json_array(), *o = status__frame(a);
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (!service || strcmp(s->name, service) == 0)
			json_array_append_new(services, service_json(a, s, backend));
	}
	json_object_update_new(o, timings__json(a));
	json_object_set_new(o, "services", services);
	json_object_set_new(o, "verdicts", verdicts_json(a));
	json_object_set_new(o, "notes", notes_json(a));
	json_object_set_new(o, "alerts", alerts__json(a));
	json_object_set_new(o, "nat", nat_sweep__json(a));
	json_object_set_new(o, "api", api_json(a));
	return o;
}
