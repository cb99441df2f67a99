/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain_json.c - what would become of a packet, as the JSON of docs/api.md says it. */
#include <arpa/inet.h>
#include <ctype.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/names.h"
#include "agent/peers_state.h"

#define HEX_MAX 512 /* bytes of a frame that are shown */

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *bytes_json(const uint8_t *frame, size_t len, uint16_t gue_port)
{
	static char lines[FRAME_LINES][FRAME_LINE];
	char hex[2 * HEX_MAX + 1] = "";
	size_t n = frame__describe(frame, len, gue_port, lines);
	json_t *headers = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(headers, json_string(lines[i]));
	for (size_t i = 0; i < len && i < HEX_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned int)frame[i]);
	return json_pack("{s:I, s:o, s:s}", "length", (json_int_t)len, "headers", headers, "bytes",
			 hex);
}

static json_t *flow_json(const struct explain_facts *f)
{
	char source[ADDR_STRLEN], destination[ADDR_STRLEN], word[NAMES_LEN];
	const struct frame_flow *flow = &f->flow;
	json_t *o;

	if (!f->has_flow)
		return json_null();
	o = json_pack("{s:s, s:s, s:i, s:s, s:i}", "protocol", names__protocol(flow->proto, word),
		      "source", addr__format(&flow->source, source), "source_port",
		      (int)flow->sport, "destination",
		      addr__format(&flow->destination, destination), "destination_port",
		      (int)flow->dport);
	json_object_set_new(o, "tcp_flags",
			    flow->proto == IPPROTO_TCP
				    ? json_string(frame__tcp_flags(flow->tcp_flags, word))
				    : json_null());
	return o;
}

static const char *backend_id(const struct agent *a, uint32_t index)
{
	const struct fl_backend *b =
		index < FL_MAX_BACKENDS ? plane__backend(a->plane, index) : NULL;

	return b ? b->id : NULL;
}

static json_t *verdict_json(uint32_t verdict)
{
	char name[NAMES_LEN], *end;

	names__verdict(verdict, name);
	end = strchr(name, '_');
	return json_pack("{s:s, s:s%, s:s}", "name", name, "action", name,
			 end ? (size_t)(end - name) : strlen(name), "text",
			 names__verdict_text(verdict));
}

static json_t *notes_json(uint32_t notes)
{
	json_t *list = json_array();
	char name[NAMES_LEN];

	for (uint32_t i = 0; i < FL_NOTES; i++) {
		if (notes & 1u << i)
			json_array_append_new(list,
					      json_pack("{s:s, s:s}", "name", names__note(i, name),
							"text", names__note_text(i)));
	}
	return list;
}

/* The slot that the flow's hash says, as packets read it now. */
static json_t *slot_json(const struct agent *a, const struct service *s,
			 const struct fl_explained *told)
{
	uint32_t slots, number, says, word, age;
	json_t *o;

	if (!s || !told->hash || told->reply || !s->slots)
		return json_null();
	slots = plane__slots(s->slot_class);
	number = (uint32_t)told->hash & (slots - 1);
	says = s->slots[number];
	o = json_pack("{s:I, s:o}", "number", (json_int_t)number, "owner",
		      text_or_null(backend_id(a, says & FL_SLOT_INDEX)));
	if (!(says & FL_SLOT_DIRTY) || !s->words) {
		json_object_set_new(o, "state", json_string("clean"));
		return o;
	}
	word = s->words[number];
	age = (agent__coarse_s() - (word >> FL_MOVE_SINCE_SHIFT)) & FL_MOVE_SINCE_MASK;
	json_object_set_new(o, "state", json_string(word & FL_MOVE_PINNED ? "pinned" : "moving"));
	json_object_set_new(o, "previous", text_or_null(backend_id(a, word & FL_MOVE_PREV)));
	json_object_set_new(o, "since_s", json_integer(age));
	return o;
}

/* --- records ---------------------------------------------------------------------------------------- */

static json_t *record_json(const struct agent *a, const char *kind, uint32_t backend,
			   uint32_t seen_s)
{
	return json_pack("{s:s, s:o, s:I}", "kind", kind, "backend",
			 text_or_null(backend_id(a, backend)), "seen_s",
			 (json_int_t)(agent__coarse_s() - seen_s));
}

static void add_flow(json_t *list, const struct agent *a, const struct fl_flow_key *k,
		     const char *kind)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} flags[] = {{FL_FLOW_YOUNG, "young"},
		     {FL_FLOW_FIN, "fin"},
		     {FL_FLOW_RST, "rst"},
		     {FL_FLOW_PASSED, "passed"},
		     {FL_FLOW_OLD, "old"}};
	struct fl_flow f;
	json_t *o, *names;

	if (!plane__flow(a->plane, k, &f) || (f.state & FL_FLOW_STATE) == FL_FLOW_DEAD)
		return;
	names = json_array();
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (f.state & flags[i].bit)
			json_array_append_new(names, json_string(flags[i].name));
	}
	o = record_json(a, kind, f.backend, f.seen_s);
	json_object_set_new(o, "born_s", json_integer(agent__coarse_s() - f.born_s));
	json_object_set_new(o, "flags", names);
	json_array_append_new(list, o);
}

bool explain__client_key(const struct service *s, struct fl_flow_key *k)
{
	enum fl_affinity affinity = s->config ? s->config->affinity : FL_AFF_FLOW;

	if (affinity == FL_AFF_FLOW)
		return false;
	memset(k->daddr, 0, sizeof(k->daddr));
	k->dport = 0;
	k->proto = 0;
	if (affinity == FL_AFF_SOURCE)
		k->sport = 0;
	return true;
}

