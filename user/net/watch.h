/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - between net.c (sockets, loop) and watch.c (what is known of each address). */
#ifndef FAIRLEAD_NET_WATCH_H
#define FAIRLEAD_NET_WATCH_H

#include <sys/queue.h>

#include "net/internal.h"

struct net_watch {
	struct addr address; /* first: the tree's key */
	unsigned int refs;
	struct net_hop hop;
	bool dirty; /* in the queue of those to be evaluated */
	TAILQ_ENTRY(net_watch) entry; /* in net.watches */
	TAILQ_ENTRY(net_watch) queue; /* in net.dirty */
};

struct net_link_entry {
	TAILQ_ENTRY(net_link_entry) entry;
	struct net_link link;
};

struct net {
	uv_loop_t *loop;
	net_cb *cb;
	net_link_cb *link_cb;
	void *ctx;
	struct net_ask ask;
	struct mnl_socket *events;
	uv_poll_t poll; /* on `events` */
	uv_timer_t evaluate; /* runs while anything is dirty */
	uv_timer_t refresh; /* keeps neighbours fresh */
	unsigned int ticks;
	unsigned int open_handles;
	void *tree; /* tsearch(3) of net_watch */
	TAILQ_HEAD(, net_watch) watches;
	TAILQ_HEAD(, net_watch) dirty;
	TAILQ_HEAD(, net_link_entry) links;
};

/* Works out the next hop of an address from route, link and neighbour. */
void net_watch__evaluate(struct net *n, const struct net_watch *w, struct net_hop *out);

/* What is known of a link; NULL: nothing. */
const struct net_link *net_links__find(const struct net *n, uint32_t ifindex);
/* Takes over a link's state and tells the agent what changed. */
void net_links__update(struct net *n, const struct net_link *l);
void net_links__remove(struct net *n, uint32_t ifindex);
void net_links__free(struct net *n);

#endif
