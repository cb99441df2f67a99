/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask.c - rtnetlink requests whose answer is awaited: microseconds, from the kernel's own memory. */
#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "net/internal.h"

/* The kernel answers within the send itself; this is for a machine that is out of memory. */
#define PATIENCE_US 200000
#define DUMP_TRIES 5

int net_ask__open(struct net_ask *a, struct err *err)
{
	struct timeval patience = {.tv_usec = PATIENCE_US};
	int rc;

	a->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (a->socket && mnl_socket_bind(a->socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(a->socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) == 0)
		return 0;
	rc = -errno;
	net_ask__close(a);
	return err__set(
		err, rc,
		"cannot open a netlink socket to look up routes: %s; check the limit of open "
		"files and that the service may use AF_NETLINK",
		strerror(-rc));
}

void net_ask__close(struct net_ask *a)
{
	if (a->socket)
		mnl_socket_close(a->socket);
	a->socket = NULL;
}

/* Feeds the answer to cb. One that comes late, for a request that was given up, is passed over. */
static int ask(struct net_ask *a, struct nlmsghdr *nlh, mnl_cb_t cb, void *ctx)
{
	unsigned int port = mnl_socket_get_portid(a->socket);
	char buf[NET_BUF];
	ssize_t len;
	int rc;

	nlh->nlmsg_seq = ++a->seq;
	if (mnl_socket_sendto(a->socket, nlh, nlh->nlmsg_len) < 0)
		return -EAGAIN;
	for (;;) {
		len = mnl_socket_recvfrom(a->socket, buf, sizeof(buf));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -EAGAIN;
		if (((struct nlmsghdr *)buf)->nlmsg_seq != nlh->nlmsg_seq)
			continue;
		rc = mnl_cb_run(buf, (size_t)len, nlh->nlmsg_seq, port, cb, ctx);
		if (rc < 0)
			return -errno;
		if (rc == MNL_CB_STOP)
			return 0;
	}
}

int net_ask__request(struct net_ask *a, struct nlmsghdr *nlh, mnl_cb_t cb, void *ctx)
{
	return ask(a, nlh, cb, ctx);
}

struct answer {
	int rc;
	void *out;
};

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	struct answer *answer = ctx;

	answer->rc = net_wire__route(nlh, answer->out);
	return MNL_CB_STOP;
}

int net_ask__route(struct net_ask *a, const struct addr *to, struct net_route *out)
{
	struct answer answer = {.rc = -ENOENT, .out = out};
	char buf[NET_BUF];
	int rc = ask(a, net_wire__ask_route(buf, to), on_route, &answer);

	return rc ? rc : answer.rc;
}

static int on_neigh(const struct nlmsghdr *nlh, void *ctx)
{
	struct answer *answer = ctx;

	answer->rc = net_wire__neigh(nlh, answer->out);
	return MNL_CB_STOP;
}

int net_ask__neigh(struct net_ask *a, uint32_t ifindex, const struct addr *address,
		   struct net_neigh *out)
{
	struct answer answer = {.rc = -ENOENT, .out = out};
	char buf[NET_BUF];
	int rc = ask(a, net_wire__ask_neigh(buf, ifindex, address), on_neigh, &answer);

	return rc ? rc : answer.rc;
}

struct link_walk {
	void (*each)(void *ctx, const struct net_link *l);
	void *ctx;
};

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	struct link_walk *walk = ctx;
	struct net_link l;

	if (net_wire__link(nlh, &l) == 0)
		walk->each(walk->ctx, &l);
	return MNL_CB_OK;
}

int net_ask__links(struct net_ask *a, void (*each)(void *ctx, const struct net_link *l), void *ctx)
{
	struct link_walk walk = {.each = each, .ctx = ctx};
	char buf[NET_BUF];
	int rc = -EAGAIN;

	for (int i = 0; i < DUMP_TRIES; i++) {
		rc = ask(a, net_wire__ask_links(buf), on_link, &walk);
		if (rc !=
		    -EINTR) /* NLM_F_DUMP_INTR: links changed meanwhile, some may be missing */
			return rc;
	}
	return -EAGAIN;
}

int net_ask__use(struct net_ask *a, uint32_t ifindex, const struct addr *address)
{
	char buf[NET_BUF];

	return net_ask__change(a, net_wire__use_neigh(buf, ifindex, address));
}

int net_ask__change(struct net_ask *a, struct nlmsghdr *nlh)
{
	return ask(a, nlh, NULL, NULL);
}

int net_ask__set_address(struct net_ask *a, uint32_t ifindex, const struct addr *address,
			 uint32_t life_s)
{
	char buf[NET_BUF];

	return ask(a, net_wire__set_address(buf, ifindex, address, life_s), NULL, NULL);
}
