/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - route, link and neighbour make a next hop. */
#include "net/watch.h"

#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

/* States in which the kernel itself would send to the entry's address. */
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

const struct net_link *net_links__find(const struct net *n, uint32_t ifindex)
{
	const struct net_link_entry *e;

	TAILQ_FOREACH (e, &n->links, entry) {
		if (e->link.ifindex == ifindex)
			return &e->link;
	}
	return NULL;
}

void net_links__update(struct net *n, const struct net_link *l)
{
	struct net_link_entry *e;
	bool news;

	TAILQ_FOREACH (e, &n->links, entry) {
		if (e->link.ifindex == l->ifindex)
			break;
	}
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return; /* the next notification tries again */
		TAILQ_INSERT_TAIL(&n->links, e, entry);
		news = true;
	} else {
		news = e->link.up != l->up || strcmp(e->link.name, l->name) != 0;
	}
	e->link = *l;
	if (news && n->link_cb)
		n->link_cb(n->ctx, l->ifindex, l->name, true, l->up);
}

void net_links__remove(struct net *n, uint32_t ifindex)
{
	struct net_link_entry *e;

	TAILQ_FOREACH (e, &n->links, entry) {
		if (e->link.ifindex == ifindex)
			break;
	}
	if (!e)
		return;
	TAILQ_REMOVE(&n->links, e, entry);
	if (n->link_cb)
		n->link_cb(n->ctx, ifindex, e->link.name, false, false);
	free(e);
}

void net_links__free(struct net *n)
{
	struct net_link_entry *e;

	while ((e = TAILQ_FIRST(&n->links))) {
		TAILQ_REMOVE(&n->links, e, entry);
		free(e);
	}
}

/*
 * The neighbour's MAC. While the kernel asks again (INCOMPLETE after an entry was collected), the last
 * one known along the same way goes on: packets would otherwise be dropped although nothing is wrong.
 * A FAILED entry has been asked for and did not answer: there is nobody.
 */
static void resolve(struct net *n, const struct net_watch *w, struct net_hop *hop)
{
	struct net_neigh neigh;

	if (net_ask__neigh(&n->ask, hop->ifindex, &hop->via, &neigh)) {
		neigh.state = NUD_NONE;
		neigh.has_mac = false;
	}
	if ((neigh.state & NUD_USABLE) && neigh.has_mac) {
		memcpy(hop->dmac, neigh.mac, sizeof(hop->dmac));
		hop->resolved = true;
		return;
	}
	net_ask__use(&n->ask, hop->ifindex, &hop->via);
	if (!(neigh.state & NUD_FAILED) && w->hop.resolved && w->hop.ifindex == hop->ifindex &&
	    addr__equal(&w->hop.via, &hop->via)) {
		memcpy(hop->dmac, w->hop.dmac, sizeof(hop->dmac));
		hop->resolved = true;
	}
}

void net_watch__evaluate(struct net *n, const struct net_watch *w, struct net_hop *out)
{
	const struct net_link *link;
	struct net_hop hop = {0};
	struct net_route route;

	*out = hop;
	if (net_ask__route(&n->ask, &w->address, &route))
		return;
	if (route.type == RTN_LOCAL) {
		out->local = true;
		return;
	}
	link = net_links__find(n, route.ifindex);
	if (route.type != RTN_UNICAST || !link)
		return;
	hop.ifindex = route.ifindex;
	hop.on_link = !route.has_via;
	hop.via = route.has_via ? route.via : w->address;
	if (route.has_source)
		hop.source = route.source;
	hop.mtu = route.mtu && route.mtu < link->mtu ? route.mtu : link->mtu;
	memcpy(hop.smac, link->mac, sizeof(hop.smac));
	if (link->ether && link->up)
		resolve(n, w, &hop);
	*out = hop;
}
