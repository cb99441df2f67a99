/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/route_list.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int route_list__compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int order = memcmp(x->to.addr.b, y->to.addr.b, sizeof(x->to.addr.b));

	return order ? order : (x->to.len > y->to.len) - (x->to.len < y->to.len);
}

struct route *route_list__find(struct route_list *l, const struct addr_prefix *to)
{
	struct route key = {.to = *to};

	return l->n ? bsearch(&key, l->routes, l->n, sizeof(key), route_list__compare) : NULL;
}

struct route_list *route_list__new(uint32_t table, size_t n)
{
	struct route_list *l = calloc(1, sizeof(*l) + n * sizeof(l->routes[0]));

	if (!l)
		return NULL;
	l->table = table;
	l->claim = -1;
	return l;
}

void route_list__free(struct route_list *l)
{
	if (l && l->claim >= 0)
		close(l->claim);
	free(l);
}

int route_list__claim(uint32_t table)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, len;

	if (fd < 0)
		return -errno;
	/* The first byte is NUL: no file, and gone with the socket (unix(7), abstract). */
	len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "fairlead/routes/%u", table);
	if (!bind(fd, (struct sockaddr *)&name,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

struct look {
	struct route_list *have;
	struct route_list *strays; /* ours by their protocol, and wanted by nobody */
	bool failed;
};

static bool is_known(struct route_list *l, uint32_t table, const struct addr_prefix *to)
{
	const struct route *route;

	for (; l; l = l->older) {
		route = l->table == table ? route_list__find(l, to) : NULL;
		if (route && route->ours)
			return true;
	}
	return false;
}

static void on_own(void *ctx, const struct addr_prefix *to)
{
	struct look *look = ctx;
	struct route_list *l = look->have, *grown;
	struct route *route = route_list__find(l, to);

	if (route) {
		route->seen = true;
		route->ours = true;
		return;
	}
	if (is_known(l->older, l->table, to))
		return;
	l = look->strays;
	grown = realloc(l, sizeof(*l) + (l->n + 1) * sizeof(l->routes[0]));
	if (!grown) {
		look->failed = true;
		return;
	}
	look->strays = grown;
	grown->routes[grown->n++] = (struct route){.to = *to, .ours = true};
}

int route_list__look(struct net_routes *net, struct route_list *have, struct route_list **strays)
{
	struct look look = {.have = have, .strays = route_list__new(have->table, 0)};
	int rc;

	if (!look.strays)
		return -ENOMEM;
	rc = net_routes__list(net, have->table, on_own, &look);
	if (!rc && look.failed)
		rc = -ENOMEM;
	if (rc) {
		route_list__free(look.strays);
		return rc;
	}
	/* Of a dump that was begun again some come twice: the second one is gone when it is removed. */
	qsort(look.strays->routes, look.strays->n, sizeof(struct route), route_list__compare);
	*strays = look.strays;
	return 0;
}
