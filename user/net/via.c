/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * via.c - neighbours that frames are addressed to, kept resolved.
 *
 * The kernel resolves a neighbour when it has a packet for it, and XDP's packets are none of the
 * kernel's: nobody would ask, an entry would go stale, and be collected once the table holds more than
 * gc_thresh1. So each neighbour that is not usable, or is stale, is asked for with NTF_USE, again and
 * again with growing pauses, until it is reachable. From there the kernel's own state machine
 * (RFC 4861 7.3.2, used for ARP too) leads back to STALE within a minute, which confirms it anew.
 *
 * The last MAC goes on while the entry is being asked for (it was flushed, or collected): dropping
 * packets is no cure for not knowing. FAILED ends it: the neighbour was asked for and did not answer.
 * So does its link's going down, since whatever is plugged in next may be another machine.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "net/state.h"

/* States in which the kernel itself would send to the entry's MAC. */
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)
/* More than NET_BATCH requests at once would be a burst of broadcasts: the rest follows so much later. */
#define BURST_PAUSE_MS 10

static const uint64_t pause_ms[NET_WAITS] = {250, 500, 1000, 2000, 4000, 5000};

static struct net_via *find(const struct net *n, uint32_t ifindex, const struct addr *address)
{
	struct net_via *v;

	LIST_FOREACH (v, &n->vias[net_hash(address, ifindex) % NET_BUCKETS], bucket) {
		if (v->ifindex == ifindex && addr__equal(&v->address, address))
			return v;
	}
	return NULL;
}

/* The timer stands at the first one due; each queue is in order. */
static void arm(struct net *n)
{
	uint64_t now = uv_now(n->loop), first = UINT64_MAX;
	const struct net_via *v;

	for (size_t i = 0; i < NET_WAITS; i++) {
		v = TAILQ_FIRST(&n->wait[i]);
		if (v && v->due < first)
			first = v->due;
	}
	if (n->closing)
		return;
	if (first == UINT64_MAX)
		uv_timer_stop(&n->retry);
	else
		uv_timer_start(&n->retry, net_via__on_retry, first > now ? first - now : 0, 0);
}

static void stop_waiting(struct net *n, struct net_via *v)
{
	if (v->waiting)
		TAILQ_REMOVE(&n->wait[v->step], v, wait);
	v->waiting = false;
}

/* A refusal (the table is full: gc_thresh3) is met like silence: it is asked for again. */
static void ask(struct net *n, struct net_via *v)
{
	net_ask__use(&n->ask, v->ifindex, &v->address);
	v->due = uv_now(n->loop) + pause_ms[v->step];
	v->waiting = true;
	TAILQ_INSERT_TAIL(&n->wait[v->step], v, wait);
	arm(n);
}

/* Takes over the kernel's entry; true: what a hop is made of changed. */
static bool take(struct net_via *v, const struct net_neigh *e)
{
	bool changed = false;

	v->stale = e->state & NUD_STALE;
	if ((e->state & NUD_USABLE) && e->has_mac) {
		changed = !v->usable || memcmp(v->mac, e->mac, sizeof(v->mac)) != 0;
		memcpy(v->mac, e->mac, sizeof(v->mac));
		v->usable = true;
	} else if (e->state & NUD_FAILED) {
		changed = v->usable;
		v->usable = false;
	} else {
		v->stale =
			true; /* not known at the moment: the last MAC, if any, is to be confirmed */
	}
	return changed;
}

static bool look(struct net *n, struct net_via *v)
{
	const struct net_link *l = net_links__find(n, v->ifindex);
	struct net_neigh e = {.state = NUD_NONE};
	bool changed;
	int rc;

	if (!l || !l->up || !l->ether) {
		/* Nobody can be asked; the link's coming up leads here again. */
		changed = v->usable;
		v->usable = false;
		stop_waiting(n, v);
		v->step = 0;
		return changed;
	}
	rc = net_ask__neigh(&n->ask, v->ifindex, &v->address, &e);
	changed = rc == -EAGAIN ? false : take(v, &e);
	if (rc != -EAGAIN && v->usable && !v->stale) {
		stop_waiting(n, v);
		v->step = 0;
	} else if (!v->waiting) {
		ask(n, v);
	}
	return changed;
}

static void look_and_mark(struct net *n, struct net_via *v)
{
	struct net_watch *w;

	if (!look(n, v))
		return;
	LIST_FOREACH (w, &v->watches, peer)
		net_watch__mark(n, w);
}

void net_via__on_retry(uv_timer_t *timer)
{
	struct net *n = timer->data;
	uint64_t now = uv_now(n->loop);
	int budget = NET_BATCH;
	struct net_via *v;

	for (size_t i = 0; i < NET_WAITS; i++) {
		while ((v = TAILQ_FIRST(&n->wait[i])) && v->due <= now) {
			if (budget-- == 0) {
				uv_timer_start(timer, net_via__on_retry, BURST_PAUSE_MS, 0);
				return;
			}
			stop_waiting(n, v);
			if (v->step + 1 < NET_WAITS)
				v->step++;
			look_and_mark(n, v);
		}
	}
	arm(n);
}

static struct net_via *get(struct net *n, uint32_t ifindex, const struct addr *address)
{
	struct net_via *v = find(n, ifindex, address);

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->ifindex = ifindex;
	v->address = *address;
	LIST_INIT(&v->watches);
	LIST_INSERT_HEAD(&n->vias[net_hash(address, ifindex) % NET_BUCKETS], v, bucket);
	look(n, v);
	return v;
}

int net_via__join(struct net *n, struct net_watch *w, uint32_t ifindex, const struct addr *address)
{
	struct net_via *v = get(n, ifindex, address);

	if (!v)
		return -ENOMEM;
	if (w->via == v)
		return 0;
	net_via__leave(n, w);
	LIST_INSERT_HEAD(&v->watches, w, peer);
	w->via = v;
	return 0;
}

void net_via__leave(struct net *n, struct net_watch *w)
{
	struct net_via *v = w->via;

	if (!v)
		return;
	LIST_REMOVE(w, peer);
	w->via = NULL;
	if (!LIST_EMPTY(&v->watches))
		return;
	stop_waiting(n, v);
	if (v->dirty)
		TAILQ_REMOVE(&n->vias_dirty, v, queue);
	LIST_REMOVE(v, bucket);
	free(v);
}

static void touch(struct net *n, struct net_via *v)
{
	if (v->dirty)
		return;
	v->dirty = true;
	TAILQ_INSERT_TAIL(&n->vias_dirty, v, queue);
}

void net_via__touch(struct net *n, uint32_t ifindex, const struct addr *address)
{
	struct net_via *v = find(n, ifindex, address);

	if (!v)
		return;
	touch(n, v);
	net_watch__kick(n, NET_COALESCE_MS);
}

void net_via__touch_all(struct net *n, uint32_t ifindex)
{
	struct net_via *v;

	for (size_t i = 0; i < NET_BUCKETS; i++) {
		LIST_FOREACH (v, &n->vias[i], bucket) {
			if (!ifindex || v->ifindex == ifindex)
				touch(n, v);
		}
	}
	net_watch__kick(n, NET_COALESCE_MS);
}

int net_via__work(struct net *n, int budget)
{
	struct net_via *v;

	while (budget > 0 && (v = TAILQ_FIRST(&n->vias_dirty))) {
		TAILQ_REMOVE(&n->vias_dirty, v, queue);
		v->dirty = false;
		look_and_mark(n, v);
		budget--;
	}
	return budget;
}
