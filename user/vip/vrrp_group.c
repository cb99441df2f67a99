/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/vrrp_group.h"

#include <string.h>

#define MS 1000000ULL
#define CS (10 * MS)

/* When addresses are announced, after they were taken; a lost or overtaken one is not the last. */
static const uint16_t announce_ms[] = {0, 10, 50, 200, 1000};
#define ANNOUNCEMENTS (sizeof(announce_ms) / sizeof(*announce_ms))

/* They begin anew for a router that would still be active, but no faster than this. */
#define ANNOUNCE_AGAIN (100 * MS)

const char *vrrp_state__name(enum vrrp_state s)
{
	static const char *const names[] = {
		[VRRP_INITIALIZE] = "initialize",
		[VRRP_BACKUP] = "backup",
		[VRRP_ACTIVE] = "active",
	};

	return names[s];
}

const char *vrrp_why__text(enum vrrp_why w)
{
	static const char *const texts[] = {
		[VRRP_WHY_STARTED] = "just started",
		[VRRP_WHY_OWNER] = "owns the addresses (priority 255)",
		[VRRP_WHY_SILENCE] = "no advert came from the active router",
		[VRRP_WHY_DEAD] = "the active router is dead (BFD)",
		[VRRP_WHY_GIVEN_UP] = "the active router gave up (priority 0)",
		[VRRP_WHY_PREEMPTED] = "the active router's priority is lower",
		[VRRP_WHY_BETTER] =
			"another router's priority, or its address at the same one, is higher",
		[VRRP_WHY_STOOD_STILL] = "this machine stood still for longer than its peers wait",
		[VRRP_WHY_NOT_READY] = "something that it needs is missing",
		[VRRP_WHY_HUNG] = "the agent's loop has not turned for as long as its lease is",
		[VRRP_WHY_STOPPED] = "stopped",
		[VRRP_WHY_HANDED_OVER] = "handed over on request",
		[VRRP_WHY_SYNC] = "another group of its sync group did",
		[VRRP_WHY_OTHER_OWNER] =
			"another router owns the addresses as well, and its own is higher",
	};

	return texts[w];
}

bool vrrp__is_known(const struct addr *router)
{
	static const struct addr nobody;

	return !addr__equal(router, &nobody);
}

uint64_t vrrp__skew_ns(uint8_t priority, uint16_t interval_cs)
{
	return (256ULL - priority) * interval_cs * CS / 256;
}

uint64_t vrrp__down_ns(uint8_t priority, uint16_t interval_cs)
{
	return 3ULL * interval_cs * CS + vrrp__skew_ns(priority, interval_cs);
}

static void enter(struct vrrp_group *g, uint64_t now_ns, enum vrrp_state state, enum vrrp_why why)
{
	if (g->state != VRRP_INITIALIZE && state != VRRP_INITIALIZE)
		g->transitions++;
	g->state = state;
	g->why = why;
	g->since_ns = now_ns;
	g->timer_ns = 0;
	g->announcements = 0;
	g->preempt_ns = 0;
	g->handing_ns = 0;
	g->lower = g->given_up = g->waited = g->ready = false;
}

/* Active_Down_Timer, for an active router that says to send that often. */
static void await(struct vrrp_group *g, uint64_t now_ns, uint16_t interval_cs)
{
	g->active_interval_cs = interval_cs;
	g->timer_ns = now_ns + vrrp__down_ns(g->priority, interval_cs);
	g->lower = g->given_up = g->waited = g->ready = false;
}

static unsigned int announce(struct vrrp_group *g, uint64_t now_ns)
{
	g->announced_ns = now_ns;
	g->announcements = ANNOUNCEMENTS - 1;
	return VRRP_DO_ANNOUNCE;
}

static unsigned int send_now(struct vrrp_group *g, uint64_t now_ns)
{
	g->timer_ns = now_ns + g->set.interval_cs * CS;
	return VRRP_DO_SEND;
}

static unsigned int become_active(struct vrrp_group *g, uint64_t now_ns, enum vrrp_why why)
{
	enter(g, now_ns, VRRP_ACTIVE, why);
	g->handed_over = false;
	g->active = g->local;
	g->active_priority = g->priority;
	return send_now(g, now_ns) | announce(g, now_ns) | VRRP_DO_TAKE;
}

static unsigned int become_backup(struct vrrp_group *g, uint64_t now_ns, enum vrrp_why why)
{
	unsigned int what = g->state == VRRP_ACTIVE ? VRRP_DO_GIVE : 0;

	g->handed_over |= g->handing_ns != 0;
	enter(g, now_ns, VRRP_BACKUP, why);
	memset(&g->active, 0, sizeof(g->active));
	g->active_priority = 0;
	await(g, now_ns, g->set.interval_cs);
	return what;
}

