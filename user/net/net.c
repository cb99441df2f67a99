/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.c - the life of the whole, and watches as their owner sees them. */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "net/state.h"

static void free_net(struct net *n)
{
	struct net_watch *w;

	while ((w = TAILQ_FIRST(&n->watches)))
		net_watch__free(n, w);
	net_links__free(n);
	net_ask__close(&n->ask);
	if (n->events)
		mnl_socket_close(n->events);
	free(n);
}

static void on_closed(uv_handle_t *h)
{
	struct net *n = h->data;

	if (--n->open_handles == 0)
		free_net(n);
}

void net__free(struct net *n)
{
	if (!n || n->closing)
		return;
	n->closing = true;
	uv_close((uv_handle_t *)&n->poll, on_closed);
	uv_close((uv_handle_t *)&n->evaluate, on_closed);
	uv_close((uv_handle_t *)&n->retry, on_closed);
	uv_close((uv_handle_t *)&n->resync, on_closed);
}

static int start_handles(struct net *n, struct err *err)
{
	uv_timer_t *timers[] = {&n->evaluate, &n->retry, &n->resync};
	int rc = uv_poll_init(n->loop, &n->poll, mnl_socket_get_fd(n->events));

	if (rc)
		return err__set(err, rc,
				"cannot follow routes and neighbours on the event loop: %s",
				uv_strerror(rc));
	n->poll.data = n;
	for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++) {
		uv_timer_init(n->loop, timers[i]);
		timers[i]->data = n;
	}
	n->open_handles = 1 + sizeof(timers) / sizeof(*timers);
	net_events__start(n);
	return 0;
}

static struct net *make(uv_loop_t *loop, net_cb *cb, void *ctx)
{
	struct net *n = calloc(1, sizeof(*n)); /* zeroed hash tables are empty ones */

	if (!n)
		return NULL;
	n->loop = loop;
	n->cb = cb;
	n->ctx = ctx;
	n->generation = 1;
	TAILQ_INIT(&n->watches);
	TAILQ_INIT(&n->vias_dirty);
	for (size_t i = 0; i < NET_WAITS; i++)
		TAILQ_INIT(&n->wait[i]);
	return n;
}

int net__new(uv_loop_t *loop, net_cb *cb, net_link_cb *link_cb, void *ctx, struct net **out,
	     struct err *err)
{
	struct net *n = make(loop, cb, ctx);
	int rc;

	if (!n)
		return err__set(err, -ENOMEM, "cannot follow routes and neighbours: out of memory");
	rc = net_ask__open(&n->ask, err);
	if (rc)
		goto cleanup;
	rc = net_events__open(n, err);
	if (rc)
		goto cleanup;
	/* Notifications are queued by now, so nothing falls between them and this list. */
	rc = net_links__sync(n);
	if (rc) {
		err__set(err, rc, "cannot list the network interfaces by netlink: %s; start again",
			 strerror(-rc));
		goto cleanup;
	}
	rc = start_handles(n, err);
	if (rc)
		goto cleanup;
	n->link_cb = link_cb; /* only now: what was there at the start is no news */
	*out = n;
	return 0;
cleanup:
	free_net(n); /* no handle is open yet */
	return rc;
}

int net__watch(struct net *n, const struct addr *address, struct net_hop *hop, struct err *err)
{
	struct net_watch *w = net_watch__find(n, address);
	char text[ADDR_STRLEN];

	if (!w)
		w = net_watch__new(n, address);
	if (!w)
		return err__set(err, -ENOMEM, "cannot watch the way to %s: out of memory",
				addr__format(address, text));
	w->refs++;
	*hop = w->hop;
	return 0;
}

void net__unwatch(struct net *n, const struct addr *address)
{
	struct net_watch *w = net_watch__find(n, address);

	if (w && --w->refs == 0)
		net_watch__free(n, w);
}

int net__resolve(struct net *n, const struct addr *address)
{
	struct net_route route = {0};
	struct net_neigh neigh = {.state = NUD_NONE};
	const struct addr *via = address;
	int rc = net_ask__route(&n->ask, address, &route);

	if (rc)
		return rc;
	if (route.type != RTN_UNICAST || !route.ifindex)
		return -EHOSTUNREACH;
	if (route.has_via)
		via = &route.via;
	rc = net_ask__neigh(&n->ask, route.ifindex, via, &neigh);
	if (rc == -EAGAIN || (!rc && neigh.state & ~(NUD_FAILED | NUD_STALE)))
		return rc;
	return net_ask__use(&n->ask, route.ifindex, via);
}

bool net__is_local(struct net *n, const struct addr *address)
{
	struct net_route route;

	return net_ask__route(&n->ask, address, &route) == 0 && route.type == RTN_LOCAL;
}
