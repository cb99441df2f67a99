/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

#define DUMP_TRIES 5

struct net_routes {
	struct net_ask ask;
};

int net_routes__open(struct net_routes **out, struct err *err)
{
	struct net_routes *r = calloc(1, sizeof(*r));
	int strict = 1, rc;

	if (!r)
		return err__set(err, -ENOMEM, "out of memory");
	rc = net_ask__open(&r->ask, err);
	if (rc) {
		free(r);
		return rc;
	}
	/* The kernel picks from a dump what is asked for; where it does not, net_wire__own_route() does. */
	mnl_socket_setsockopt(r->ask.socket, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict));
	*out = r;
	return 0;
}

void net_routes__close(struct net_routes *r)
{
	if (!r)
		return;
	net_ask__close(&r->ask);
	free(r);
}

int net_routes__add(struct net_routes *r, uint32_t table, const struct addr_prefix *to)
{
	char buf[NET_BUF];

	return net_ask__request(&r->ask, net_wire__set_route(buf, true, table, to), NULL, NULL);
}

int net_routes__remove(struct net_routes *r, uint32_t table, const struct addr_prefix *to)
{
	char buf[NET_BUF];

	return net_ask__request(&r->ask, net_wire__set_route(buf, false, table, to), NULL, NULL);
}

struct walk {
	uint32_t table;
	void (*each)(void *ctx, const struct addr_prefix *to);
	void *ctx;
};

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	struct walk *w = ctx;
	struct addr_prefix to;

	if (net_wire__own_route(nlh, w->table, &to) == 0)
		w->each(w->ctx, &to);
	return MNL_CB_OK;
}

static int list_family(struct net_routes *r, int family, struct walk *w)
{
	char buf[NET_BUF];
	int rc = -EINTR;

	/* -EINTR: routes changed meanwhile, some may be missing. */
	for (int i = 0; i < DUMP_TRIES && rc == -EINTR; i++)
		rc = net_ask__request(&r->ask, net_wire__ask_own_routes(buf, family, w->table),
				      on_route, w);
	/* A table that was never used is not there. */
	return rc == -ENOENT ? 0 : rc;
}

int net_routes__list(struct net_routes *r, uint32_t table,
		     void (*each)(void *ctx, const struct addr_prefix *to), void *ctx)
{
	struct walk w = {.table = table, .each = each, .ctx = ctx};
	int rc = list_family(r, AF_INET, &w);

	return rc ? rc : list_family(r, AF_INET6, &w);
}
