/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain_peers.c - what a peer would do with the packet, as far as it is known here.
 *
 * Peers tell digests of their configuration and of their tables, not the tables, and acknowledge what they are told of
 * records, not each record. So what follows for one packet is worked out from that, and where nothing follows nothing
 * is said.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peers_state.h"

/* What is on record of the packet's flow, of what peers are told of. */
struct on_record {
	bool any;
	bool begun; /* no more than a beginning, of which peers are not told */
	bool nat, fullnat;
	bool copy; /* a peer has told of it, and no packet of it has come by here */
};

enum told {
	TOLD_NONE,
	TOLD_NOT_YET,
	TOLD_YES,
	TOLD_UNDER_WAY,
	TOLD_THEIRS,
	TOLD_UNKNOWN,
	TOLD_NEVER
};

/* The packet, what became of it, and its service; `here`: what peers are told of that. */
struct inquiry {
	const struct agent *a;
	const struct explain_facts *f;
	const struct service *s; /* NULL: none that is configured */
	struct peer_service here;
	struct on_record record;
};

/* --- what is on record --------------------------------------------------------------------------------- */

static bool is_alive(const struct agent *a, const struct fl_flow_key *k, struct fl_flow *out)
{
	return plane__flow(a->plane, k, out) && (out->state & FL_FLOW_STATE) != FL_FLOW_DEAD;
}

/* The entry of the packet's own direction, or of the answers', which `nat` has alone. */
static bool find_nat(const struct inquiry *q, struct fl_nat_key *k, struct fl_nat_flow *out)
{
	const struct fl_flow_key flow = explain__flow_key(&q->f->flow, 0);
	const uint32_t backend = q->f->result->told.backend;
	const struct fl_backend *b =
		backend && backend < FL_MAX_BACKENDS ? plane__backend(q->a->plane, backend) : NULL;

	*k = (struct fl_nat_key){.sport = flow.sport, .dport = flow.dport, .proto = flow.proto};
	memcpy(k->saddr, flow.saddr, sizeof(k->saddr));
	memcpy(k->daddr, flow.daddr, sizeof(k->daddr));
	if (plane__nat_flow(q->a->plane, k, out))
		return true;
	if (!b || b->mode != FL_FWD_NAT || q->f->result->told.reply)
		return false;
	memcpy(k->saddr, b->addr, sizeof(k->saddr));
	memcpy(k->daddr, flow.saddr, sizeof(k->daddr));
	k->sport = b->port ? b->port : flow.dport;
	k->dport = flow.sport;
	return plane__nat_flow(q->a->plane, k, out);
}

/* Of NAT, peers are told when a flow goes on after its first answer: bpf/pick/record.h. */
static bool look_at_nat(const struct inquiry *q, struct on_record *r)
{
	struct fl_nat_key k, turned = {0};
	struct fl_nat_flow f, other = {0};

	if (!find_nat(q, &k, &f))
		return false;
	memcpy(turned.saddr, f.daddr, sizeof(turned.saddr));
	memcpy(turned.daddr, f.saddr, sizeof(turned.daddr));
	turned.sport = f.dport;
	turned.dport = f.sport;
	turned.proto = k.proto;
	r->nat = true;
	r->fullnat = plane__nat_flow(q->a->plane, &turned, &other);
	r->begun = !(f.flags & FL_NAT_SEEN) ||
		   !((f.flags & FL_NAT_SEEN_OTHER) || (other.flags & FL_NAT_SEEN));
	r->copy = !((f.flags | other.flags) & FL_NAT_HERE);
	return true;
}

static struct on_record look(const struct inquiry *q)
{
	struct fl_flow_key k = explain__flow_key(&q->f->flow, q->f->result->told.service);
	struct on_record r = {0};
	struct fl_tentative t;
	struct fl_flow f;

	if (!q->f->has_flow || !q->s)
		return r;
	r.any = look_at_nat(q, &r);
	if (r.any || q->f->result->told.reply)
		return r;
	r.any = is_alive(q->a, &k, &f);
	r.begun = !r.any && plane__tentative(q->a->plane, &k, &t) &&
		  agent__coarse_s() - t.seen_s < FL_TENTATIVE_S;
	if (!r.any && !r.begun)
		r.any = explain__client_key(q->s, &k) && is_alive(q->a, &k, &f);
	r.copy = r.any && f.state & FL_FLOW_COPY;
	r.any |= r.begun;
	return r;
}

