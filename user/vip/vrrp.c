/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp.c - the loop's half: groups made of a configuration, and what a group needs to start. */
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

static struct vrrp_settings settings(const struct config_vrrp *c)
{
	return (struct vrrp_settings){
		.interval_cs = (uint16_t)(c->interval_ms / 10),
		.preempt = c->preempt,
		.preempt_delay_ms = c->preempt_delay_ms,
	};
}

static struct vrrp_router *new_router(struct vrrp *v, const struct config_vrrp *c)
{
	const struct grip_place place = {if_nametoindex(c->interface), c->vrid, c->virtual_mac};
	struct vrrp_router *r = calloc(1, sizeof(*r));
	struct vrrp_settings set = settings(c);
	struct net_vmac device;

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
	/* What a killed agent has left goes on until another router is heard. */
	r->virtual_mac = c->virtual_mac;
	device = net_vmac__of(v->instance, c->vrid, r->port->family, place.ifindex);
	if (r->virtual_mac && device.name[0] && if_nametoindex(device.name))
		vrrp_thread__claim(r, true);
	vrrp_group__init(&r->group, &set, c->priority, &c->source, rt__now_ns());
	return r;
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

/* Ends what is not found any more and makes the list anew; what ended comes last in it. */
static int change_groups(void *ctx)
{
	struct vrrp_plan *p = ctx;
	struct vrrp_router *r;

	TAILQ_FOREACH (r, &p->v->routers, entry)
		if (!r->found)
			vrrp_thread__settle(r, false, VRRP_WHY_STOPPED, r->group.priority,
					    &r->group.set, &r->group.local);
	for (size_t i = 0; i < p->n; i++) {
		r = p->next[i];
		memcpy(r->sync, p->configs[i].sync, sizeof(r->sync));
		if (r->found)
			TAILQ_REMOVE(&p->v->routers, r, entry);
	}
	for (size_t i = p->n; i-- > 0;)
		TAILQ_INSERT_HEAD(&p->v->routers, p->next[i], entry);
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
	for (size_t i = 0; i < p->n; i++) {
		p->next[i]->config = &p->configs[i];
		p->next[i]->found = false;
	}
	r = p->n ? TAILQ_NEXT(p->next[p->n - 1], entry) : TAILQ_FIRST(&v->routers);
	for (; r; r = after) {
		after = TAILQ_NEXT(r, entry);
		rt__call(v->rt, unlink_router, r);
		free_router(r);
	}
	free(p->next);
	free(p);
}

/* --- what a group needs ---------------------------------------------------------------------------- */

static bool is_vip(const struct vrrp *v, const struct addr *a)
{
	const struct vrrp_router *r;

	TAILQ_FOREACH (r, &v->routers, entry)
		for (size_t i = 0; i < r->n_addresses; i++)
			if (addr__equal(&r->addresses[i], a))
				return true;
	return false;
}

static bool link_local(const struct addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/*
 * The address that adverts come from: the configured one if it is there, else the interface's first;
 * over IPv6 a link-local one to the multicast group (RFC 9568 5.1.2.1). Never a VIP.
 */
static bool local_address(const struct vrrp_router *r, const struct ifaddrs *all, struct addr *out)
{
	const struct config_vrrp *c = r->config;
	bool want_local = !r->n_peers;

	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct addr a;

		if (!i->ifa_addr || i->ifa_addr->sa_family != r->port->family ||
		    strcmp(i->ifa_name, c->interface) != 0)
			continue;
		a = i->ifa_addr->sa_family == AF_INET
			    ? addr__from_bytes(AF_INET,
					       &((struct sockaddr_in *)i->ifa_addr)->sin_addr)
			    : addr__from_bytes(AF_INET6,
					       &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr);
		if (c->has_source ? !addr__equal(&a, &c->source)
				  : is_vip(r->vrrp, &a) || (r->port->family == AF_INET6 &&
							    link_local(&a) != want_local))
			continue;
		*out = a;
		return true;
	}
	return false;
}

static void find_fault(struct vrrp_router *r, const struct ifaddrs *all, const char *fault,
		       struct addr *local)
{
	char text[ADDR_STRLEN];

	r->fault[0] = '\0';
	r->unfit = true;
	if (r->port->fault[0] || fault)
		snprintf(r->fault, sizeof(r->fault), "%s", fault ? fault : r->port->fault);
	else if (local_address(r, all, local))
		r->unfit = false;
	else if (r->config->has_source)
		snprintf(r->fault, sizeof(r->fault), "source %s is not on interface %s",
			 addr__format(&r->config->source, text), r->config->interface);
	else
		snprintf(r->fault, sizeof(r->fault),
			 "interface %s has no %s address that adverts could come from",
			 r->config->interface, r->port->family == AF_INET ? "IPv4" : "IPv6");
}

/* One that can't take part keeps its sync group from it. */
static void share_faults(struct vrrp *v)
{
	struct vrrp_router *r, *other;

	TAILQ_FOREACH (r, &v->routers, entry) {
		if (r->unfit || !r->config->sync[0])
			continue;
		TAILQ_FOREACH (other, &v->routers, entry) {
			if (!other->unfit || strcmp(other->config->sync, r->config->sync) != 0)
				continue;
			snprintf(r->fault, sizeof(r->fault), "group '%s' of its sync group: %.80s",
				 other->name, other->fault);
			break;
		}
	}
}

struct refresh {
	struct vrrp_router *router;
	struct vrrp_settings set;
	struct addr local;
	uint8_t priority;
	bool virtual_mac;
};

static int settle_one(void *ctx)
{
	struct refresh *f = ctx;

	vrrp_thread__set_mac(f->router, f->virtual_mac);
	vrrp_thread__settle(f->router, !f->router->fault[0], VRRP_WHY_NOT_READY, f->priority,
			    &f->set, &f->local);
	return 0;
}

void vrrp__refresh(struct vrrp *v, const struct net *net, vrrp_look_cb *look, void *ctx)
{
	struct refresh list[CONFIG_VRRP_GROUPS];
	struct ifaddrs *all = NULL;
	struct vrrp_router *r;
	struct vrrp_port *p;
	size_t n = 0;

	if (TAILQ_EMPTY(&v->routers) || getifaddrs(&all))
		return;
	LIST_FOREACH (p, &v->ports, entry)
		vrrp_ports__look(p, net);
	TAILQ_FOREACH (r, &v->routers, entry) {
		struct refresh *f = &list[n++];
		struct vrrp_outlook o = look(ctx, r->config);

		*f = (struct refresh){
			.router = r,
			.set = settings(r->config),
			.priority = o.priority,
			.virtual_mac = r->config->virtual_mac,
		};
		f->set.hold = o.hold != NULL;
		snprintf(r->hold, sizeof(r->hold), "%s", o.hold ? o.hold : "");
		find_fault(r, all, o.fault, &f->local);
		if (r->port->ifindex)
			grip__set_ifindex(r->grip, r->port->ifindex);
	}
	freeifaddrs(all);
	share_faults(v);
	/* Those that can't go on first, so that none is taken along by one that ends. */
	for (size_t i = 0; i < n; i++)
		if (list[i].router->fault[0])
			rt__call(v->rt, settle_one, &list[i]);
	for (size_t i = 0; i < n; i++)
		if (!list[i].router->fault[0])
			rt__call(v->rt, settle_one, &list[i]);
}

/* --- status ---------------------------------------------------------------------------------------- */

struct snapshot {
	const struct vrrp_router *router;
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
