/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.c - follows the kernel's routes, links and neighbours.
 *
 * Notifications only say that something changed; what holds now is asked for. A notification marks
 * the addresses that it may concern, and a timer evaluates them a batch a turn of the loop, so that a
 * route flap under ten thousand backends neither blocks the loop nor asks twice.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "net/watch.h"

#define BATCH 256 /* evaluations in one turn of the loop */
#define COALESCE_MS 2 /* notifications come in bursts */
#define REFRESH_MS 1000 /* how often what is unresolved is asked for */
#define FRESH_TICKS 5 /* every so many of those, what is resolved is confirmed */
#define EVENT_BUFFER (4 * 1024 * 1024) /* bytes of notifications that may wait */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

static bool hop_equal(const struct net_hop *a, const struct net_hop *b)
{
	return a->resolved == b->resolved && a->on_link == b->on_link && a->local == b->local &&
	       a->ifindex == b->ifindex && a->mtu == b->mtu &&
	       memcmp(a->dmac, b->dmac, sizeof(a->dmac)) == 0 &&
	       memcmp(a->smac, b->smac, sizeof(a->smac)) == 0 &&
	       addr__equal(&a->source, &b->source) && addr__equal(&a->via, &b->via);
}

static void on_evaluate(uv_timer_t *h);

static void mark(struct net *n, struct net_watch *w)
{
	if (w->dirty)
		return;
	w->dirty = true;
	TAILQ_INSERT_TAIL(&n->dirty, w, queue);
	if (!uv_is_active((uv_handle_t *)&n->evaluate))
		uv_timer_start(&n->evaluate, on_evaluate, COALESCE_MS, 0);
}

static void mark_all(struct net *n)
{
	struct net_watch *w;

	TAILQ_FOREACH (w, &n->watches, entry)
		mark(n, w);
}

static void on_evaluate(uv_timer_t *h)
{
	struct net *n = h->data;
	struct net_watch *w;
	struct net_hop hop;
	struct addr address;

	for (int i = 0; i < BATCH && (w = TAILQ_FIRST(&n->dirty)); i++) {
		TAILQ_REMOVE(&n->dirty, w, queue);
		w->dirty = false;
		net_watch__evaluate(n, w, &hop);
		if (hop_equal(&hop, &w->hop))
			continue;
		w->hop = hop;
		/* The callback may unwatch and so free w. */
		address = w->address;
		n->cb(n->ctx, &address, &hop);
	}
	if (!TAILQ_EMPTY(&n->dirty))
		uv_timer_start(&n->evaluate, on_evaluate, 0, 0);
}

/*
 * Packets that XDP sends do not count as use of a neighbour entry: left alone it would go stale and
 * be collected. NTF_USE makes the kernel confirm it (RFC 4861 7.3.3), unknown ones are asked for.
 */
static void on_refresh(uv_timer_t *h)
{
	struct net *n = h->data;
	bool all = ++n->ticks % FRESH_TICKS == 0;
	struct net_watch *w;

	TAILQ_FOREACH (w, &n->watches, entry) {
		if (!w->hop.ifindex)
			continue;
		if (!w->hop.resolved)
			mark(n, w);
		else if (all)
			net_ask__use(&n->ask, w->hop.ifindex, &w->hop.via);
	}
}