/* --- whether a peer has it ----------------------------------------------------------------------------- */

/* The record's service and backend have a name at the peer that is this machine's. */
static bool is_named(const struct inquiry *q, const struct peer *peer,
		     const struct peer_service *there)
{
	const struct fl_backend *b = plane__backend(q->a->plane, q->f->result->told.backend);
	uint8_t health;

	return there->front == q->here.front &&
	       peer_facts__same_flow_key(peer->peers->ours, peer->link.copy) && b &&
	       peer_facts__backend(peer->link.copy, q->s->name, b->id, &health);
}

/* All that it was told of is acknowledged, and nothing was left out. */
static bool has_all(const struct peer_stream *s)
{
	return s->ours.told && !peer_stream__lag(s) && !peer_stream__is_open(s);
}

static enum told has_record(const struct inquiry *q, const struct peer *peer,
			    const struct peer_service *there)
{
	const struct on_record *r = &q->record;
	enum peer_pools pools = peer_pool__compare(peer->peers->ours, peer->link.copy);

	if (!r->any)
		return TOLD_NONE;
	if (!peer_view__is_complete(peer))
		return TOLD_UNKNOWN;
	if (r->copy)
		return peer->peers->n == 1 ? TOLD_THEIRS : TOLD_UNKNOWN;
	if (r->begun)
		return TOLD_NOT_YET;
	if (!peer_records__takes(peer, r->nat) || !there || !is_named(q, peer, there) ||
	    (r->fullnat && pools == PEER_POOLS_APART))
		return TOLD_NEVER;
	if (r->fullnat && pools == PEER_POOLS_UNTOLD)
		return TOLD_UNKNOWN;
	return has_all(&peer->records.stream) ? TOLD_YES : TOLD_UNDER_WAY;
}

/* --- where it would send it ---------------------------------------------------------------------------- */

/* Whether the slot decides there: for what is new, and where nothing but its owner has connections. */
static bool slot_decides(const struct inquiry *q)
{
	const struct fl_explained *told = &q->f->result->told;
	uint32_t says;

	if (!q->s->slots || !told->hash)
		return false;
	says = q->s->slots[(uint32_t)told->hash & (plane__slots(q->s->slot_class) - 1)];
	return (says & FL_SLOT_INDEX) == told->backend &&
	       (!(says & FL_SLOT_DIRTY) || told->notes & 1u << FL_N_TENTATIVE);
}

/* The backend that it gets here is the one that it would get there. */
static bool is_same_backend(const struct inquiry *q, enum told told)
{
	const struct explain_facts *f = q->f;
	bool sent = f->result->action == XDP_TX || f->result->action == XDP_REDIRECT;

	if (!sent || f->result->told.reply || !f->result->told.backend)
		return false;
	if (told == TOLD_NONE)
		return slot_decides(q);
	return told == TOLD_YES || told == TOLD_THEIRS;
}

/* --- how it differs ------------------------------------------------------------------------------------ */

struct dispute {
	const char *service;
	char text[PEER_DIFFERENCE_LEN];
};

static void note_dispute(void *ctx, const char *service, const char *id, uint8_t ours,
			 uint8_t theirs)
{
	struct dispute *d = ctx;

	if (!d->text[0] && strcmp(service, d->service) == 0)
		snprintf(d->text, sizeof(d->text), "backend %s is %s there, %s here", id,
			 peer_view__health(theirs), peer_view__health(ours));
}

