/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_view.c - how this agent and a peer differ: told when it changes, and shown in status. */
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/names.h"
#include "agent/peer_accord.h"
#include "agent/peer_nat.h"
#include "agent/peers_state.h"
#include "peer/alike.h"

bool peer_view__is_complete(const struct peer *peer)
{
	return peer->link.up && peer_link__is_whole(&peer->link);
}

static void compare(struct peer *peer)
{
	const struct ledger *ours = peer->peers->ours, *theirs = peer->link.copy;
	char text[PEER_DIFFERENCE_LEN], tables[PEER_DIFFERENCE_LEN], line[PEER_DIFFERENCE_LEN + 80];
	bool differs;

	if (!peer->news || !peer_view__is_complete(peer))
		return;
	peer->news = false;
	differs = !peer_alike__same(ours, theirs, text);
	if (differs && (!peer->differs || strcmp(text, peer->difference) != 0)) {
		snprintf(line, sizeof(line), "has another configuration: %s; %s", text,
			 peer_facts__same_config(ours, theirs, tables)
				 ? "who is served, and how, depends on the machine"
				 : "flows may change backends when they change machines");
		peers__log(LOG_LV_WARN, peer, line);
	} else if (!differs && peer->differs) {
		peers__log(LOG_LV_INFO, peer, "has the same configuration again");
	}
	peer->differs = differs;
	snprintf(peer->difference, sizeof(peer->difference), "%s", differs ? text : "");
}

/* Somebody at its address has other keys: most likely the peer itself. */
static void tell_refusals(struct peer *peer)
{
	const uint64_t *counts = peer->link.channel.counts;
	uint64_t refused = counts[PEER_NO_KEY] + counts[PEER_FORGED];

	if (refused == peer->refused || peer->link.up) {
		peer->refusal_told &= !peer->link.up;
	} else if (!peer->refusal_told) {
		peer->refusal_told = true;
		peers__log(
			LOG_LV_WARN, peer,
			"sends what the keys of `peers.key_file` do not open: it needs one of them in its "
			"own file, first");
	}
	peer->refused = refused;
}

void peer_view__tick(struct peers *p)
{
	for (size_t i = 0; i < p->n; i++) {
		compare(&p->list[i]);
		peer_nat__tick(&p->list[i]);
		tell_refusals(&p->list[i]);
	}
}

bool peer_view__clock_skew_ms(const struct peer *peer, int64_t *ms)
{
	uint64_t here_us = peers__now_us(), wall_us = agent__realtime_ns() / 1000;
	int64_t offset, clock;

	if (!peer->link.up || !peer_offset__get(&peer->link.offset, &offset) ||
	    !peer_facts__clock(peer->link.copy, &clock))
		return false;
	/* What its wall clock shows now, less what this machine's does. */
	*ms = (int64_t)(here_us + (uint64_t)offset + (uint64_t)clock - wall_us) / 1000;
	return true;
}

bool peers__in_sync(const struct agent *a)
{
	const struct peers *p = a->peers;

	for (size_t i = 0; p && i < p->n; i++) {
		const struct peer_link *l = &p->list[i].link;
		/* The link measures time from when it was made until it first hears something. */
		uint64_t silent_us = l->now_us - l->heard_us;

		if (l->up ? !peer_view__is_complete(&p->list[i]) ||
				    !peer_records__in_sync(&p->list[i])
			  : silent_us <= peer_link__patience_us(l))
			return false;
	}
	return true;
}

/* --- status --------------------------------------------------------------------------------------- */

const char *peer_view__health(uint8_t state)
{
	const struct health h = {.ruled = (enum fl_health)state};

	return health__name(&h);
}

static void add_dispute(void *ctx, const char *service, const char *id, uint8_t ours,
			uint8_t theirs)
{
	json_array_append_new(ctx, json_pack("{s:s, s:s, s:s, s:s}", "service", service, "backend",
					     id, "here", peer_view__health(ours), "there",
					     peer_view__health(theirs)));
}

