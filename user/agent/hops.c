/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hops.c - next hops of backends' addresses, shared by all members that have the same address. */
#include "agent/agent.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

static struct hop *find(struct agent *a, const struct addr *address)
{
	void *node = tfind(address, &a->hops, compare);

	return node ? *(struct hop **)node : NULL;
}

int hops__join(struct agent *a, struct member *m, struct err *err)
{
	struct hop *h = find(a, &m->address);
	int rc;

	if (!h) {
		h = calloc(1, sizeof(*h));
		if (!h)
			return err__set(err, -ENOMEM, "out of memory");
		h->address = m->address;
		LIST_INIT(&h->members);
		rc = net__watch(a->net, &h->address, &h->net, err);
		if (rc) {
			free(h);
			return rc;
		}
		if (!tsearch(h, &a->hops, compare)) {
			net__unwatch(a->net, &h->address);
			free(h);
			return err__set(err, -ENOMEM, "out of memory");
		}
	}
	LIST_INSERT_HEAD(&h->members, m, hop_entry);
	m->hop = h;
	return 0;
}

void hops__leave(struct agent *a, struct member *m)
{
	struct hop *h = m->hop;

	if (!h)
		return;
	LIST_REMOVE(m, hop_entry);
	m->hop = NULL;
	if (!LIST_EMPTY(&h->members))
		return;
	net__unwatch(a->net, &h->address);
	tdelete(h, &a->hops, compare);
	free(h);
}

void hops__changed(void *agent, const struct addr *address, const struct net_hop *net)
{
	struct hop *h = find(agent, address);
	struct member *m;

	if (!h)
		return;
	h->net = *net;
	LIST_FOREACH (m, &h->members, hop_entry)
		member__hop_changed(m);
}
