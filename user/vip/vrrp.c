/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp.c - the loop's half: groups made of a configuration, and what is seen of them. */
#include "vip/vrrp.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vip/announce.h"
#include "vip/vrrp_internal.h"

/* --- groups --------------------------------------------------------------------------------------- */

static void *copy(const void *from, size_t n, size_t size)
{
	void *to = calloc(n + 1, size);

	if (to && n)
		memcpy(to, from, n * size);
	return to;
}

static void free_router(struct vrrp_router *r)
{
	if (!r)
		return;
	if (r->grip)
		grip__release(r->grip);
	if (r->holds_mac)
		vrrp_thread__claim(r, false);
	if (r->port)
		vrrp_ports__put(r->port);
	free(r->addresses);
	free(r->peers);
	free(r);
}

static struct vrrp_router *new_router(struct vrrp *v, const struct config_vrrp *c)
{
	const struct grip_place place = {if_nametoindex(c->interface), c->vrid, c->virtual_mac};
	struct vrrp_router *r = calloc(1, sizeof(*r));
	struct vrrp_settings set = vrrp_needs__settings(c);

	if (!r)
		return NULL;
	r->vrrp = v;
	r->config = c;
	r->vrid = c->vrid;
	r->timer = (struct rt_timer){.fire = vrrp_thread__fire, .ctx = r};
	memcpy(r->name, c->name, sizeof(r->name));
	r->n_addresses = c->n_addresses;
	r->n_peers = c->n_peers;
	r->addresses = copy(c->addresses, c->n_addresses, sizeof(*c->addresses));
	r->peers = copy(c->peers, c->n_peers, sizeof(*c->peers));
	r->port = vrrp_ports__get(v, c->interface, addr__family(&c->addresses[0]));
	if (!r->addresses || !r->peers || !r->port ||
	    grip__new(v->hands, &place, c->addresses, c->n_addresses, &r->grip)) {
		free_router(r);
		return NULL;
	}
	r->virtual_mac = c->virtual_mac;
	vrrp_group__init(&r->group, &set, c->priority, &c->source, rt__now_ns());
	return r;
}

/* From now on it is looked after. */
static void start_router(struct vrrp_router *r)
{
	struct net_vmac device = net_vmac__of(r->vrrp->instance, r->vrid, r->port->family,
					      if_nametoindex(r->port->ifname));

	grip__start(r->grip);
	/* What a killed agent, or another group of this one, has left goes on until another router is heard. */
	if (r->virtual_mac && device.name[0] && if_nametoindex(device.name))
		vrrp_thread__claim(r, true);
}

static bool same_addresses(const struct addr *a, size_t n, const struct addr *b, size_t m)
{
	return n == m && (!n || memcmp(a, b, n * sizeof(*a)) == 0);
}

/* Whether the running group is what the configuration says, but for settings. */
static bool same(const struct vrrp_router *r, const struct config_vrrp *c)
{
	return strcmp(r->name, c->name) == 0 && strcmp(r->port->ifname, c->interface) == 0 &&
	       r->vrid == c->vrid && r->config->has_source == c->has_source &&
	       addr__equal(&r->config->source, &c->source) &&
	       same_addresses(r->addresses, r->n_addresses, c->addresses, c->n_addresses) &&
	       same_addresses(r->peers, r->n_peers, c->peers, c->n_peers);
}

struct vrrp_plan {
	struct vrrp *v;
	struct vrrp_router **next; /* the groups from then on, in order */
	const struct config_vrrp *configs;
	size_t n;
};

int vrrp__prepare(struct vrrp *v, const struct config_vrrp *groups, size_t n,
		  struct vrrp_plan **out, struct err *err)
{
	struct vrrp_plan *p = calloc(1, sizeof(*p));
	struct vrrp_router *r;

