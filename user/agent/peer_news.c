/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_news.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peer_accord.h"
#include "agent/peer_alike.h"
#include "agent/peer_nat.h"
#include "agent/peer_vrrp.h"
#include "agent/peer_words.h"
#include "agent/peers_state.h"
#include "peer/seats.h"

#define CLOCK_WRONG_US 1000 /* what is told of the wall clock may be wrong by so much */

#define ADD(d, value) peer_digest__add(&(d), &(value), sizeof(value))

static uint64_t front_of(const struct config_service *c)
{
	uint32_t affinity = c->affinity, slot_class = c->slot_class;
	struct peer_digest d;

	peer_digest__init(&d);
	ADD(d, c->vip.addr.b);
	ADD(d, c->vip.len);
	ADD(d, c->port);
	ADD(d, c->port_last);
	ADD(d, c->proto);
	ADD(d, affinity);
	ADD(d, slot_class);
	return peer_digest__end(&d);
}

/* A sum, as their order in the file does not matter. */
static uint64_t backends_of(const struct config_service *c)
{
	uint64_t sum = c->n_backends;

	for (size_t i = 0; i < c->n_backends; i++) {
		const struct config_backend *b = &c->backends[i];
		struct peer_digest d;

		peer_digest__init(&d);
		peer_digest__add(&d, b->id, strlen(b->id) + 1);
		ADD(d, b->address.b);
		ADD(d, b->weight);
		ADD(d, b->port);
		ADD(d, b->backup);
		sum += peer_digest__end(&d);
	}
	return sum;
}

static uint64_t probe_of(const struct config_service *c)
{
	struct peer_digest d;

	peer_digest__init(&d);
	config_probe__feed(&c->probe, peer_digest__add, &d);
	return peer_digest__end(&d);
}

static uint64_t rest_of(const struct config_service *c)
{
	uint32_t forward = c->forward, start = c->health.start, quorum = c->health.quorum;
	struct peer_digest d;

	peer_digest__init(&d);
	ADD(d, forward);
	ADD(d, c->gue_port);
	ADD(d, c->echo);
	ADD(d, c->idle_ms);
	ADD(d, c->hold_ms);
	ADD(d, c->down_hold_ms);
	ADD(d, c->udp_grace_ms);
	ADD(d, c->quic);
	ADD(d, start);
	ADD(d, c->health.slow_start_ms);
	ADD(d, c->health.flap_hold_ms);
	ADD(d, c->health.flap_hold_max_ms);
	ADD(d, c->health.flap_forget_ms);
	ADD(d, c->health.panic_pct);
	ADD(d, c->health.max_new);
	ADD(d, c->health.max_flows);
	ADD(d, quorum);
	return peer_digest__end(&d);
}

/* A digest and no more: who listens in has no key, but a later peer may not be trusted with all. */
static uint64_t flow_key_of(struct agent *a)
{
	struct peer_digest d;
	const uint64_t *key = plane__flow_key(a->plane);

	peer_digest__init(&d);
	peer_digest__add(&d, key, 4 * sizeof(*key));
	return peer_digest__end(&d);
}

void peer_news__name(struct agent *a, const struct service *s, struct peer_digest *d)
{
	uint64_t key = flow_key_of(a), front = front_of(s->config);

	peer_digest__init(d);
	ADD(*d, key);
	ADD(*d, front);
	peer_digest__add(d, s->name, strlen(s->name) + 1);
}

static int tell_service(const struct service *s, const struct ledger *before, struct ledger *l)
{
	const struct config_service *c = s->config;
	struct peer_service fact = {0};
	int rc;

	/* Its table, if it was told, goes on until it changes. */
	peer_facts__service(before, s->name, &fact);
	fact.front = front_of(c);
	fact.backends = backends_of(c);
	fact.probe = probe_of(c);
	fact.rest = rest_of(c);
	rc = peer_facts__set_service(l, s->name, &fact);
	rc = rc ? rc : peer_seats__tell(l, s->name, s->seats);
	for (size_t i = 0; i < s->n_members && !rc; i++) {
		rc = peer_facts__set_backend(l, s->name, member__id(s->members[i]),
					     (uint8_t)health__says(&s->members[i]->health));
		rc = rc ? rc : peer_words__publish(s->members[i], l);
	}
	return rc;
}