void vrrp_group__init(struct vrrp_group *g, const struct vrrp_settings *set, uint8_t priority,
		      const struct addr *local, uint64_t now_ns)
{
	*g = (struct vrrp_group){
		.set = *set,
		.priority = priority,
		.local = *local,
		.why = VRRP_WHY_STARTED,
		.since_ns = now_ns,
	};
}

unsigned int vrrp_group__start(struct vrrp_group *g, uint64_t now_ns)
{
	if (g->state != VRRP_INITIALIZE)
		return 0;
	if (g->priority == VRRP_PRIORITY_OWNER)
		return become_active(g, now_ns, VRRP_WHY_OWNER);
	return become_backup(g, now_ns, VRRP_WHY_STARTED);
}

unsigned int vrrp_group__stop(struct vrrp_group *g, uint64_t now_ns, enum vrrp_why why)
{
	unsigned int what = g->state == VRRP_ACTIVE ? VRRP_DO_STOP | VRRP_DO_GIVE : 0;

	if (g->state == VRRP_INITIALIZE && g->why == why)
		return 0;
	enter(g, now_ns, VRRP_INITIALIZE, why);
	memset(&g->active, 0, sizeof(g->active));
	g->active_priority = 0;
	return what;
}

/* The peers' patience is over, so that one of them has taken over. */
static bool stood_still(const struct vrrp_group *g, uint64_t now_ns)
{
	return g->state == VRRP_ACTIVE &&
	       now_ns >= g->timer_ns + vrrp__down_ns(g->priority, g->set.interval_cs);
}

/* Heeds what the active router says of itself. */
static void heed(struct vrrp_group *g, uint64_t now_ns, const struct vrrp_advert *a,
		 const struct addr *from)
{
	g->active = *from;
	g->active_priority = a->priority;
	await(g, now_ns, a->interval_cs);
}

/* Whether a lower-priority active router is (still) left alone. */
static bool leaves_alone(struct vrrp_group *g, uint64_t now_ns)
{
	if (g->priority == VRRP_PRIORITY_OWNER)
		return false;
	if (!g->set.preempt || g->set.hold || g->handed_over)
		return true;
	if (!g->preempt_ns)
		g->preempt_ns = now_ns + g->set.preempt_delay_ms * MS;
	return now_ns < g->preempt_ns;
}

/* RFC 9568 6.4.2 (420)-(440) */
static unsigned int backup_advert(struct vrrp_group *g, uint64_t now_ns,
				  const struct vrrp_advert *a, const struct addr *from)
{
	if (a->priority == VRRP_PRIORITY_STOP) {
		g->timer_ns = now_ns + vrrp__skew_ns(g->priority, g->active_interval_cs);
		g->given_up = true;
	} else if (a->priority >= g->priority) {
		g->preempt_ns = 0;
		heed(g, now_ns, a, from);
	} else if (leaves_alone(g, now_ns)) {
		heed(g, now_ns, a, from);
	} else {
		g->active = *from;
		g->active_priority = a->priority;
		g->lower = true;
	}
	return 0;
}

static bool better(const struct vrrp_group *g, const struct vrrp_advert *a, const struct addr *from)
{
	return a->priority > g->priority || (a->priority == g->priority && !g->tie_elsewhere &&
					     memcmp(from, &g->local, sizeof(*from)) > 0);
}

/* RFC 9568 6.4.3 (640)-(685) */
static unsigned int active_advert(struct vrrp_group *g, uint64_t now_ns,
				  const struct vrrp_advert *a, const struct addr *from)
{
	unsigned int what;

	if (a->priority == VRRP_PRIORITY_STOP)
		return g->handing_ns ? 0 : send_now(g, now_ns);
	if (g->handing_ns || better(g, a, from)) {
		what = become_backup(g, now_ns,
				     g->handing_ns			  ? VRRP_WHY_HANDED_OVER
				     : g->priority == VRRP_PRIORITY_OWNER ? VRRP_WHY_OTHER_OWNER
									  : VRRP_WHY_BETTER);
		heed(g, now_ns, a, from);
		return what;
	}
	/*
	 * It thought itself active, and what it announced last stands in its neighbours' tables. The
	 * Adver_Timer is not reset.
	 */
	if (now_ns - g->announced_ns >= ANNOUNCE_AGAIN)
		return VRRP_DO_SEND | announce(g, now_ns);
	return VRRP_DO_SEND;
}

unsigned int vrrp_group__advert(struct vrrp_group *g, uint64_t now_ns, const struct vrrp_advert *a,
				const struct addr *from)
{
	unsigned int what = 0;

	if (stood_still(g, now_ns))
		what = become_backup(g, now_ns, VRRP_WHY_STOOD_STILL);
	if (g->state == VRRP_BACKUP)
		return what | backup_advert(g, now_ns, a, from);
	if (g->state == VRRP_ACTIVE)
		return active_advert(g, now_ns, a, from);
	return what;
}

