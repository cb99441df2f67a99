/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp_sync.c - sync groups on the real-time thread: which of them is active when.
 *
 * One takes over when all of its groups could, each by its own timer: one that hears a better router, or
 * leaves a lower one alone, keeps the others from it. It gives way when one of its groups does. So groups whose
 * adverts say different things end as backups, and do not drag each other to and fro; keepalived does it the
 * same way. What needs no vote: a group that owns its addresses, BFD's word that the active router is dead,
 * and one that joins others that are active.
 */
#include <string.h>

#include "vip/vrrp_internal.h"

static bool in_one(const struct vrrp_router *a, const struct vrrp_router *b)
{
	return a != b && a->sync[0] && strcmp(a->sync, b->sync) == 0;
}

static void take_over(struct vrrp_router *r, uint64_t now_ns)
{
	enum vrrp_state from = r->group.state;

	vrrp_thread__act(r, vrrp_group__take_over(&r->group, now_ns), from);
}

static void follow(struct vrrp_router *r, enum vrrp_state leader, uint64_t now_ns)
{
	enum vrrp_state from = r->group.state;

	vrrp_thread__act(r, vrrp_group__follow(&r->group, now_ns, leader), from);
}

bool vrrp_sync__is_active(const struct vrrp_router *r)
{
	const struct vrrp_router *other;

	TAILQ_FOREACH (other, &r->vrrp->routers, entry)
		if (in_one(r, other) && other->group.state == VRRP_ACTIVE)
			return true;
	return false;
}

const struct vrrp_router *vrrp_sync__objector(const struct vrrp_router *r)
{
	const struct vrrp_router *other;

	TAILQ_FOREACH (other, &r->vrrp->routers, entry)
		if (in_one(r, other) && other->group.state == VRRP_BACKUP && !other->group.ready)
			return other;
	return NULL;
}

void vrrp_sync__step(struct vrrp_router *r, enum vrrp_state from, uint64_t now_ns)
{
	bool changed = r->group.state != from, all = r->group.ready && !vrrp_sync__objector(r);
	struct vrrp_router *other;

	if (r->group.state == VRRP_INITIALIZE || (!changed && !all))
		return;
	if (all)
		take_over(r, now_ns);
	TAILQ_FOREACH (other, &r->vrrp->routers, entry) {
		if (!in_one(r, other))
			continue;
		/* Each for the reason that it has itself, if it has one. */
		if (all)
			take_over(other, now_ns);
		else
			follow(other, r->group.state, now_ns);
	}
}

/* Where a sync group goes whose groups were not in one before: with active ones unless one hears another router. */
static enum vrrp_state common_state(const struct vrrp_router *r)
{
	const struct vrrp_router *other;

	TAILQ_FOREACH (other, &r->vrrp->routers, entry)
		if (in_one(r, other) && other->group.state == VRRP_BACKUP &&
		    vrrp__is_known(&other->group.active))
			return VRRP_BACKUP;
	return VRRP_ACTIVE;
}

void vrrp_sync__mend(struct vrrp *v, uint64_t now_ns)
{
	struct vrrp_router *r, *other;

	TAILQ_FOREACH (r, &v->routers, entry) {
		enum vrrp_state to = common_state(r);

		if (r->group.state != VRRP_ACTIVE || !r->sync[0])
			continue;
		follow(r, to, now_ns);
		TAILQ_FOREACH (other, &v->routers, entry)
			if (in_one(r, other))
				follow(other, to, now_ns);
	}
}

/* The group with the lowest address, which is the same one on all machines. */
static const struct vrrp_router *arbiter_of(const struct vrrp_router *r)
{
	const struct vrrp_router *best = r, *other;

	TAILQ_FOREACH (other, &r->vrrp->routers, entry)
		if (in_one(r, other) && other->group.state != VRRP_INITIALIZE &&
		    memcmp(&other->addresses[0], &best->addresses[0], sizeof(struct addr)) < 0)
			best = other;
	return best;
}

bool vrrp_sync__tie_elsewhere(struct vrrp_router *r, uint64_t now_ns)
{
	const struct vrrp_router *arbiter = arbiter_of(r);
	uint64_t interval_ns = r->group.set.interval_cs * UINT64_C(10000000);

	if (arbiter == r)
		return false;
	/* Adverts that were sent together come one after the other. */
	if (now_ns - r->tie_ns > 4 * interval_ns)
		r->tie_ns = now_ns;
	if (now_ns - r->tie_ns < interval_ns)
		return true;
	return now_ns - arbiter->heard_ns <
	       vrrp__down_ns(arbiter->group.priority, arbiter->group.set.interval_cs);
}
