/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp_internal.h - what the loop's half (vrrp.c) and the real-time half (vrrp_thread.c) share. */
#ifndef FAIRLEAD_VIP_VRRP_INTERNAL_H
#define FAIRLEAD_VIP_VRRP_INTERNAL_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "vip/hands.h"
#include "vip/vrrp.h"

/* How often another owner is told of, and how long it is shown. */
#define VRRP_RIVAL_NS 60000000000ULL

#define VRRP_EVENTS 256 /* changes of state that wait for the loop */

/* A socket and the groups that use it. The loop makes and frees it; the thread reads it. */
struct vrrp_port {
	LIST_ENTRY(vrrp_port) entry;
	struct vrrp *vrrp;
	struct rt_source source; /* fd -1: not open */
	int far; /* as long as that is open: what it counts of messages from afar */
	char ifname[IF_NAMESIZE];
	int family;
	uint32_t ifindex;
	uint8_t mac[6];
	char fault[160]; /* why nothing can be sent or heard; the loop's */
	unsigned int holds; /* routers; the loop's */
};

struct vrrp_router {
	TAILQ_ENTRY(vrrp_router) entry;
	struct vrrp *vrrp;
	const struct config_vrrp *config; /* the loop's */
	struct vrrp_port *port;
	struct grip *grip;
	struct rt_timer timer;
	bool found; /* the loop's: the new configuration has it too */
	char fault[160]; /* what it misses; the loop's */
	char hold[160]; /* what preemption waits for; the loop's */
	char decides[FL_NAME_LEN]; /* as in struct vrrp_status; the loop's */

	bool virtual_mac; /* as it is announced now; the thread's, and so the next */
	bool holds_mac; /* frames to it are ours */
	uint64_t taught_ns; /* when neighbours and switches were told last */
	uint64_t heard_ns; /* when an advert was heeded last */
	uint64_t tie_ns; /* since when another active router is its equal; vrrp_sync.c */
	struct addr rival; /* another owner, */
	uint64_t rival_ns, rival_told_ns; /* and when it was heard, and told of, last */

	/* Copies, since the configuration is freed under the thread's hands. */
	char name[FL_NAME_LEN], sync[FL_NAME_LEN];
	uint8_t vrid;
	struct addr *addresses, *peers;
	size_t n_addresses, n_peers;

	struct vrrp_group group;
	bool bare; /* adverts that came last have a checksum of RFC 9568 */
	bool differs;
	uint64_t sent, heard, strangers;
	int send_error, announce_error;
};

struct vrrp {
	struct rt *rt;
	struct hands *hands;
	int announcer; /* the packet socket */
	struct vrrp_owner owner;
	char instance[CONFIG_INSTANCE_LEN];
	LIST_HEAD(, vrrp_port) ports;
	TAILQ_HEAD(, vrrp_router) routers;
	struct vrrp_ignored ignored;
	uint64_t far, full; /* the loop's: counted by sockets that are closed by now */

	/* The thread writes at `written`, the loop reads at `read`; what does not fit is not told. */
	struct rt_note note;
	struct vrrp_event events[VRRP_EVENTS];
	atomic_uint written, read;
};

/* --- on the loop (vrrp_ports.c) -------------------------------------------------------------------- */

/* The socket of an interface and family, counted; NULL: out of memory. It is opened by __look(). */
struct vrrp_port *vrrp_ports__get(struct vrrp *v, const char *ifname, int family);
void vrrp_ports__put(struct vrrp_port *p);

/* Opens it when its interface is there, again when that is another one; says in p->fault why not. */
void vrrp_ports__look(struct vrrp_port *p, const struct net *net);

/* What the state machine is told of a configuration (vrrp_needs.c). */
struct vrrp_settings vrrp_needs__settings(const struct config_vrrp *c);
/* Adds what sockets have counted. */
void vrrp_ports__count(struct vrrp *v, struct vrrp_ignored *out);

/* --- on the real-time thread ---------------------------------------------------------------------- */

void vrrp_thread__fire(void *router, uint64_t now_ns);
void vrrp_thread__readable(void *port, uint64_t now_ns);

/* Starts or stops it, as `ready` says, and follows its priority and settings. */
void vrrp_thread__settle(struct vrrp_router *r, bool ready, enum vrrp_why why, uint8_t priority,
			 const struct vrrp_settings *set, const struct addr *local);

/* Whether frames to its virtual MAC address are ours, from now on; also before it is on the thread. */
void vrrp_thread__claim(struct vrrp_router *r, bool ours);

/* Whether its addresses have the virtual MAC address from now on; told at once if it is active. */
void vrrp_thread__set_mac(struct vrrp_router *r, bool virtual_mac);

/* What an event wants done (VRRP_DO_*), of a group that was in that state before. */
void vrrp_thread__act(struct vrrp_router *r, unsigned int what, enum vrrp_state from);

/* Tells whether tables are old, now that the agent was silent. 0. */
int vrrp_thread__doubt(void *vrrp);

/* All active ones; returns how many have begun to. */
int vrrp_thread__hand_over(void *vrrp);

/* How many may preempt again. */
int vrrp_thread__take_back(void *vrrp);

/* --- on the real-time thread: sync groups (vrrp_sync.c) --------------------------------------------- */

/* Whether a group of its sync group is active. */
bool vrrp_sync__is_active(const struct vrrp_router *r);

/* A group of its sync group that would not take over now; NULL: none. */
const struct vrrp_router *vrrp_sync__objector(const struct vrrp_router *r);

/* An event was r's, which was in that state before: the others go along, or all take over. */
void vrrp_sync__step(struct vrrp_router *r, enum vrrp_state from, uint64_t now_ns);

/* Which groups make a sync group has changed: those that are now in one come to one state. */
void vrrp_sync__mend(struct vrrp *v, uint64_t now_ns);

/*
 * Whether, of two active routers with equal priorities, another group of r's sync group says which goes on:
 * their addresses may be the other way round there. Not if that group hears nobody.
 */
bool vrrp_sync__tie_elsewhere(struct vrrp_router *r, uint64_t now_ns);

#endif