const char *peer_view__state(const struct peer *peer)
{
	return peer->link.up ? "up" : peer->since_ns ? "silent" : "never heard";
}

static json_t *refused_json(const struct peer_link *l)
{
	const uint64_t *n = l->channel.counts;
	uint64_t malformed = n[PEER_MALFORMED] + l->n_malformed;

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "malformed", (json_int_t)malformed, "no_key",
			 (json_int_t)n[PEER_NO_KEY], "forged", (json_int_t)n[PEER_FORGED],
			 "reflected", (json_int_t)n[PEER_REFLECTED], "replayed",
			 (json_int_t)n[PEER_REPLAYED]);
}

static json_t *clock_skew_json(const struct peer *peer)
{
	int64_t ms;

	return peer_view__clock_skew_ms(peer, &ms) ? json_integer(ms) : json_null();
}

static json_t *peer_json(const struct peer *peer)
{
	const struct peer_link *l = &peer->link;
	char address[ADDR_STRLEN], version[64], first[FL_NAME_LEN], text[PEER_DIFFERENCE_LEN] = "";
	const struct ledger *ours = peer->peers->ours;
	json_t *o, *disputes = json_array();

	o = json_pack("{s:s, s:s, s:s}", "name", peer->name, "address",
		      addr__format(&peer->address, address), "state", peer_view__state(peer));
	if (peer->since_ns)
		json_object_set_new(o, "since", names__time(peer->since_ns));
	json_object_set_new(o, "rtt_us", json_integer(l->up ? l->rtt_us : 0));
	json_object_set_new(o, "clock_skew_ms", clock_skew_json(peer));
	json_object_set_new(o, "version",
			    json_string(peer_facts__version(l->copy, version, sizeof(version))));
	json_object_set_new(
		o, "sync",
		json_pack("{s:I, s:I, s:I}", "have", (json_int_t)ledger__version(l->copy), "of",
			  (json_int_t)l->copy_goal, "lag", (json_int_t)peer_link__lag(l)));
	if (peer_view__is_complete(peer)) {
		bool same = peer_alike__same(ours, l->copy, text);
		size_t n = peer_facts__other_tables(ours, l->copy, first);

		json_object_set_new(o, "same_config", json_boolean(same));
		json_object_set_new(o, "difference", json_string(text));
		json_object_set_new(o, "other_tables",
				    json_pack("{s:I, s:s}", "n", (json_int_t)n, "first", first));
		peer_facts__disputes(ours, l->copy, add_dispute, disputes);
	}
	json_object_set_new(o, "records", peer_records__json(peer));
	json_object_set_new(o, "pool", json_string(peer_nat__pools(peer)));
	json_object_set_new(o, "accord", peer_accord__peer_json(peer));
	json_object_set_new(o, "disputes", disputes);
	json_object_set_new(o, "refused", refused_json(l));
	return o;
}

void peer_view__note_shared(struct peers *p)
{
	struct service *s;

	TAILQ_FOREACH (s, &p->agent->services, entry) {
		struct peer_service ours, theirs;

		if (s->shared || !s->config || p->told[s->id] != s->generation ||
		    !peer_facts__service(p->ours, s->name, &ours))
			continue;
		for (size_t i = 0; i < p->n && !s->shared; i++)
			s->shared = peer_facts__service(p->list[i].link.copy, s->name, &theirs) &&
				    theirs.table && theirs.table == ours.table &&
				    theirs.front == ours.front;
	}
}

json_t *peers__json(const struct agent *a)
{
	const struct peers *p = a->peers;
	char address[ADDR_STRLEN];
	json_t *list, *o;

	if (!p)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, peer_json(&p->list[i]));
	o = json_pack("{s:s, s:i, s:I}", "listen", addr__format(&p->listen, address), "port",
		      (int)p->port, "strangers", (json_int_t)p->n_strangers);
	json_object_set_new(o, "accord", peer_accord__json(a));
	json_object_set_new(o, "list", list);
	return o;
}
