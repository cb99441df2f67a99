/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peers_state.h"
#include "plane/records.h"

/* --- flows ---------------------------------------------------------------------------------------- */

void peer_nat__flush(struct peer *peer)
{
	struct fl_nat_take *t = &peer->peers->records.nat_take;
	struct peer_exchange *e = &peer->records;
	int rc;

	if (!t->n)
		return;
	t->done = t->clashes = t->full = 0;
	rc = plane__nat_take(peer->peers->agent->plane, t);
	if (rc) {
		/* They come again with the next refresh, while their connections go on. */
		peers__log(LOG_LV_WARN, peer,
			   "has told of flows that cannot be put into 'nat_flows'");
		log_error("cannot run nat_take: %s", strerror(-rc));
	}
	e->n_taken += t->done;
	e->n_clashes += t->clashes;
	e->n_full += t->full;
	t->n = 0;
}

/* Could a client's packet to that address and port be the service's? */
static bool is_served(const struct config_service *c, const uint8_t vip[16], __be16 port,
		      uint8_t proto)
{
	struct addr a;

	memcpy(a.b, vip, sizeof(a.b));
	return proto == c->proto && addr_prefix__holds(&c->vip, &a) && ntohs(port) >= c->port &&
	       ntohs(port) <= c->port_last;
}

/* Only what this machine's pool has comes back to it, and is known for a reply. */
static bool is_in_pool(const struct config *c, const uint8_t source[16])
{
	struct addr a;

	memcpy(a.b, source, sizeof(a.b));
	for (size_t i = 0; i < c->n_snat4; i++) {
		if (addr__equal(&c->snat4[i], &a))
			return true;
	}
	for (size_t i = 0; i < c->n_snat6; i++) {
		if (addr__equal(&c->snat6[i], &a))
			return true;
	}
	return false;
}

/* Completes the flow by what this machine knows of its backend; false: it cannot be the backend's. */
static bool complete(const struct agent *a, const struct service *s, const struct fl_backend *b,
		     struct fl_told_nat *t)
{
	if (t->flow.flags & FL_NAT_BACK) {
		memcpy(t->key.saddr, b->addr, sizeof(b->addr));
		t->key.sport = b->port ? b->port : t->flow.sport;
		return b->mode == FL_FWD_NAT &&
		       is_served(s->config, t->flow.saddr, t->flow.sport, t->key.proto);
	}
	memcpy(t->flow.daddr, b->addr, sizeof(b->addr));
	t->flow.dport = b->port ? b->port : t->key.dport;
	return b->mode == FL_FWD_FULLNAT &&
	       is_served(s->config, t->key.daddr, t->key.dport, t->key.proto) &&
	       is_in_pool(a->config, t->flow.saddr);
}

void peer_nat__take(struct peer *peer, const struct fl_told_nat *t, uint64_t name)
{
	struct peer_records *r = &peer->peers->records;
	const struct peer_named *who = peer_names__find(&r->names, name);
	struct agent *a = peer->peers->agent;
	const struct service *s = who ? a->by_id[who->service] : NULL;
	const struct fl_backend *b = who ? plane__backend(a->plane, who->backend) : NULL;
	struct fl_told_nat *to = &r->nat_take.records[r->nat_take.n];

	*to = *t;
	if (!s || !s->config || !b || !complete(a, s, b, to)) {
		peer->records.n_unknown++;
		return;
	}
	to->flow.service = (uint16_t)who->service;
	to->flow.backend = who->backend;
	if (++r->nat_take.n == FL_NAT_TAKE_RECORDS)
		peer_nat__flush(peer);
}

/* --- pools ---------------------------------------------------------------------------------------- */

int peer_nat__publish(const struct agent *a, struct ledger *l)
{
	const struct config *c = a->config;
	struct snat_part part = nat__part(c);
	struct peer_pool pool = {.first = part.first, .last = part.last};

	for (size_t i = 0; i < c->n_snat4; i++)
		pool.addrs[pool.n++] = c->snat4[i];
	for (size_t i = 0; i < c->n_snat6; i++)
		pool.addrs[pool.n++] = c->snat6[i];
	return peer_pool__tell(l, &pool);
}

void peer_nat__tick(struct peer *peer)
{
	enum peer_pools now = peer_pool__compare(peer->peers->ours, peer->link.copy);

	if (!peer_view__is_complete(peer) || now == peer->pools)
		return;
	if (now == PEER_POOLS_OVERLAP)
		peers__log(
			LOG_LV_ERROR, peer,
			"gives flows of full NAT the same addresses and ports as this machine: two "
			"connections may get one source, and each the other's answers; each machine "
			"must have all others in `peers.list`, and the same `snat.ports`");
	else if (peer->pools == PEER_POOLS_OVERLAP)
		peers__log(
			LOG_LV_INFO, peer,
			"no longer gives flows of full NAT the addresses and ports of this machine");
	peer->pools = now;
}

const char *peer_nat__pools(const struct peer *peer)
{
	static const char *const names[] = {[PEER_POOLS_UNTOLD] = "",
					    [PEER_POOLS_SHARED] = "shared",
					    [PEER_POOLS_APART] = "apart",
					    [PEER_POOLS_OVERLAP] = "overlap"};

	return names[peer_pool__compare(peer->peers->ours, peer->link.copy)];
}
