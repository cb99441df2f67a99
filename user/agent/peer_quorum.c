/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_quorum.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/peers_state.h"
#include "health/quorum.h"

/* Whatever fails is disputed for a moment, until the last balancer sees it. */
#define DISPUTE_S 1

/* Which peers have votes on a service, in the order of peers.list. */
static void find_voters(const struct service *s, struct quorum_vote *votes)
{
	const struct peers *p = s->agent->peers;

	for (size_t i = 0; p && i < p->n; i++) {
		votes[i].heard = p->list[i].voice.counts;
		votes[i].same = peer_facts__same_service(p->ours, p->list[i].link.copy, s->name);
	}
}

static struct quorum_ruling ask(const struct member *m, struct quorum_vote *votes)
{
	const struct service *s = m->service;
	const struct peers *p = s->agent->peers;
	size_t n = p ? p->n : 0;

	for (size_t i = 0; i < n; i++) {
		votes[i].says = FL_HEALTH_UNKNOWN;
		peer_facts__backend(p->list[i].link.copy, s->name, member__id(m), &votes[i].says);
	}
	return quorum__rule(s->health.quorum, &m->health, votes, n);
}

/* A member that has left has no votes of others: they no longer speak of it, or of another configuration. */
static struct quorum_ruling ask_of(const struct member *m)
{
	struct quorum_vote votes[CONFIG_MAX_PEERS];

	find_voters(m->service, votes);
	return ask(m, votes);
}

static enum health_change apply(struct member *m, const struct quorum_ruling *r)
{
	if (r->disputed && !m->disputed)
		m->disputed_s = agent__coarse_s();
	m->disputed = r->disputed;
	m->service->contested |= m->disputed;
	return member__rule(m, r->state);
}

enum health_change peer_quorum__rule(struct member *m)
{
	const struct quorum_ruling r = ask_of(m);

	return apply(m, &r);
}

/* --- what peers say ------------------------------------------------------------------------------- */

static void log_ruling(struct member *m, enum health_change change, const struct quorum_ruling *r)
{
	const char *quorum = config_quorum__name(m->service->health.quorum);
	char text[240], votes[QUORUM_TEXT_LEN];
	const struct health as_ruled = {.ruled = m->health.ruled},
			    as_here = {.ruled = health__says(&m->health)};

	if (r->why == QUORUM_OWN || r->why == QUORUM_ALONE)
		snprintf(text, sizeof(text), "is %s, as the probes here say: no peer has a vote",
			 health__name(&as_ruled));
	else
		snprintf(text, sizeof(text), "is %s by quorum %s: %s; by the probes here it is %s",
			 health__name(&as_ruled), quorum, quorum__votes(r, votes),
			 health__name(&as_here));
	member__log(m, change == HEALTH_WENT_UP ? LOG_LV_INFO : LOG_LV_WARN, text);
	chronicle__member(m, text);
}

static void rule_on(struct service *s)
{
	struct quorum_vote votes[CONFIG_MAX_PEERS];

	s->unruled = false;
	find_voters(s, votes);
	for (size_t i = 0; i < s->n_members; i++) {
		struct member *m = s->members[i];
		const struct quorum_ruling r = ask(m, votes);
		enum health_change change = apply(m, &r);

		if (change != HEALTH_SAME)
			log_ruling(m, change, &r);
	}
}

static void touch_all(struct agent *a)
{
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry)
		s->unruled = true;
	a->flush_due = true;
}

void peer_quorum__configured(struct agent *a)
{
	touch_all(a);
}

void peer_quorum__heard(struct peer *peer, const void *key, size_t key_len)
{
	char name[FL_NAME_LEN];
	struct service *s;

	/* All are touched when it has told all. */
	if (peer->voice.filling || !peer_facts__service_of(key, key_len, name)[0])
		return;
	TAILQ_FOREACH (s, &peer->peers->agent->services, entry)
		s->unruled |= strcmp(s->name, name) == 0;
	peer->peers->agent->flush_due = true;
}

static struct peer_sound sound_of(const struct peer *peer)
{
	return (struct peer_sound){
		.up = peer->link.up,
		.whole = peer_link__is_whole(&peer->link),
		.now_us = uv_hrtime() / 1000,
		.patience_us = peer_link__patience_us(&peer->link),
	};
}

bool peer_quorum__flush(struct agent *a)
{
	struct peers *p = a->peers;
	bool changed = false, wait = false;
	struct service *s;

	for (size_t i = 0; p && i < p->n; i++) {
		struct peer *peer = &p->list[i];
		const struct peer_sound sound = sound_of(peer);

		changed |= peer_voice__follow(&peer->voice, &sound);
		wait |= peer_voice__is_expected(&peer->voice, &sound);
	}
	if (changed)
		touch_all(a);
	if (wait || !a->flush_due)
		return wait;
	TAILQ_FOREACH (s, &a->services, entry) {
		if (s->unruled)
			rule_on(s);
	}
	return false;
}

/* --- what is told of it ---------------------------------------------------------------------------- */

static void log_dispute(struct member *m)
{
	char text[240], votes[QUORUM_TEXT_LEN];
	const struct quorum_ruling r = ask_of(m);
	const struct health as_ruled = {.ruled = m->health.ruled},
			    as_here = {.ruled = health__says(&m->health)};

	snprintf(text, sizeof(text),
		 "is disputed between the balancers: %s; by the probes here it is %s, by quorum %s "
		 "it is %s",
		 quorum__votes(&r, votes), health__name(&as_here),
		 config_quorum__name(m->service->health.quorum), health__name(&as_ruled));
	member__log(m, LOG_LV_WARN, text);
}

/* Whether there is something to come back for. */
static bool look_at_dispute(struct member *m, uint32_t now_s)
{
	if (m->disputed && !m->dispute_told && now_s - m->disputed_s > DISPUTE_S) {
		m->dispute_told = true;
		log_dispute(m);
	} else if (!m->disputed && m->dispute_told) {
		m->dispute_told = false;
		member__log(m, LOG_LV_INFO, "is no longer disputed between the balancers");
	}
	return m->disputed;
}

void peer_quorum__tick(struct agent *a)
{
	uint32_t now_s = agent__coarse_s();
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (!s->contested)
			continue;
		s->contested = false;
		for (size_t i = 0; i < s->n_members; i++)
			s->contested |= look_at_dispute(s->members[i], now_s);
	}
}

void peer_quorum__explain(const struct member *m, char text[PEER_QUORUM_TEXT_LEN])
{
	const struct quorum_ruling r = ask_of(m);
	const struct health as_ruled = {.ruled = m->health.ruled};
	char votes[QUORUM_TEXT_LEN];

	snprintf(text, PEER_QUORUM_TEXT_LEN, "; it is %s all the same, by quorum %s: %s",
		 health__name(&as_ruled), config_quorum__name(m->service->health.quorum),
		 quorum__votes(&r, votes));
}

void peer_quorum__write(struct jtext *out, const char *key, const struct member *m)
{
	const struct health as_here = {.ruled = health__says(&m->health)};
	struct quorum_ruling r;

	if (!m->service->agent->peers || m->retired) {
		jtext__null(out, key);
		return;
	}
	r = ask_of(m);
	jtext__open(out, key, '{');
	jtext__string(out, "here", health__name(&as_here));
	jtext__string(out, "by", quorum__why(r.why));
	jtext__boolean(out, "disputed", r.disputed);
	jtext__integer(out, "up", r.up);
	jtext__integer(out, "suspect", r.suspect);
	jtext__integer(out, "down", r.down);
	jtext__integer(out, "mute", r.mute);
	jtext__mark(out, '}');
}
