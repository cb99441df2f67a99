/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp.h - the VRRP groups of an instance: sockets, addresses, announcements around the state machine.
 *
 * Called on the loop's thread. What must be in time runs on the real-time thread (vrrp_thread.c), to
 * which it goes by rt__call(); addresses are a third one's business (hands.h).
 */
#ifndef FAIRLEAD_VIP_VRRP_H
#define FAIRLEAD_VIP_VRRP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/err.h"
#include "net/net.h"
#include "net/vmac.h"
#include "vip/rt.h"
#include "vip/vrrp_group.h"

struct vrrp;

/* A group has changed its state; or, with from == to, another router owns the addresses as well. */
struct vrrp_event {
	char name[FL_NAME_LEN];
	enum vrrp_state from, to;
	enum vrrp_why why;
	struct addr active; /* who is active now; all zero: not known (yet) */
	struct addr rival; /* that router; all zero: none */
	uint8_t priority; /* this router's */
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};
typedef void vrrp_event_cb(void *ctx, const struct vrrp_event *e);

/* A group as it is now. */
struct vrrp_status {
	const struct config_vrrp *config;
	struct vrrp_group group;
	char fault[160]; /* what keeps it in INITIALIZE; "": nothing */
	char hold[160]; /* what preemption waits for; "": nothing */
	char decides[FL_NAME_LEN]; /* whose priority it has, of its sync group; "": its own */
	struct addr rival; /* another router that owns the addresses; all zero: none of late */
	uint64_t sent, heard; /* adverts; those of the group's VRID that were accepted */
	int send_error; /* of the last advert, 0 or -errno */
	int announce_error; /* of the last announcement, likewise */
	int address_error; /* of the last change of addresses, likewise */
	struct net_vmac device; /* of the virtual MAC address; name "": the group has none */
	int device_error; /* net_vmac__keep()'s */
	uint64_t strangers; /* adverts from others than its peers */
	bool differs; /* the last advert listed other addresses than the configuration */
};

/* Messages that were not heeded, of all interfaces. */
struct vrrp_ignored {
	uint64_t refused[VRRP_REFUSALS];
	uint64_t unknown; /* of a VRID that is not configured there */
	uint64_t own; /* with a source address of this machine's */
	uint64_t full; /* there was no room in the socket's queue */
};

/* What the groups' owner is asked and told. */
struct vrrp_owner {
	const char *instance; /* copied */
	/*
	 * Asked on the real-time thread before a timer is heeded: while it says no (the loop hangs), no
	 * group is active.
	 */
	bool (*fit)(void *ctx);
	/*
	 * Whether tables are old: no group is active, and the agent was silent. Called on the real-time
	 * thread, before anything is announced; often with what was said before.
	 */
	void (*doubt)(void *ctx, bool stale);
	/*
	 * Whether frames to that virtual MAC address are for this machine: before it is announced, and until
	 * another router is known to be active. Any thread; as often true as false, in the end, but for
	 * those that are held when all ends.
	 */
	void (*claim)(void *ctx, const uint8_t mac[6], bool ours);
	vrrp_event_cb *event; /* on the loop */
	void *ctx;
};

int vrrp__new(struct rt *rt, const struct vrrp_owner *owner, struct vrrp **out, struct err *err);

/*
 * A change to these groups, to be committed or discarded before anything else is done to v; once
 * committed, the list must live until the next commit's end. A group whose settings alone have changed
 * goes on as it is; one whose identity has (name, interface, VRID, addresses, peers, source) gives its
 * addresses up and starts anew. Nothing that is seen from outside is done before the commit. 0 or -ENOMEM.
 */
struct vrrp_plan;
int vrrp__prepare(struct vrrp *v, const struct config_vrrp *groups, size_t n,
		  struct vrrp_plan **out, struct err *err);
void vrrp__commit(struct vrrp_plan *p);
void vrrp__discard(struct vrrp_plan *p);

/* What a group's owner knows of it. The texts are copied. */
struct vrrp_outlook {
	uint8_t priority; /* now, 1..255 */
	const char *fault; /* why it can't take part; NULL: it can */
	const char *cold; /* why it does not start to take part yet; NULL: it may */
	const char *
		hold; /* what it waits for before it takes over from an active router; NULL: nothing */
};
typedef struct vrrp_outlook vrrp_look_cb(void *ctx, const struct config_vrrp *c);

/*
 * Looks at interfaces and addresses again, and starts and stops groups accordingly. Once a second, and
 * when a link changes.
 */
void vrrp__refresh(struct vrrp *v, const struct net *net, vrrp_look_cb *look, void *ctx);

/* Calls each() for every group, in the order of the configuration. */
void vrrp__status(struct vrrp *v, void (*each)(void *ctx, const struct vrrp_status *s), void *ctx);
void vrrp__ignored(struct vrrp *v, struct vrrp_ignored *out);

/* The loop was silent for as long as `fit` allows, and has refreshed: `doubt` is told what that means now. */
void vrrp__doubt(struct vrrp *v);

/* Hands all active groups over; returns how many have begun to. */
size_t vrrp__hand_over(struct vrrp *v);

/* Those that were handed over may preempt again; returns how many there are. */
size_t vrrp__take_back(struct vrrp *v);

/*
 * The neighbour with that address on that interface ("": any) is dead: groups that it is active of are
 * taken over at once. On the real-time thread.
 */
void vrrp__neighbor_lost(struct vrrp *v, const struct addr *who, const char *interface);

/* Peers are told (priority 0), addresses are gone when it returns, all is freed. */
void vrrp__free(struct vrrp *v);

#endif