static bool is_wanted(void *ctx, const void *key, size_t key_len)
{
	size_t len;

	return ledger__get(ctx, key, key_len, &len) != NULL;
}

static void copy_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	/* Memory that lacks is noticed by who asks for the rest: the keys are counted below. */
	(void)ledger__put(ctx, key, key_len, value, len);
}

/*
 * The wall clock less the one of the links' stamps, us: it changes when somebody sets the clock, and not while it is
 * slewed, which both are. A process that is interrupted between the two readings tries again.
 */
static int64_t read_clock(void)
{
	uint64_t best_us = UINT64_MAX;
	int64_t clock = 0;

	for (int i = 0; i < 5 && best_us > CLOCK_WRONG_US / 2; i++) {
		uint64_t begin = peers__now_us(), wall = agent__realtime_ns() / 1000,
			 took = peers__now_us() - begin;

		if (took >= best_us)
			continue;
		best_us = took;
		clock = (int64_t)(wall - begin - took / 2);
	}
	return clock;
}

int peer_news__publish_clock(const struct ledger *before, struct ledger *l)
{
	int64_t now = read_clock(), told;

	/* What is told need not be told again for what reading it takes. */
	if (peer_facts__clock(before, &told) && llabs(now - told) < CLOCK_WRONG_US)
		now = told;
	return peer_facts__set_clock(l, now);
}

int peer_news__publish(struct agent *a, struct ledger *l)
{
	struct ledger *want = ledger__new();
	const struct service *s;
	int rc;

	if (!want)
		return -ENOMEM;
	rc = peer_facts__set_version(want, FAIRLEAD_VERSION);
	if (!rc)
		rc = peer_facts__set_flow_key(want, flow_key_of(a));
	if (!rc)
		rc = peer_facts__set_records(want);
	if (!rc)
		rc = peer_news__publish_clock(l, want);
	if (!rc)
		rc = peer_nat__publish(a, want);
	TAILQ_FOREACH (s, &a->services, entry) {
		if (!rc)
			rc = tell_service(s, l, want);
	}
	if (!rc)
		rc = peer_alike__publish(a->config, want);
	if (!rc)
		rc = peer_vrrp__publish(a, want);
	if (!rc)
		rc = peer_accord__publish(a, want);
	/* What goes makes room for what comes. */
	if (!rc || rc == -ENOSPC) {
		ledger__retain(l, is_wanted, want);
		ledger__each(want, copy_one, l);
	}
	ledger__free(want);
	return rc;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x7fb5d329728ea185);
	x = (x ^ x >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return x ^ x >> 33;
}

static void name_members(const struct service *s, uint64_t *ids)
{
	const struct member *m;

	for (size_t i = 0; i < s->n_members; i++) {
		const char *id = member__id(s->members[i]);
		struct peer_digest d;

		peer_digest__init(&d);
		peer_digest__add(&d, id, strlen(id));
		ids[s->members[i]->target->index] = peer_digest__end(&d);
	}
	TAILQ_FOREACH (m, &s->retired, retired_entry)
		ids[m->target->index] = 1;
}

int peer_news__publish_table(const struct service *s, struct ledger *l, uint64_t *ids)
{
	struct peer_service fact;
	uint64_t sum = 0;

	_Static_assert(FL_SLOT_NONE == FL_MAX_BACKENDS, "the last of ids is nobody's");
	/* Not told before, so there was no room for it. */
	if (!peer_facts__service(l, s->name, &fact))
		return -ENOSPC;
	name_members(s, ids);
	for (uint32_t slot = 0; slot < plane__slots(s->slot_class); slot++)
		sum += mix(slot ^ ids[s->slots[slot] & FL_SLOT_INDEX]);
	fact.table = sum;
	return peer_facts__set_service(l, s->name, &fact);
}
