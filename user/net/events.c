/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events.c - rtnetlink notifications.
 *
 * Not all that changes a hop is notified: when a link goes down or an address is removed, IPv4 routes
 * vanish without a word, so any change of a link, an address, a rule or a route makes all watches be
 * looked at. Path MTUs that the kernel learnt, and let expire, are never told: a resync each minute
 * finds them.
 */
#include <errno.h>
#include <string.h>

#include "net/state.h"

#define RCVBUF (4 * 1024 * 1024) /* bytes: notifications that may wait while the loop is busy */
#define RESYNC_MS 60000
#define RESYNC_RETRY_MS 250

int net_events__open(struct net *n, struct err *err)
{
	static const int groups[] = {
		RTNLGRP_LINK,	    RTNLGRP_NEIGH,	 RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,	 RTNLGRP_NEXTHOP,
	};
	int size = RCVBUF, rc, fd;

	n->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!n->events || mnl_socket_bind(n->events, 0, MNL_SOCKET_AUTOPID))
		goto cleanup;
	fd = mnl_socket_get_fd(n->events);
	/* Refused without CAP_NET_ADMIN: then more is lost in a burst, and made good by a resync. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (mnl_socket_setsockopt(n->events, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
					  sizeof(groups[i])))
			goto cleanup;
	}
	return 0;
cleanup:
	rc = -errno;
	return err__set(
		err, rc,
		"cannot follow routes and neighbours by netlink: %s; check the limit of open "
		"files and that the service may use AF_NETLINK",
		strerror(-rc));
}

static void on_resync(uv_timer_t *timer)
{
	struct net *n = timer->data;

	if (net_links__sync(n)) {
		if (!n->closing)
			uv_timer_start(timer, on_resync, RESYNC_RETRY_MS, 0);
		return;
	}
	if (n->closing) /* a link's callback had enough */
		return;
	net_via__touch_all(n, 0);
	net_watch__mark_all(n);
	uv_timer_start(timer, on_resync, RESYNC_MS, 0);
}

static void on_link(struct net *n, const struct nlmsghdr *nlh)
{
	struct net_link l;
	bool changed;

	if (net_wire__link(nlh, &l))
		return;
	if (nlh->nlmsg_type == RTM_NEWLINK)
		changed = net_links__update(n, &l);
	else
		changed = net_links__remove(n, l.ifindex);
	if (!changed)
		return;
	net_via__touch_all(n, l.ifindex);
	net_watch__mark_all(n);
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct net_neigh neigh;
	struct net *n = ctx;

	if (n->lost)
		return MNL_CB_OK;
	switch (nlh->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (net_wire__neigh(nlh, &neigh) == 0)
			net_via__touch(n, neigh.ifindex, &neigh.address);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(n, nlh);
		break;
	default:
		if (!net_wire__renewed(nlh))
			net_watch__mark_all(n);
		break;
	}
	return n->closing ? MNL_CB_STOP : MNL_CB_OK;
}

/*
 * Reads what is there, at most a batch. When something was lost (ENOBUFS), what still waits is older
 * than the resync that follows, and must not be applied after it: it is thrown away.
 */
static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct net *n = poll->data;
	char buf[NET_BUF];
	ssize_t len = 0;

	(void)events;
	for (int i = 0; i < NET_BATCH && !n->closing; i++) {
		len = mnl_socket_recvfrom(n->events, buf, sizeof(buf));
		if (len >= 0)
			mnl_cb_run(buf, (size_t)len, 0, 0, on_message, n);
		else if (errno == EAGAIN)
			break;
		else
			n->lost = true;
	}
	if (n->closing)
		return;
	if (n->lost && len < 0 && errno == EAGAIN) {
		n->lost = false;
		uv_timer_start(&n->resync, on_resync, 0, 0);
	}
	/* libuv takes ENOBUFS, which epoll reports as EPOLLERR, for a dead descriptor, and stops. */
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_readable);
}

void net_events__start(struct net *n)
{
	uv_poll_start(&n->poll, UV_READABLE, on_readable);
	uv_timer_start(&n->resync, on_resync, RESYNC_MS, 0);
}
