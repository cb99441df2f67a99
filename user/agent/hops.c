/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hops.c - next hops of backends' addresses, one watch for each address. */
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

const struct hop *hops__find(struct agent *a, const struct addr *address)
{
	return find(a, address);
}

static int make(struct agent *a, const struct addr *address, struct hop **out, struct err *err)
{
	struct hop *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return err__set(err, -ENOMEM, "out of memory");
	h->address = *address;
	LIST_INIT(&h->targets);
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
	*out = h;
	return 0;
}

int hops__hold(struct agent *a, const struct addr *address, struct hop **out, struct err *err)
{
	struct hop *h = find(a, address);
	int rc = h ? 0 : make(a, address, &h, err);

	if (rc || !h)
		return rc;
	h->holds++;
	*out = h;
	return 0;
}

void hops__drop(struct agent *a, struct hop *h)
{
	if (--h->holds)
		return;
	net__unwatch(a->net, &h->address);
	tdelete(h, &a->hops, compare);
	free(h);
}

void hops__changed(void *agent, const struct addr *address, const struct net_hop *net)
{
	struct agent *a = agent;
	struct target *t, *next;
	struct hop *h = find(a, address);

	if (!h)
		return;
	h->net = *net;
	/* A changed source makes new targets, which are put at the list's head. */
	for (t = LIST_FIRST(&h->targets); t; t = next) {
		next = LIST_NEXT(t, hop_entry);
		target__hop_changed(a, t);
	}
}
