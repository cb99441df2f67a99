/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp_needs.c - on the loop: what each group needs to take part, and what the groups of a sync group have in
 * common: faults, what they wait for, and the priority, the lowest that one of them has.
 */
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "vip/vrrp_internal.h"

struct vrrp_settings vrrp_needs__settings(const struct config_vrrp *c)
{
	return (struct vrrp_settings){
		.interval_cs = (uint16_t)(c->interval_ms / 10),
		.preempt = c->preempt,
		.sync = c->sync[0] != '\0',
		.preempt_delay_ms = c->preempt_delay_ms,
	};
}

static bool is_vip(const struct vrrp *v, const struct addr *a)
{
	const struct vrrp_router *r;

	TAILQ_FOREACH (r, &v->routers, entry)
		for (size_t i = 0; i < r->n_addresses; i++)
			if (addr__equal(&r->addresses[i], a))
				return true;
	return false;
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
							    addr__is_link_local(&a) != want_local))
			continue;
		*out = a;
		return true;
	}
	return false;
}

/* Returns whether it has one of its own. */
static bool find_fault(struct vrrp_router *r, const struct ifaddrs *all, const char *fault,
		       struct addr *local)
{
	char text[ADDR_STRLEN];

	r->fault[0] = '\0';
	if (r->port->fault[0] || fault)
		snprintf(r->fault, sizeof(r->fault), "%s", fault ? fault : r->port->fault);
	else if (local_address(r, all, local))
		return false;
	else if (r->config->has_source)
		snprintf(r->fault, sizeof(r->fault), "source %s is not on interface %s",
			 addr__format(&r->config->source, text), r->config->interface);
	else
		snprintf(r->fault, sizeof(r->fault),
			 "interface %s has no %s address that adverts could come from",
			 r->config->interface, r->port->family == AF_INET ? "IPv4" : "IPv6");
	return true;
}

/* What is known of a group while all are looked at. */
struct refresh {
	struct vrrp_router *router;
	struct vrrp_outlook outlook;
	struct vrrp_settings set;
	struct addr local;
	bool unfit; /* it is this group itself that misses something */
	bool starting; /* INITIALIZE */
	uint8_t priority;
	bool virtual_mac;
};

struct refreshes {
	struct refresh list[CONFIG_VRRP_GROUPS];
	size_t n;
};

static int look_at_states(void *ctx)
{
	struct refreshes *all = ctx;

	for (size_t i = 0; i < all->n; i++)
		all->list[i].starting = all->list[i].router->group.state == VRRP_INITIALIZE;
	return 0;
}

/* --- sync groups ----------------------------------------------------------------------------------- */

/* The first other group of its sync group that `is` says yes to; NULL: none. */
static const struct refresh *sibling(const struct refreshes *all, const struct refresh *f,
				     bool (*is)(const struct refresh *f))
{
	const char *sync = f->router->config->sync;

	for (size_t i = 0; i < all->n; i++) {
		const struct refresh *other = &all->list[i];

		if (other != f && sync[0] && strcmp(other->router->config->sync, sync) == 0 &&
		    is(other))
			return other;
	}
	return NULL;
}

static bool is_unfit(const struct refresh *f)
{
	return f->unfit;
}

/* It stays off until it knows what to steer to. */
static bool is_cold(const struct refresh *f)
{
	return f->starting && f->outlook.cold;
}

static bool is_running(const struct refresh *f)
{
	return !f->starting;
}

static bool is_held(const struct refresh *f)
{
	return f->outlook.hold != NULL;
}

static void say(char *out, size_t size, const struct refresh *other, const char *text)
{
	snprintf(out, size, "group '%s' of its sync group: %.90s", other->router->name, text);
}

/*
 * One that can't take part keeps its sync group from it. One that does not know what to steer to does so too
 * when all begin; those that take part already, to which it was added, it does not stop.
 */