static void add_nat(json_t *list, const struct agent *a, const struct fl_flow_key *flow)
{
	char source[ADDR_STRLEN], destination[ADDR_STRLEN];
	struct fl_nat_key k = {.sport = flow->sport, .dport = flow->dport, .proto = flow->proto};
	struct addr from, to;
	struct fl_nat_flow f;
	json_t *o;

	memcpy(k.saddr, flow->saddr, sizeof(k.saddr));
	memcpy(k.daddr, flow->daddr, sizeof(k.daddr));
	if (!plane__nat_flow(a->plane, &k, &f))
		return;
	memcpy(from.b, f.saddr, sizeof(from.b));
	memcpy(to.b, f.daddr, sizeof(to.b));
	o = record_json(a, "nat", f.backend, f.seen_s);
	json_object_set_new(o, "source", json_string(addr__format(&from, source)));
	json_object_set_new(o, "source_port", json_integer(ntohs(f.sport)));
	json_object_set_new(o, "destination", json_string(addr__format(&to, destination)));
	json_object_set_new(o, "destination_port", json_integer(ntohs(f.dport)));
	json_array_append_new(list, o);
}

static json_t *records_json(const struct agent *a, const struct explain_facts *f,
			    const struct service *s)
{
	struct fl_flow_key k = explain__flow_key(&f->flow, f->result->told.service), client = k;
	json_t *list = json_array();
	struct fl_tentative t;

	if (!f->has_flow)
		return list;
	if (s && !f->result->told.reply) {
		add_flow(list, a, &k, "connection");
		if (plane__tentative(a->plane, &k, &t) &&
		    agent__coarse_s() - t.seen_s < FL_TENTATIVE_S)
			json_array_append_new(list,
					      record_json(a, "handshake", t.backend, t.seen_s));
		if (explain__client_key(s, &client))
			add_flow(list, a, &client, "client");
	}
	add_nat(list, a, &k);
	return list;
}

/* --- where it goes ----------------------------------------------------------------------------------- */

static json_t *backend_json(struct agent *a, const struct service *s, uint32_t index)
{
	const char *id = backend_id(a, index);
	const struct member *m;

	for (size_t i = 0; s && i < s->n_members; i++) {
		if (s->members[i]->target->index == index)
			return status__member(a, s->members[i]);
	}
	if (s) {
		TAILQ_FOREACH (m, &s->retired, retired_entry) {
			if (m->target->index == index)
				return status__member(a, m);
		}
	}
	/* Only a record names it still. */
	return id ? json_pack("{s:s, s:s}", "id", id, "state", "gone") : json_null();
}

static const char *action_name(uint32_t action)
{
	return action == XDP_PASS	? "pass"
	       : action == XDP_TX	? "tx"
	       : action == XDP_REDIRECT ? "redirect"
					: "drop";
}

/* The interface by which it leaves; "": none, or the kernel's routes say. */
static const char *leaves_by(const struct explain_facts *f, const struct agent *a)
{
	const struct fl_explained *told = &f->result->told;
	const struct target *t =
		told->backend < FL_MAX_BACKENDS ? a->by_index[told->backend] : NULL;
	static char name[IF_NAMESIZE];

	if (f->result->action == XDP_TX)
		return f->link->ifname;
	if (f->result->action != XDP_REDIRECT || told->reply || !t || !t->hop ||
	    !if_indextoname(t->hop->net.ifindex, name))
		return "";
	return name;
}

json_t *explain_json__of(struct agent *a, const struct explain_facts *f)
{
	const struct plane_explained *r = f->result;
	const struct fl_explained *told = &r->told;
	const struct service *s = told->service < FL_MAX_SERVICES ? a->by_id[told->service] : NULL;
	const struct fl_backend *b =
		told->backend < FL_MAX_BACKENDS ? plane__backend(a->plane, told->backend) : NULL;
	bool gue = b && (b->mode == FL_FWD_GUE4 || b->mode == FL_FWD_GUE6);
	bool sent = r->action == XDP_TX || r->action == XDP_REDIRECT;
	json_t *o = json_pack("{s:s, s:o, s:o, s:s, s:o}", "interface", f->link->ifname, "flow",
			      flow_json(f), "verdict", verdict_json(told->verdict), "action",
			      action_name(r->action), "leaves_by", text_or_null(leaves_by(f, a)));

	json_object_set_new(o, "reply", json_boolean(told->reply));
	json_object_set_new(o, "service", s && s->config ? status__service(s) : json_null());
	json_object_set_new(o, "rules", explain_rules__json(a, f, s));
	json_object_set_new(o, "slot", slot_json(a, s, told));
	json_object_set_new(o, "records", records_json(a, f, s));
	json_object_set_new(o, "backend",
			    told->backend ? backend_json(a, s, told->backend) : json_null());
	json_object_set_new(o, "notes", notes_json(told->notes));
	json_object_set_new(o, "before", bytes_json(f->frame, f->len, 0));
	json_object_set_new(o, "after",
			    sent ? bytes_json(r->frame, r->len, gue ? ntohs(b->port) : 0)
				 : json_null());
	json_object_set_new(o, "peers", explain_peers__json(a, f, s));
	json_object_set_new(o, "took_us", json_real((double)f->took_ns / 1e3));
	return o;
}
