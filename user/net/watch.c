/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - watched addresses: route, link and neighbour make a next hop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/state.h"
#include "core/fnv.h"

#define NO_ANSWER_MS 250 /* pause when the kernel does not answer */

uint32_t net_hash(const struct addr *a, uint32_t ifindex)
{
	uint32_t h = fnv32(FNV32 ^ ifindex, a->b, sizeof(a->b));

	return h ^ h >> 16;
}

struct net_watch *net_watch__find(const struct net *n, const struct addr *address)
{
	struct net_watch *w;

	LIST_FOREACH (w, &n->by_address[net_hash(address, 0) % NET_BUCKETS], bucket) {
		if (addr__equal(&w->address, address))
			return w;
	}
	return NULL;
}

static bool hop_equal(const struct net_hop *a, const struct net_hop *b)
{
	return a->resolved == b->resolved && a->on_link == b->on_link && a->local == b->local &&
	       a->stacked == b->stacked && a->ifindex == b->ifindex && a->vlan == b->vlan &&
	       a->mtu == b->mtu && memcmp(a->dmac, b->dmac, sizeof(a->dmac)) == 0 &&
	       memcmp(a->smac, b->smac, sizeof(a->smac)) == 0 &&
	       addr__equal(&a->source, &b->source) && addr__equal(&a->via, &b->via);
}

/* A hop without a way: no route, a refusing one, or this machine itself. */
static void no_way(struct net *n, struct net_watch *w, bool local, struct net_hop *out)
{
	net_via__leave(n, w);
	*out = (struct net_hop){.local = local};
}

/* Works out the hop as the kernel has it now. -EAGAIN: not to be known now; *out is untouched. */
static int evaluate(struct net *n, struct net_watch *w, struct net_hop *out)
{
	const struct net_link *l;
	struct net_route route;
	struct net_hop hop = {0};
	int rc = net_ask__route(&n->ask, &w->address, &route);

	if (rc == -EAGAIN)
		return rc;
	/* A link that is not known yet: its notification, which marks all, is on its way. */
	l = rc ? NULL : net_links__find(n, route.ifindex);
	if (!l || route.type != RTN_UNICAST) {
		no_way(n, w, !rc && route.type == RTN_LOCAL, out);
		return 0;
	}
	hop.ifindex = route.ifindex;
	hop.on_link = !route.has_via;
	hop.via = route.has_via ? route.via : w->address;
	if (route.has_source)
		hop.source = route.source;
	hop.mtu = route.mtu && route.mtu < l->mtu ? route.mtu : l->mtu;
	memcpy(hop.smac, l->mac, sizeof(hop.smac));
	if (net_via__join(n, w, l->ifindex, &hop.via))
		return -EAGAIN;
	if (l->is_vlan && net__vlan(n, l, &hop.ifindex, &hop.vlan))
		hop.stacked = true;
	if (l->ether && l->up && w->via->usable && !hop.stacked) {
		memcpy(hop.dmac, w->via->mac, sizeof(hop.dmac));
		hop.resolved = true;
	}
	*out = hop;
	return 0;
}

static void on_evaluate(uv_timer_t *timer)
{
	struct net *n = timer->data;
	int budget = net_via__work(n, NET_BATCH);
	struct net_hop hop;
	struct net_watch *w;
	struct addr address;

	while ((w = TAILQ_FIRST(&n->watches)) && w->generation != n->generation && budget-- > 0) {
		if (evaluate(n, w, &hop)) {
			net_watch__kick(n, NO_ANSWER_MS);
			return;
		}
		TAILQ_REMOVE(&n->watches, w, entry);
		TAILQ_INSERT_TAIL(&n->watches, w, entry);
		w->generation = n->generation;
		if (hop_equal(&hop, &w->hop))
			continue;
		w->hop = hop;
		/* The callback may end this watch, or all. */
		address = w->address;
		n->cb(n->ctx, &address, &hop);
		if (n->closing)
			return;
	}
	if (!TAILQ_EMPTY(&n->vias_dirty) || (w && w->generation != n->generation))
		net_watch__kick(n, 0);
}

void net_watch__kick(struct net *n, unsigned int ms)
{
	if (!n->closing && !uv_is_active((uv_handle_t *)&n->evaluate))
		uv_timer_start(&n->evaluate, on_evaluate, ms, 0);
}

void net_watch__mark(struct net *n, struct net_watch *w)
{
	w->generation = 0;
	TAILQ_REMOVE(&n->watches, w, entry);
	TAILQ_INSERT_HEAD(&n->watches, w, entry);
	net_watch__kick(n, NET_COALESCE_MS);
}

void net_watch__mark_all(struct net *n)
{
	n->generation++;
	net_watch__kick(n, NET_COALESCE_MS);
}

struct net_watch *net_watch__new(struct net *n, const struct addr *address)
{
	struct net_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->address = *address;
	LIST_INSERT_HEAD(&n->by_address[net_hash(address, 0) % NET_BUCKETS], w, bucket);
	TAILQ_INSERT_TAIL(&n->watches, w, entry);
	w->generation = n->generation;
	if (evaluate(n, w, &w->hop))
		net_watch__mark(n, w);
	return w;
}

void net_watch__free(struct net *n, struct net_watch *w)
{
	net_via__leave(n, w);
	LIST_REMOVE(w, bucket);
	TAILQ_REMOVE(&n->watches, w, entry);
	free(w);
}
