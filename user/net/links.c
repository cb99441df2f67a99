/* SPDX-License-Identifier: GPL-2.0-or-later */
/* links.c - the links of this network namespace, and the owner's news of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/state.h"

static struct net_dev *find(const struct net *n, uint32_t ifindex)
{
	struct net_dev *d;

	LIST_FOREACH (d, &n->devs[ifindex % NET_LINK_BUCKETS], bucket) {
		if (d->link.ifindex == ifindex)
			return d;
	}
	return NULL;
}

const struct net_link *net_links__find(const struct net *n, uint32_t ifindex)
{
	const struct net_dev *d = find(n, ifindex);

	return d ? &d->link : NULL;
}

static void tell(const struct net *n, const struct net_link *l, bool present)
{
	if (n->link_cb && !n->closing)
		n->link_cb(n->ctx, l, present);
}

static bool same_hop(const struct net_link *a, const struct net_link *b)
{
	return a->up == b->up && a->mtu == b->mtu && a->ether == b->ether &&
	       a->is_vlan == b->is_vlan && a->q == b->q && a->vlan == b->vlan &&
	       a->lower == b->lower && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

bool net_links__update(struct net *n, const struct net_link *l)
{
	struct net_dev *d = find(n, l->ifindex);
	struct net_link old;

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return false; /* the next resync finds it */
		LIST_INSERT_HEAD(&n->devs[l->ifindex % NET_LINK_BUCKETS], d, bucket);
		d->link = *l;
		d->seen = n->dumps;
		tell(n, &d->link, true);
		return true;
	}
	old = d->link;
	d->link = *l;
	d->seen = n->dumps;
	if (strcmp(old.name, l->name) != 0) {
		tell(n, &old, false);
		tell(n, l, true);
	} else if (old.up != l->up || old.master != l->master ||
		   memcmp(old.mac, l->mac, sizeof(l->mac)) != 0) {
		tell(n, &d->link, true);
	}
	return !same_hop(&old, l);
}

void net__links(const struct net *n, void (*each)(void *ctx, const struct net_link *l), void *ctx)
{
	const struct net_dev *d;

	for (size_t i = 0; i < NET_LINK_BUCKETS; i++) {
		LIST_FOREACH (d, &n->devs[i], bucket)
			each(ctx, &d->link);
	}
}

int net__vlan(const struct net *n, const struct net_link *l, uint32_t *lower, uint16_t *vlan)
{
	const struct net_link *below = l->lower ? net_links__find(n, l->lower) : NULL;

	if (!l->is_vlan || !l->q || !below || below->is_vlan)
		return -ENOTSUP;
	*lower = below->ifindex;
	*vlan = NET_TAG | l->vlan;
	return 0;
}

static void drop(struct net *n, struct net_dev *d)
{
	LIST_REMOVE(d, bucket);
	tell(n, &d->link, false);
	free(d);
}

bool net_links__remove(struct net *n, uint32_t ifindex)
{
	struct net_dev *d = find(n, ifindex);

	if (!d)
		return false;
	drop(n, d);
	return true;
}

static void take(void *ctx, const struct net_link *l)
{
	net_links__update(ctx, l);
}

int net_links__sync(struct net *n)
{
	struct net_dev *d, *next;
	int rc;

	n->dumps++;
	rc = net_ask__links(&n->ask, take, n);
	if (rc)
		return rc;
	for (size_t i = 0; i < NET_LINK_BUCKETS; i++) {
		for (d = LIST_FIRST(&n->devs[i]); d; d = next) {
			next = LIST_NEXT(d, bucket);
			if (d->seen != n->dumps)
				drop(n, d);
		}
	}
	return 0;
}

void net_links__free(struct net *n)
{
	struct net_dev *d;

	for (size_t i = 0; i < NET_LINK_BUCKETS; i++) {
		while ((d = LIST_FIRST(&n->devs[i]))) {
			LIST_REMOVE(d, bucket);
			free(d);
		}
	}
}