unsigned int vrrp_group__take_over(struct vrrp_group *g, uint64_t now_ns)
{
	if (!g->ready)
		return 0;
	return become_active(g, now_ns,
			     g->given_up ? VRRP_WHY_GIVEN_UP
			     : g->lower	 ? VRRP_WHY_PREEMPTED
					 : VRRP_WHY_SILENCE);
}

static unsigned int down_timer(struct vrrp_group *g, uint64_t now_ns)
{
	uint64_t interval = g->active_interval_cs * CS, late = now_ns - g->timer_ns;

	g->timer_ns = now_ns + interval;
	if (!g->ready && late > interval && !g->waited) {
		g->waited = true;
		return 0;
	}
	g->ready = true;
	return g->set.sync ? 0 : vrrp_group__take_over(g, now_ns);
}

unsigned int vrrp_group__timer(struct vrrp_group *g, uint64_t now_ns)
{
	unsigned int what = 0;

	if (stood_still(g, now_ns))
		return become_backup(g, now_ns, VRRP_WHY_STOOD_STILL);
	if (g->state == VRRP_BACKUP && now_ns >= g->timer_ns)
		return down_timer(g, now_ns);
	if (g->state == VRRP_ACTIVE && now_ns >= g->timer_ns) {
		g->handing_ns = 0;
		/* Late, it does not send twice; early enough, the rate is kept. */
		g->timer_ns += g->set.interval_cs * CS;
		if (g->timer_ns <= now_ns)
			g->timer_ns = now_ns + g->set.interval_cs * CS;
		what = VRRP_DO_SEND;
	}
	if (g->announcements && now_ns >= vrrp_group__due(g)) {
		uint64_t since = now_ns - g->announced_ns;

		while (g->announcements &&
		       since >= announce_ms[ANNOUNCEMENTS - g->announcements] * MS) {
			g->announcements--;
			what |= VRRP_DO_ANNOUNCE;
		}
	}
	return what;
}

unsigned int vrrp_group__lost(struct vrrp_group *g, uint64_t now_ns, const struct addr *who)
{
	if (g->state != VRRP_BACKUP || !addr__equal(&g->active, who))
		return 0;
	return become_active(g, now_ns, VRRP_WHY_DEAD);
}

uint64_t vrrp_group__due(const struct vrrp_group *g)
{
	uint64_t announce_at;

	if (!g->announcements)
		return g->timer_ns;
	announce_at = g->announced_ns + announce_ms[ANNOUNCEMENTS - g->announcements] * MS;
	return announce_at < g->timer_ns ? announce_at : g->timer_ns;
}

unsigned int vrrp_group__set_priority(struct vrrp_group *g, uint64_t now_ns, uint8_t priority)
{
	if (g->priority == priority)
		return 0;
	g->priority = priority;
	if (g->state != VRRP_ACTIVE || stood_still(g, now_ns))
		return 0;
	g->active_priority = priority;
	return g->handing_ns ? 0 : send_now(g, now_ns);
}

unsigned int vrrp_group__hand_over(struct vrrp_group *g, uint64_t now_ns)
{
	if (g->state != VRRP_ACTIVE || g->priority == VRRP_PRIORITY_OWNER || g->handing_ns ||
	    stood_still(g, now_ns))
		return 0;
	/* A backup takes over after its skew, one interval at most. */
	g->handing_ns = now_ns + 2ULL * g->set.interval_cs * CS + VRRP_HAND_MS * MS;
	g->timer_ns = g->handing_ns;
	return VRRP_DO_STOP;
}

void vrrp_group__take_back(struct vrrp_group *g)
{
	g->handed_over = false;
}

unsigned int vrrp_group__set(struct vrrp_group *g, uint64_t now_ns, const struct vrrp_settings *set)
{
	bool tell = g->state == VRRP_ACTIVE && g->set.interval_cs != set->interval_cs;
	bool still = stood_still(g, now_ns); /* by the interval that it had */

	g->set = *set;
	if (still)
		return become_backup(g, now_ns, VRRP_WHY_STOOD_STILL);
	return tell && !g->handing_ns ? send_now(g, now_ns) : 0;
}

unsigned int vrrp_group__announce(struct vrrp_group *g, uint64_t now_ns)
{
	return g->state == VRRP_ACTIVE && !stood_still(g, now_ns) ? announce(g, now_ns) : 0;
}

unsigned int vrrp_group__join(struct vrrp_group *g, uint64_t now_ns)
{
	return g->state == VRRP_INITIALIZE ? become_active(g, now_ns, VRRP_WHY_SYNC) : 0;
}

unsigned int vrrp_group__follow(struct vrrp_group *g, uint64_t now_ns, enum vrrp_state leader)
{
	if (leader == VRRP_ACTIVE && g->state == VRRP_BACKUP)
		return become_active(g, now_ns, VRRP_WHY_SYNC);
	if (leader == VRRP_BACKUP && g->state == VRRP_ACTIVE)
		/* Its peers need not find out by silence. */
		return VRRP_DO_STOP | become_backup(g, now_ns, VRRP_WHY_SYNC);
	return 0;
}