static void share_faults(const struct refreshes *all, struct refresh *f)
{
	struct vrrp_router *r = f->router;
	const struct refresh *other;

	if (f->unfit)
		return;
	other = sibling(all, f, is_unfit);
	if (other) {
		say(r->fault, sizeof(r->fault), other, other->router->fault);
		return;
	}
	if (is_cold(f))
		snprintf(r->fault, sizeof(r->fault), "%s", f->outlook.cold);
	other = sibling(all, f, is_cold);
	if (!r->fault[0] && f->starting && other && !sibling(all, f, is_running))
		say(r->fault, sizeof(r->fault), other, other->outlook.cold);
}

/* What one of them waits for before it preempts all wait for. */
static void share_holds(const struct refreshes *all, struct refresh *f)
{
	struct vrrp_router *r = f->router;
	const struct refresh *other = sibling(all, f, is_held);
	const char *text = other ? other->outlook.hold : NULL;

	if (!other) {
		other = sibling(all, f, is_cold);
		text = other ? other->outlook.cold : NULL;
	}
	f->set.hold = f->outlook.hold || text;
	r->hold[0] = '\0';
	if (f->outlook.hold)
		snprintf(r->hold, sizeof(r->hold), "%s", f->outlook.hold);
	else if (text)
		say(r->hold, sizeof(r->hold), other, text);
}

/*
 * All have the lowest priority that one of them has, so that routers rank the same way in each. One that does
 * not know its backends yet does not know its priority either.
 */
static void share_priorities(const struct refreshes *all, struct refresh *f)
{
	struct vrrp_router *r = f->router;

	r->decides[0] = '\0';
	f->priority = f->outlook.priority;
	for (size_t i = 0; i < all->n && r->config->sync[0]; i++) {
		const struct refresh *other = &all->list[i];

		if (strcmp(other->router->config->sync, r->config->sync) != 0 || is_cold(other) ||
		    other->outlook.priority >= f->priority)
			continue;
		f->priority = other->outlook.priority;
		memcpy(r->decides, other->router->name, sizeof(r->decides));
	}
}

/* --- together -------------------------------------------------------------------------------------- */

static int settle_one(void *ctx)
{
	struct refresh *f = ctx;

	vrrp_thread__set_mac(f->router, f->virtual_mac);
	vrrp_thread__settle(f->router, !f->router->fault[0], VRRP_WHY_NOT_READY, f->priority,
			    &f->set, &f->local);
	return 0;
}

static void settle(struct vrrp *v, struct refreshes *all)
{
	for (size_t i = 0; i < all->n; i++) {
		share_faults(all, &all->list[i]);
		share_holds(all, &all->list[i]);
		share_priorities(all, &all->list[i]);
	}
	/* Those that can't go on first, so that none is taken along by one that ends. */
	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].router->fault[0])
			rt__call(v->rt, settle_one, &all->list[i]);
	for (size_t i = 0; i < all->n; i++)
		if (!all->list[i].router->fault[0])
			rt__call(v->rt, settle_one, &all->list[i]);
}

void vrrp__refresh(struct vrrp *v, const struct net *net, vrrp_look_cb *look, void *ctx)
{
	struct ifaddrs *addresses = NULL;
	struct refreshes all = {.n = 0};
	struct vrrp_router *r;
	struct vrrp_port *p;

	if (TAILQ_EMPTY(&v->routers) || getifaddrs(&addresses))
		return;
	LIST_FOREACH (p, &v->ports, entry)
		vrrp_ports__look(p, net);
	TAILQ_FOREACH (r, &v->routers, entry) {
		struct refresh *f = &all.list[all.n++];

		*f = (struct refresh){
			.router = r,
			.outlook = look(ctx, r->config),
			.set = vrrp_needs__settings(r->config),
			.virtual_mac = r->config->virtual_mac,
		};
		f->unfit = find_fault(r, addresses, f->outlook.fault, &f->local);
		if (r->port->ifindex)
			grip__set_ifindex(r->grip, r->port->ifindex);
	}
	freeifaddrs(addresses);
	rt__call(v->rt, look_at_states, &all);
	settle(v, &all);
}