	if (p)
		*p = (struct vrrp_plan){.v = v, .configs = groups};
	if (p)
		p->next = calloc(n + 1, sizeof(struct vrrp_router *));
	for (size_t i = 0; p && p->next && i < n; i++) {
		TAILQ_FOREACH (r, &v->routers, entry)
			if (same(r, &groups[i]))
				break;
		if (r)
			r->found = true;
		else
			r = new_router(v, &groups[i]);
		if (!r)
			break;
		p->next[p->n++] = r;
	}
	if (p && p->n == n && p->next) {
		*out = p;
		return 0;
	}
	vrrp__discard(p);
	return err__set(err, -ENOMEM, "out of memory for %zu VRRP groups", n);
}

void vrrp__discard(struct vrrp_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->next[i]->found)
			free_router(p->next[i]);
		else
			p->next[i]->found = false;
	}
	free(p->next);
	free(p);
}

/* One that is another router from now on does what the operator has asked it to under its name. */
static void inherit(struct vrrp_plan *p, const struct vrrp_router *old)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->next[i]->found && strcmp(p->next[i]->name, old->name) == 0)
			p->next[i]->group.handed_over = old->group.handed_over;
}

/* Ends what is not found any more and makes the list anew; what ended comes last in it. */
static int change_groups(void *ctx)
{
	struct vrrp_plan *p = ctx;
	struct vrrp_router *r;

	TAILQ_FOREACH (r, &p->v->routers, entry) {
		if (r->found)
			continue;
		inherit(p, r);
		vrrp_thread__settle(r, false, VRRP_WHY_STOPPED, r->group.priority, &r->group.set,
				    &r->group.local);
		/* It has nothing to say to those that will be its sync group. */
		r->sync[0] = '\0';
	}
	for (size_t i = 0; i < p->n; i++) {
		r = p->next[i];
		memcpy(r->sync, p->configs[i].sync, sizeof(r->sync));
		if (r->found)
			TAILQ_REMOVE(&p->v->routers, r, entry);
	}
	for (size_t i = p->n; i-- > 0;)
		TAILQ_INSERT_HEAD(&p->v->routers, p->next[i], entry);
	vrrp_sync__mend(p->v, rt__now_ns());
	return 0;
}

static int unlink_router(void *router)
{
	struct vrrp_router *r = router;

	TAILQ_REMOVE(&r->vrrp->routers, r, entry);
	return 0;
}

void vrrp__commit(struct vrrp_plan *p)
{
	struct vrrp *v = p->v;
	struct vrrp_router *r, *after;

	rt__call(v->rt, change_groups, p);
	r = p->n ? TAILQ_NEXT(p->next[p->n - 1], entry) : TAILQ_FIRST(&v->routers);
	for (; r; r = after) {
		after = TAILQ_NEXT(r, entry);
		rt__call(v->rt, unlink_router, r);
		free_router(r);
	}
	/* After the old ones have let go of what may be theirs now. */
	for (size_t i = 0; i < p->n; i++) {
		r = p->next[i];
		r->config = &p->configs[i];
		if (!r->found)
			start_router(r);
		r->found = false;
	}
	free(p->next);
	free(p);
}

/* --- status ---------------------------------------------------------------------------------------- */

struct snapshot {
	const struct vrrp_router *router, *objector;
	struct vrrp_status status;
};

static int take_snapshot(void *ctx)
{
	struct snapshot *s = ctx;
	const struct vrrp_router *r = s->router;

	s->status.group = r->group;
	s->status.sent = r->sent;
	s->status.heard = r->heard;
	s->status.strangers = r->strangers;
	s->status.send_error = r->send_error;
	s->status.announce_error = r->announce_error;
	s->status.differs = r->differs;
	if (rt__now_ns() - r->rival_ns < VRRP_RIVAL_NS)
		s->status.rival = r->rival;
	s->objector = r->group.ready ? vrrp_sync__objector(r) : NULL;
	return 0;
}

