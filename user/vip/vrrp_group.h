/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp_group.h - one virtual router (RFC 9568 6): a pure function of state, event and time.
 *
 *                  start, priority 255
 *      +------------+ ----------------------------------------> +--------+
 *      | INITIALIZE | <---------------------------------------- | ACTIVE |
 *      +------------+            stop: advert of priority 0     +--------+
 *        |        ^                                               |   ^
 *        | start  | stop           a better router's advert,      |   |
 *        v        |                or this machine stood still    |   |
 *      +------------+ <-------------------------------------------+   |
 *      |   BACKUP   | -------------------------------------------------+
 *      +------------+          no advert for Active_Down_Interval
 *
 * An event is a call; it returns what is to be done, VRRP_DO_* together. The caller sends, takes and
 * gives addresses, and calls vrrp_group__timer() at vrrp_group__due(). Times are CLOCK_MONOTONIC, ns.
 *
 * Six things are not in the RFC:
 *
 * - An active router that finds itself late by its own Active_Down_Interval has stood still (SIGSTOP, a
 *   paused virtual machine); its peers have taken over meanwhile. It gives way first, whatever its
 *   priority, and competes again as a backup: it must not steer by what it knew before.
 * - A backup whose own timer comes late by more than an advert interval has perhaps not heard because it
 *   stood still; it listens for one interval more before it takes over.
 * - Preemption can be delayed, and held up until what it waits for is there.
 * - An active router can hand over: it says priority 0 and stays what it is until another router's
 *   advert comes. From then on it does not preempt, until it is active again or told so.
 * - BFD may say that the active router is dead.
 * - A group of a sync group that could take over is ready instead, until the caller says that all are
 *   (vrrp_sync.c).
 */
#ifndef FAIRLEAD_VIP_VRRP_GROUP_H
#define FAIRLEAD_VIP_VRRP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "vip/vrrp_wire.h"

enum vrrp_state { VRRP_INITIALIZE, VRRP_BACKUP, VRRP_ACTIVE };

/* Why a group is in the state that it is in. */
enum vrrp_why {
	VRRP_WHY_STARTED,
	VRRP_WHY_OWNER, /* priority 255 */
	VRRP_WHY_SILENCE, /* no advert came */
	VRRP_WHY_DEAD, /* BFD has it that the active router is dead */
	VRRP_WHY_GIVEN_UP, /* the active router sent priority 0 */
	VRRP_WHY_PREEMPTED, /* its priority is lower than this one's */
	VRRP_WHY_BETTER, /* a router with a higher priority, or of the same with a higher address */
	VRRP_WHY_STOOD_STILL,
	VRRP_WHY_NOT_READY, /* something that it needs is missing */
	VRRP_WHY_HUNG, /* the agent's loop does not turn */
	VRRP_WHY_STOPPED,
	VRRP_WHY_HANDED_OVER, /* on request */
	VRRP_WHY_SYNC, /* another group of its sync group did it */
	VRRP_WHY_OTHER_OWNER, /* has priority 255 too, and a higher address */
	VRRP_WHYS
};

/* What is to be done, in this order. */
#define VRRP_DO_STOP 0x01U /* send an advert of priority 0 */
#define VRRP_DO_GIVE 0x02U /* remove the addresses */
#define VRRP_DO_SEND 0x04U /* send an advert */
#define VRRP_DO_ANNOUNCE 0x08U /* gratuitous ARP or unsolicited neighbour advertisements */
#define VRRP_DO_TAKE 0x10U /* add the addresses */

struct vrrp_settings {
	uint16_t interval_cs; /* Advertisement_Interval, 1..VRRP_MAX_INTERVAL_CS */
	bool preempt; /* Preempt_Mode */
	bool hold; /* for now a lower-priority active router is left alone all the same */
	bool sync; /* does not take over before it is told to */
	uint32_t
		preempt_delay_ms; /* how long a lower-priority active router is left alone at first */
};

struct vrrp_group {
	struct vrrp_settings set;
	uint8_t priority; /* 1..255, as tracked things have it now */
	struct addr local; /* the address that adverts come from; breaks ties */

	enum vrrp_state state;
	enum vrrp_why why;
	uint64_t since_ns; /* of the state */
	uint32_t transitions; /* between BACKUP and ACTIVE */
	uint16_t active_interval_cs; /* Active_Adver_Interval: the active router's, as it says */
	struct addr active; /* who it is: of the last advert heeded, or `local` */
	uint8_t active_priority;