static void on_neigh(struct net *n, const struct net_neigh *neigh)
{
	struct net_watch *w;

	TAILQ_FOREACH (w, &n->watches, entry) {
		if (w->hop.ifindex == neigh->ifindex && addr__equal(&w->hop.via, &neigh->address))
			mark(n, w);
	}
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct net_neigh neigh;
	struct net *n = ctx;
	struct net_link l;

	switch (nlh->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (net_wire__neigh(nlh, &neigh) == 0)
			on_neigh(n, &neigh);
		break;
	case RTM_NEWLINK:
		if (net_wire__link(nlh, &l) == 0)
			net_links__update(n, &l);
		mark_all(n);
		break;
	case RTM_DELLINK:
		/* A bridge says goodbye to its ports by the same message (AF_BRIDGE). */
		if (net_wire__link(nlh, &l) == 0 &&
		    ((struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_family == AF_UNSPEC)
			net_links__remove(n, l.ifindex);
		mark_all(n);
		break;
	default: /* routes, addresses, rules */
		mark_all(n);
		break;
	}
	return MNL_CB_OK;
}

static void take_link(void *ctx, const struct net_link *l)
{
	net_links__update(ctx, l);
}

static void on_events(uv_poll_t *h, int status, int events)
{
	struct net *n = h->data;
	char buf[NL_BUF];
	ssize_t len;

	(void)status;
	(void)events;
	while ((len = recv(mnl_socket_get_fd(n->events), buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		mnl_cb_run(buf, (size_t)len, 0, 0, on_message, n);
	if (len < 0 && errno == ENOBUFS) {
		/* Some were lost: look at everything again. */
		net_ask__links(&n->ask, take_link, n);
		mark_all(n);
	}
}

static int open_events(struct net *n, struct err *err)
{
	static const int groups[] = {
		RTNLGRP_LINK,	     RTNLGRP_NEIGH,	  RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,
	};
	int size = EVENT_BUFFER, fd;

	n->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!n->events || mnl_socket_bind(n->events, 0, MNL_SOCKET_AUTOPID))
		goto failed;
	fd = mnl_socket_get_fd(n->events);
	/* Without CAP_NET_ADMIN the default size must do: ENOBUFS is handled. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(int)))
			goto failed;
	}
	return 0;
failed:
	return err__set(err, -errno, "cannot follow routes and neighbours by netlink: %s",
			strerror(errno));
}

static void start_handles(struct net *n)
{
	uv_poll_init(n->loop, &n->poll, mnl_socket_get_fd(n->events));
	uv_timer_init(n->loop, &n->evaluate);
	uv_timer_init(n->loop, &n->refresh);
	n->open_handles = 3;
	n->poll.data = n->evaluate.data = n->refresh.data = n;
	uv_poll_start(&n->poll, UV_READABLE, on_events);
	uv_timer_start(&n->refresh, on_refresh, REFRESH_MS, REFRESH_MS);
}

static void free_net(struct net *n)
{
	struct net_watch *w;

	while ((w = TAILQ_FIRST(&n->watches))) {
		TAILQ_REMOVE(&n->watches, w, entry);
		tdelete(w, &n->tree, compare);
		free(w);
	}
	net_links__free(n);
	net_ask__close(&n->ask);
	if (n->events)
		mnl_socket_close(n->events);
	free(n);
}

int net__new(uv_loop_t *loop, net_cb *cb, net_link_cb *link_cb, void *ctx, struct net **out,
	     struct err *err)
{
	struct net *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return err__set(err, -ENOMEM, "out of memory");
	n->loop = loop;
	n->cb = cb;
	n->ctx = ctx;
	TAILQ_INIT(&n->watches);
	TAILQ_INIT(&n->dirty);
	TAILQ_INIT(&n->links);
	rc = net_ask__open(&n->ask, err);
	if (!rc)
		rc = open_events(n, err);
	if (!rc) {
		rc = net_ask__links(&n->ask, take_link, n);
		if (rc)
			err__set(err, rc, "cannot list the interfaces by netlink: %s",
				 strerror(-rc));
	}
	if (rc) {
		free_net(n);
		return rc;
	}
	n->link_cb = link_cb; /* from now on: what was there at the start is no news */
	start_handles(n);
	*out = n;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct net *n = h->data;

	if (--n->open_handles == 0)
		free_net(n);
}

void net__free(struct net *n)
{
	if (!n)
		return;
	uv_close((uv_handle_t *)&n->poll, on_closed);
	uv_close((uv_handle_t *)&n->evaluate, on_closed);
	uv_close((uv_handle_t *)&n->refresh, on_closed);
}

static struct net_watch *find(struct net *n, const struct addr *address)
{
	void *node = tfind(address, &n->tree, compare);

	return node ? *(struct net_watch **)node : NULL;
}

int net__watch(struct net *n, const struct addr *address, struct net_hop *hop, struct err *err)
{
	struct net_watch *w = find(n, address);

	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return err__set(err, -ENOMEM, "out of memory");
		w->address = *address;
		if (!tsearch(w, &n->tree, compare)) {
			free(w);
			return err__set(err, -ENOMEM, "out of memory");
		}
		TAILQ_INSERT_TAIL(&n->watches, w, entry);
		net_watch__evaluate(n, w, &w->hop);
	}
	w->refs++;
	*hop = w->hop;
	return 0;
}

void net__unwatch(struct net *n, const struct addr *address)
{
	struct net_watch *w = find(n, address);

	if (!w || --w->refs)
		return;
	if (w->dirty)
		TAILQ_REMOVE(&n->dirty, w, queue);
	TAILQ_REMOVE(&n->watches, w, entry);
	tdelete(w, &n->tree, compare);
	free(w);
}