void vrrp__status(struct vrrp *v, void (*each)(void *ctx, const struct vrrp_status *s), void *ctx)
{
	struct vrrp_router *r;

	TAILQ_FOREACH (r, &v->routers, entry) {
		struct snapshot s = {.router = r, .status.config = r->config};

		rt__call(v->rt, take_snapshot, &s);
		s.status.address_error = grip__error(r->grip);
		s.status.device_error = grip__device_error(r->grip);
		if (r->config->virtual_mac)
			s.status.device = net_vmac__of(v->instance, r->vrid, r->port->family,
						       if_nametoindex(r->config->interface));
		memcpy(s.status.fault, r->fault, sizeof(s.status.fault));
		memcpy(s.status.hold, r->hold, sizeof(s.status.hold));
		if (s.objector && !r->hold[0])
			snprintf(s.status.hold, sizeof(s.status.hold),
				 "group '%s' of its sync group, which hears an active router",
				 s.objector->name);
		memcpy(s.status.decides, r->decides, sizeof(s.status.decides));
		each(ctx, &s.status);
	}
}

void vrrp__doubt(struct vrrp *v)
{
	rt__call(v->rt, vrrp_thread__doubt, v);
}

size_t vrrp__hand_over(struct vrrp *v)
{
	return (size_t)rt__call(v->rt, vrrp_thread__hand_over, v);
}

size_t vrrp__take_back(struct vrrp *v)
{
	return (size_t)rt__call(v->rt, vrrp_thread__take_back, v);
}

struct count_copy {
	const struct vrrp *v;
	struct vrrp_ignored *out;
};

static int copy_counts(void *ctx)
{
	struct count_copy *c = ctx;

	*c->out = c->v->ignored;
	return 0;
}

void vrrp__ignored(struct vrrp *v, struct vrrp_ignored *out)
{
	struct count_copy c = {v, out};

	rt__call(v->rt, copy_counts, &c);
	vrrp_ports__count(v, out);
}

/* --- life ------------------------------------------------------------------------------------------ */

static void on_note(void *ctx)
{
	struct vrrp *v = ctx;
	unsigned int at = atomic_load(&v->read);

	for (; at != atomic_load(&v->written); at++) {
		struct vrrp_event e = v->events[at % VRRP_EVENTS];

		atomic_store(&v->read, at + 1);
		v->owner.event(v->owner.ctx, &e);
	}
}

int vrrp__new(struct rt *rt, const struct vrrp_owner *owner, struct vrrp **out, struct err *err)
{
	struct vrrp *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return err__set(err, -ENOMEM, "out of memory");
	v->rt = rt;
	v->owner = *owner;
	snprintf(v->instance, sizeof(v->instance), "%s", owner->instance);
	v->owner.instance = v->instance;
	v->note = (struct rt_note){.run = on_note, .ctx = v};
	LIST_INIT(&v->ports);
	TAILQ_INIT(&v->routers);
	v->announcer = announce__open();
	rc = v->announcer < 0
		     ? err__set(err, v->announcer,
				"cannot open a socket for announcements: %s; CAP_NET_RAW and "
				"AF_PACKET are needed",
				strerror(-v->announcer))
		     : hands__start(v->instance, &v->hands, err);
	if (rc) {
		if (v->announcer >= 0)
			close(v->announcer);
		free(v);
		return rc;
	}
	*out = v;
	return 0;
}

static int end_groups(void *ctx)
{
	struct vrrp *v = ctx;
	struct vrrp_router *r;

	TAILQ_FOREACH (r, &v->routers, entry)
		vrrp_thread__settle(r, false, VRRP_WHY_STOPPED, r->group.priority, &r->group.set,
				    &r->group.local);
	return 0;
}

void vrrp__free(struct vrrp *v)
{
	struct vrrp_router *r;

	if (!v)
		return;
	rt__call(v->rt, end_groups, v);
	while ((r = TAILQ_FIRST(&v->routers))) {
		rt__call(v->rt, unlink_router, r);
		/* What still comes is steered until another router has the address, as with the interface's own. */
		r->holds_mac = false;
		free_router(r);
	}
	/* What the groups had to say at last. */
	on_note(v);
	rt__forget(v->rt, &v->note);
	hands__stop(v->hands);
	close(v->announcer);
	free(v);
}
