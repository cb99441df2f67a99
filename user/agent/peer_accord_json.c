/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_accord_json.c - how one configuration for all peers came about, as it is answered and shown. */
#include <stdio.h>
#include <string.h>

#include "agent/names.h"
#include "agent/peer_accord_state.h"
#include "core/log.h"

static bool is_about(const struct accord_epoch *a, const struct accord_epoch *b)
{
	return accord_epoch__compare(a, b) == 0;
}

/* What became of a proposal at a peer: a word, and the peer's sentence. */
static const char *outcome(const struct peer_accord *p, const struct accord_peer *peer,
			   const char **why)
{
	const struct accord_told *t = &peer->told;
	const struct accord_epoch *mine = &p->core.mine.epoch;
	bool decided = !p->core.verdict[0],
	     has = peer->known && accord_epoch__compare(&t->decided.epoch, mine) >= 0;

	*why = "";
	if (peer->known && t->answer == ACCORD_NO && is_about(&t->answered, mine)) {
		*why = t->why;
		return decided ? "passed over" : "refused";
	}
	if (decided && has && t->state == ACCORD_DECIDED && t->trouble[0]) {
		*why = t->trouble;
		return "failed";
	}
	if (decided && has && t->state != ACCORD_DECIDED)
		return "applied";
	if (peer->known && t->answer == ACCORD_YES && is_about(&t->answered, mine)) {
		*why = decided ? "it has not said yet that it is in force" : "";
		return decided ? "late" : "prepared";
	}
	*why = !peer->heard   ? "it is silent; it takes it, or gives way, as soon as it is heard"
	       : !peer->known ? "it does not say anything of configurations for all peers"
	       : t->answer == ACCORD_YES
		       ? "it was about to get another configuration for all peers"
		       : "it did not answer in time; it takes it as soon as it can";
	return decided ? "passed over" : "no answer";
}

static json_t *outcomes(const struct peer_accord *p)
{
	const struct peers *all = p->agent->peers;
	json_t *list = json_array();

	for (size_t i = 0; i < p->core.n && i < all->n; i++) {
		const char *why, *word = outcome(p, &p->core.peers[i], &why);

		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", all->list[i].name,
						      "outcome", word, "why", why));
		log_info("the configuration of all peers, epoch %llu: peer %s: %s%s%s",
			 (unsigned long long)p->core.mine.epoch.number, all->list[i].name, word,
			 *why ? ": " : "", why);
	}
	return list;
}

/* As of any apply, and what it is among peers. */
static json_t *applied_json(const struct peer_accord *p, json_int_t epoch, json_t *peers)
{
	const struct config *c = p->agent->config;
	json_int_t backends = 0;
	json_t *o;

	for (size_t i = 0; i < c->n_services; i++)
		backends += (json_int_t)c->services[i].n_backends;
	o = json_pack("{s:b, s:I, s:I, s:I, s:o}", "applied", 1, "services",
		      (json_int_t)c->n_services, "backends", backends, "epoch", epoch, "peers",
		      peers);
	if (p->order.version)
		json_object_set_new(o, "version", json_integer(p->order.version));
	return o;
}

void accord_answer__send(struct peer_accord *p)
{
	const char *verdict = p->core.verdict, *trouble = p->core.trouble;
	json_int_t epoch = (json_int_t)p->core.mine.epoch.number;
	json_t *peers = outcomes(p), *o;
	const char *warning = p->file;

	if (!*verdict && *trouble)
		verdict = trouble;
	if (*verdict)
		log_error("the configuration of all peers, epoch %lld: %s", epoch, verdict);
	if (!p->request) {
		json_decref(peers);
		return;
	}
	if (*p->core.verdict)
		o = json_pack("{s:s, s:o}", "error", verdict, "peers", peers);
	else if (*trouble)
		o = json_pack("{s:s+, s:o}", "error",
			      "it is decided, but not in force here: ", trouble, "peers", peers);
	else
		o = applied_json(p, epoch, peers);
	if (!*verdict && *warning)
		json_object_set_new(o, "warning", json_string(warning));
	api_request__reply(p->request, *verdict ? 409 : 200, o);
}

/* --- status --------------------------------------------------------------------------------------- */

static const char *state_name(enum accord_state s)
{
	static const char *const names[ACCORD_STATES] = {"none", "decided", "in force", "left"};

	return names[s];
}

static json_t *state_json(const struct accord_told *t)
{
	return json_pack("{s:I, s:s, s:s}", "epoch", (json_int_t)t->decided.epoch.number, "state",
			 state_name(t->state), "trouble", t->trouble);
}

json_t *peer_accord__json(const struct agent *a)
{
	const struct peer_accord *p = a->accord;
	struct accord_told told;
	char by[ADDR_STRLEN];
	struct addr address;
	json_t *o;

	if (!p)
		return json_null();
	accord__tell(&p->core, &told);
	memcpy(address.b, told.decided.epoch.by, sizeof(address.b));
	o = state_json(&told);
	json_object_set_new(
		o, "by", json_string(told.decided.epoch.number ? addr__format(&address, by) : ""));
	json_object_set_new(o, "preparing",
			    json_integer((json_int_t)p->core.record.next.epoch.number));
	json_object_set_new(o, "behind", json_boolean(peer_accord__is_behind(a)));
	json_object_set_new(o, "gives_way", json_boolean(peer_accord__gives_way(a)));
	json_object_set_new(o, "file", json_string(p->file));
	return o;
}

json_t *peer_accord__peer_json(const struct peer *peer)
{
	struct accord_told told;

	if (!peer_facts__accord(peer->link.copy, &told))
		memset(&told, 0, sizeof(told));
	return state_json(&told);
}