	uint64_t timer_ns; /* Adver_Timer or Active_Down_Timer; 0: INITIALIZE */
	uint64_t announced_ns; /* when announcing began */
	unsigned int announcements; /* how many are still to come */
	uint64_t
		preempt_ns; /* until when a lower-priority active router is left alone; 0: none is */
	bool lower; /* one was heard since the timer was set */
	bool given_up; /* the active router sent priority 0 */
	uint64_t
		handing_ns; /* ACTIVE: another one was asked to take over, until then; 0: none was */
	bool handed_over; /* and has: no preemption */
	bool waited; /* the timer was late, and has been given one interval more */
	bool ready; /* BACKUP, `sync`: the timer has run out, and no better router was heard since */
	bool tie_elsewhere; /* of equal ones, another group of its sync group says which goes on */
};

const char *vrrp_state__name(enum vrrp_state s); /* "initialize", "backup", "active" */
const char *vrrp_why__text(enum vrrp_why w); /* "no advert came", for log and status */

/* Whether the address of a router is one: all zero, no router is known. */
bool vrrp__is_known(const struct addr *router);

/* Skew_Time and Active_Down_Interval for an active router's interval, ns (RFC 9568 6.1). */
uint64_t vrrp__skew_ns(uint8_t priority, uint16_t interval_cs);
uint64_t vrrp__down_ns(uint8_t priority, uint16_t interval_cs);

/* In INITIALIZE. The settings, priority and local address may be changed there as one likes. */
void vrrp_group__init(struct vrrp_group *g, const struct vrrp_settings *set, uint8_t priority,
		      const struct addr *local, uint64_t now_ns);

/* RFC 9568 6.4.1 Startup; nothing in another state. */
unsigned int vrrp_group__start(struct vrrp_group *g, uint64_t now_ns);

/* Shutdown: to INITIALIZE, for that reason. */
unsigned int vrrp_group__stop(struct vrrp_group *g, uint64_t now_ns, enum vrrp_why why);

/* An advertisement for this group, from another router. */
unsigned int vrrp_group__advert(struct vrrp_group *g, uint64_t now_ns, const struct vrrp_advert *a,
				const struct addr *from);

/*
 * BFD's session with `who` has expired: if that is the active router, a backup need not wait for the
 * adverts. Two that do so at once are told apart by their first adverts.
 */
unsigned int vrrp_group__lost(struct vrrp_group *g, uint64_t now_ns, const struct addr *who);

/* Time has passed; nothing if nothing is due. */
unsigned int vrrp_group__timer(struct vrrp_group *g, uint64_t now_ns);

/* When the next thing is due; 0: nothing is. */
uint64_t vrrp_group__due(const struct vrrp_group *g);

/* A new priority, 1..255. An active router says so at once. */
unsigned int vrrp_group__set_priority(struct vrrp_group *g, uint64_t now_ns, uint8_t priority);

/*
 * Asks the others to take over, and goes on until one of them does, or for two intervals and
 * VRRP_HAND_MS. Nothing unless it is active, or when it owns the addresses.
 */
#define VRRP_HAND_MS 100
unsigned int vrrp_group__hand_over(struct vrrp_group *g, uint64_t now_ns);

/* It may preempt again. */
void vrrp_group__take_back(struct vrrp_group *g);

/* New settings. An active router says so at once if its interval changes. */
unsigned int vrrp_group__set(struct vrrp_group *g, uint64_t now_ns,
			     const struct vrrp_settings *set);

/* Its addresses have another MAC address now: an active router announces them anew. */
unsigned int vrrp_group__announce(struct vrrp_group *g, uint64_t now_ns);

/* Startup of a group whose sync group is active: it is active at once. Nothing in another state. */
unsigned int vrrp_group__join(struct vrrp_group *g, uint64_t now_ns);

/* All of its sync group are ready: it takes over. Nothing unless it is ready itself. */
unsigned int vrrp_group__take_over(struct vrrp_group *g, uint64_t now_ns);

/*
 * Another group of the same sync group has come to `leader` (BACKUP or ACTIVE): this one goes along,
 * unless it is in INITIALIZE.
 */
unsigned int vrrp_group__follow(struct vrrp_group *g, uint64_t now_ns, enum vrrp_state leader);

#endif
