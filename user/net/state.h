/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h - what is known of links, neighbours and watched addresses.
 *
 * A watch goes over a via, the neighbour that its frames are addressed to: the gateway, or the watched
 * address itself. Thousands of watches may share one via, which is asked for and kept once.
 *
 *	links.c   links, by index; says to the owner what changed
 *	via.c     neighbours, by (link, address); keeps them resolved
 *	watch.c   watches, by address; route + link + via make a hop
 *	events.c  notifications, which decide what of these is looked at again
 *	net.c     the exported functions
 *
 * A notification never carries the new truth for a route or a neighbour, it only says where to look:
 * what holds is asked for, so a notification that was overtaken does no harm.
 */
#ifndef FAIRLEAD_NET_STATE_H
#define FAIRLEAD_NET_STATE_H

#include <sys/queue.h>

#include "net/internal.h"

#define NET_BUCKETS 4096 /* of each hash table: 10 000 watches make chains of two or three */
#define NET_LINK_BUCKETS 256
#define NET_WAITS 6 /* steps of the pause between two requests for a neighbour */
#define NET_BATCH 256 /* what one turn of the loop looks at, so that it is about 1 ms long */
#define NET_COALESCE_MS 2 /* notifications come in bursts */

struct net_dev {
	LIST_ENTRY(net_dev) bucket;
	struct net_link link;
	uint64_t seen; /* the last dump that listed it */
};

struct net_watch {
	LIST_ENTRY(net_watch) bucket;
	TAILQ_ENTRY(net_watch) entry; /* in net.watches */
	LIST_ENTRY(net_watch) peer; /* in via->watches */
	struct addr address;
	unsigned int refs;
	uint64_t generation; /* of net.generation, when it was last evaluated; 0: at once */
	struct net_via *via; /* NULL: no way that needs a neighbour */
	struct net_hop hop; /* as last reported */
};

struct net_via {
	LIST_ENTRY(net_via) bucket;
	LIST_HEAD(, net_watch) watches; /* never empty for long: the last one frees the via */
	uint32_t ifindex;
	struct addr address;
	bool usable; /* mac may be sent to */
	uint8_t mac[6];
	bool stale; /* usable, and to be confirmed */
	bool dirty; /* in net.vias_dirty */
	TAILQ_ENTRY(net_via) queue;
	bool waiting; /* in net.wait[step] */
	unsigned int step;
	uint64_t due; /* ms of the loop's clock */
	TAILQ_ENTRY(net_via) wait;
};

TAILQ_HEAD(net_via_queue, net_via);
LIST_HEAD(net_dev_list, net_dev);
LIST_HEAD(net_via_list, net_via);
LIST_HEAD(net_watch_list, net_watch);

struct net {
	uv_loop_t *loop;
	net_cb *cb;
	net_link_cb *link_cb;
	void *ctx;
	bool closing;

	struct net_ask ask;
	struct mnl_socket *events;
	bool lost; /* notifications were: everything is to be looked at */
	uv_poll_t poll; /* on `events` */
	uv_timer_t evaluate; /* runs while anything is dirty */
	uv_timer_t retry; /* the next neighbour to be asked for again */
	uv_timer_t resync; /* everything, now and then */
	unsigned int open_handles;

	uint64_t dumps; /* of links */
	struct net_dev_list devs[NET_LINK_BUCKETS];

	struct net_via_list vias[NET_BUCKETS];
	struct net_via_queue vias_dirty;
	struct net_via_queue
		wait[NET_WAITS]; /* each with a pause of its own, so in order of `due` */

	/*
	 * Watches stand in the order of their last evaluation. Those of an older generation are at the
	 * head, so "look at all again" is one increment, and what was looked at goes to the tail.
	 */
	uint64_t generation;
	TAILQ_HEAD(, net_watch) watches;
	struct net_watch_list by_address[NET_BUCKETS];
};

/* --- links.c --- */

const struct net_link *net_links__find(const struct net *n, uint32_t ifindex);
/* Take over what a message says and tell the owner; true: something that a hop is made of changed. */
bool net_links__update(struct net *n, const struct net_link *l);
bool net_links__remove(struct net *n, uint32_t ifindex);
/* Lists all links anew; -EAGAIN: try again later. */
int net_links__sync(struct net *n);
void net_links__free(struct net *n);

/* --- via.c --- */

/* Puts the watch on the via (made and asked for if it is new), and off the one it was on. -ENOMEM. */
int net_via__join(struct net *n, struct net_watch *w, uint32_t ifindex, const struct addr *address);
void net_via__leave(struct net *n, struct net_watch *w);
/* The neighbour of that address may have changed. */
void net_via__touch(struct net *n, uint32_t ifindex, const struct addr *address);
/* As may all those of that link; 0: of any. */
void net_via__touch_all(struct net *n, uint32_t ifindex);
/* Asks for at most `budget` of those touched; marks the watches of those changed. What is left of it. */
int net_via__work(struct net *n, int budget);
void net_via__on_retry(uv_timer_t *timer);

/* --- watch.c --- */

uint32_t net_hash(const struct addr *a, uint32_t ifindex);
struct net_watch *net_watch__find(const struct net *n, const struct addr *address);
/* Makes a watch and evaluates it. NULL: out of memory. */
struct net_watch *net_watch__new(struct net *n, const struct addr *address);
void net_watch__free(struct net *n, struct net_watch *w);
/* To be evaluated soon: this one, or all. */
void net_watch__mark(struct net *n, struct net_watch *w);
void net_watch__mark_all(struct net *n);
/* Starts the timer that evaluates what is dirty, `ms` from now unless it runs already. */
void net_watch__kick(struct net *n, unsigned int ms);

/* --- events.c --- */

int net_events__open(struct net *n, struct err *err);
/* Starts to read them on the loop. */
void net_events__start(struct net *n);

#endif
