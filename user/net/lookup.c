/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/lookup.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>

#include "net/internal.h"

struct net_lookup {
	struct net_ask ask;
};

int net_lookup__open(struct net_lookup **out, struct err *err)
{
	struct net_lookup *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err__set(err, -ENOMEM, "out of memory");
	rc = net_ask__open(&l->ask, err);
	if (rc) {
		free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void net_lookup__close(struct net_lookup *l)
{
	if (!l)
		return;
	net_ask__close(&l->ask);
	free(l);
}

int net_lookup__way(struct net_lookup *l, const struct addr *to, struct net_way *out)
{
	struct net_neigh neigh = {.state = NUD_NONE};
	struct net_route route;
	int rc = net_ask__route(&l->ask, to, &route);

	if (rc)
		return rc;
	if (route.type == RTN_UNREACHABLE || route.type == RTN_BLACKHOLE ||
	    route.type == RTN_PROHIBIT)
		return -EHOSTUNREACH;
	*out = (struct net_way){
		.local = route.type == RTN_LOCAL,
		.ifindex = route.ifindex,
		.mtu = route.mtu,
		.has_via = route.has_via,
		.via = route.has_via ? route.via : *to,
	};
	if (out->local)
		return 0;
	rc = net_ask__neigh(&l->ask, out->ifindex, &out->via, &neigh);
	if (rc == -EAGAIN)
		return rc;
	out->neighbour = rc ? NUD_NONE : neigh.state;
	out->has_mac = !rc && neigh.has_mac;
	return 0;
}

int net_lookup__links(struct net_lookup *l, void (*each)(void *ctx, const struct net_link *link),
		      void *ctx)
{
	return net_ask__links(&l->ask, each, ctx);
}
