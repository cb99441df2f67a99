/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_alike.h"

#include <string.h>

#include "peer/alike.h"
#include "peer/facts.h"

#define ADD(d, value) peer_digest__add(&(d), &(value), sizeof(value))

/* Sums, as the order of lists does not matter. */
static uint64_t prefixes_of(const struct addr_prefix *list, size_t n)
{
	uint64_t sum = n;

	for (size_t i = 0; i < n; i++) {
		struct peer_digest d;

		peer_digest__init(&d);
		ADD(d, list[i].addr.b);
		ADD(d, list[i].len);
		sum += peer_digest__end(&d);
	}
	return sum;
}

static uint64_t sources_of(const struct config_sources *s)
{
	uint64_t allow = prefixes_of(s->allow, s->n_allow), deny = prefixes_of(s->deny, s->n_deny);
	uint8_t monitor = s->monitor;
	struct peer_digest d;

	peer_digest__init(&d);
	ADD(d, allow);
	ADD(d, deny);
	ADD(d, monitor);
	return peer_digest__end(&d);
}

static uint64_t limits_of(const struct config_limits *l)
{
	uint8_t monitor = l->monitor;
	struct peer_digest d;

	peer_digest__init(&d);
	ADD(d, l->packets);
	ADD(d, l->connections);
	ADD(d, l->source_packets);
	ADD(d, l->source_connections);
	ADD(d, l->burst_ms);
	ADD(d, monitor);
	return peer_digest__end(&d);
}

static uint64_t announce_of(const struct config_service *s)
{
	uint8_t announce = s->announce;
	struct peer_digest d;

	peer_digest__init(&d);
	ADD(d, announce);
	ADD(d, s->min_up);
	ADD(d, s->min_up_again);
	ADD(d, s->min_up_hold_ms);
	return peer_digest__end(&d);
}

static uint64_t number_of(uint32_t n)
{
	struct peer_digest d;

	peer_digest__init(&d);
	ADD(d, n);
	return peer_digest__end(&d);
}

static uint64_t addresses_of(const struct config_vrrp *g)
{
	uint64_t sum = g->n_addresses;

	for (size_t i = 0; i < g->n_addresses; i++) {
		struct peer_digest d;

		peer_digest__init(&d);
		ADD(d, g->addresses[i].b);
		sum += peer_digest__end(&d);
	}
	return sum;
}

int peer_alike__publish(const struct config *c, struct ledger *l)
{
	const struct peer_alike_all all = {sources_of(&c->sources), number_of(c->on_agent_loss),
					   number_of(c->lease_ms)};
	int rc = peer_alike__set_all(l, &all);

	for (size_t i = 0; i < c->n_vrrp && !rc; i++) {
		const struct config_vrrp *g = &c->vrrp[i];
		const struct peer_alike_group group = {number_of(g->vrid), addresses_of(g)};

		rc = peer_alike__set_group(l, g->name, &group);
	}
	for (size_t i = 0; i < c->n_services && !rc; i++) {
		const struct config_service *s = &c->services[i];
		const struct peer_alike_service service = {sources_of(&s->sources),
							   limits_of(&s->limits), announce_of(s),
							   number_of(s->passive)};

		rc = peer_alike__set_service(l, s->name, &service);
	}
	return rc;
}