/* The first thing that makes its table of the service another one; "": the tables are the same. */
static void find_difference(const struct inquiry *q, const struct peer *peer,
			    const struct peer_service *there, char *text)
{
	const struct ledger *ours = peer->peers->ours, *theirs = peer->link.copy;
	struct dispute d = {.service = q->s ? q->s->name : ""};
	char first[FL_NAME_LEN];

	text[0] = '\0';
	if (!q->s) {
		if (peer_facts__same_config(ours, theirs, text) &&
		    peer_facts__other_tables(ours, theirs, first))
			snprintf(text, PEER_DIFFERENCE_LEN, "service '%s' has another table",
				 first);
		return;
	}
	if (!peer_facts__same_flow_key(ours, theirs)) {
		snprintf(text, PEER_DIFFERENCE_LEN, "flow_key");
	} else if (!there) {
		snprintf(text, PEER_DIFFERENCE_LEN, "it does not have the service");
	} else if (!peer_facts__same_service(ours, theirs, q->s->name)) {
		snprintf(text, PEER_DIFFERENCE_LEN, "its configuration of the service: %s",
			 peer_facts__difference(&q->here, there));
	} else if (q->here.table != there->table) {
		peer_facts__disputes(ours, theirs, note_dispute, &d);
		snprintf(text, PEER_DIFFERENCE_LEN, "%s",
			 d.text[0] ? d.text : "its slots have other owners");
	}
}

/* --- an answer ------------------------------------------------------------------------------------------ */

static json_t *name_or_null(const char *name)
{
	return name && *name ? json_string(name) : json_null();
}

/* Of the VRRP group that has the VIP: the group's name to *group, what the peer is of it. */
static const char *role_of(const struct inquiry *q, const struct peer *peer, const char **group)
{
	static const char *const names[] = {[PEER_VRRP_OFF] = "off",
					    [PEER_VRRP_BACKUP] = "backup",
					    [PEER_VRRP_ACTIVE] = "active"};
	const struct config *c = q->a->config;
	enum peer_vrrp_state state;
	uint8_t priority;

	for (size_t i = 0; q->s && i < c->n_vrrp; i++) {
		if (!config_vrrp__has(&c->vrrp[i], q->s->config))
			continue;
		*group = c->vrrp[i].name;
		return peer->link.up && peer_facts__vrrp(peer->link.copy, *group, &state, &priority)
			       ? names[state]
			       : NULL;
	}
	return NULL;
}

/* Whether what peers are told of the table is of the one that packets meet. */
static bool is_table_told(const struct inquiry *q, const struct peers *p)
{
	return q->here.table && p->told[q->s->id] == q->s->generation;
}

static json_t *peer_json(const struct inquiry *q, const struct peer *peer)
{
	static const char *const told_names[] = {
		[TOLD_NOT_YET] = "not yet",	[TOLD_YES] = "told",
		[TOLD_UNDER_WAY] = "under way", [TOLD_THEIRS] = "theirs",
		[TOLD_UNKNOWN] = "unknown",	[TOLD_NEVER] = "never"};
	bool complete = peer_view__is_complete(peer), known;
	const char *group = NULL, *role = role_of(q, peer, &group), *backend = NULL;
	struct peer_service there;
	bool has = complete && q->s && peer_facts__service(peer->link.copy, q->s->name, &there);
	enum told told = has_record(q, peer, has ? &there : NULL);
	char difference[PEER_DIFFERENCE_LEN] = "";
	json_t *o;

	known = complete && (!q->s || (is_table_told(q, peer->peers) && (!has || there.table)));
	if (known)
		find_difference(q, peer, has ? &there : NULL, difference);
	if (known && has && !difference[0] && is_same_backend(q, told))
		backend = plane__backend(q->a->plane, q->f->result->told.backend)->id;
	o = json_pack("{s:s, s:s, s:b}", "name", peer->name, "state", peer_view__state(peer),
		      "complete", complete);
	json_object_set_new(o, "group", name_or_null(group));
	json_object_set_new(o, "role", name_or_null(role));
	json_object_set_new(o, "same_tables", known ? json_boolean(!difference[0]) : json_null());
	json_object_set_new(o, "difference", name_or_null(difference));
	json_object_set_new(o, "backend", name_or_null(backend));
	json_object_set_new(o, "record", name_or_null(told_names[told]));
	return o;
}

json_t *explain_peers__json(const struct agent *a, const struct explain_facts *f,
			    const struct service *s)
{
	const struct peers *p = a->peers;
	struct inquiry q = {.a = a, .f = f, .s = s && s->config ? s : NULL};
	json_t *list = json_array();

	if (!p)
		return list;
	if (q.s)
		peer_facts__service(p->ours, q.s->name, &q.here);
	q.record = look(&q);
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, peer_json(&q, &p->list[i]));
	return list;
}
