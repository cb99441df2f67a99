/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp_thread.c - groups on the real-time thread: messages in, what the state machine wants done. */
#include <errno.h>
#include <string.h>

#include "net/vmac.h"
#include "vip/announce.h"
#include "vip/vrrp_frame.h"
#include "vip/vrrp_internal.h"
#include "vip/vrrp_port.h"

/*
 * How often switches are told where a virtual MAC address is, if adverts do not do that: those to unicast
 * peers come from the interface's own. Switches forget after 300 s (IEEE 802.1Q 8.8.3).
 */
#define TEACH_NS 30000000000ULL

void vrrp_thread__claim(struct vrrp_router *r, bool ours)
{
	uint8_t mac[6];

	net_vmac__mac(r->vrid, r->port->family, mac);
	r->holds_mac = ours;
	r->vrrp->owner.claim(r->vrrp->owner.ctx, mac, ours);
}

/* RFC 9568 7.2: from the virtual MAC address, so that bridges learn where it is. */
static int send_frame(const struct vrrp_router *r, const uint8_t *bytes, size_t len,
		      const struct vrrp_envelope *e)
{
	uint8_t frame[VRRP_FRAME_MAX], mac[6];

	net_vmac__mac(r->vrid, r->port->family, mac);
	len = vrrp_frame__write(frame, mac, e, bytes, len);
	return announce__put(r->vrrp->announcer, r->port->ifindex, frame, len);
}

static void send_to(struct vrrp_router *r, const struct addr *to, uint8_t priority)
{
	struct vrrp_envelope e = {.from = r->group.local, .to = *to};
	uint8_t bytes[VRRP_MAX_LEN];
	size_t len = vrrp_wire__write(bytes, r->vrid, priority, r->group.set.interval_cs,
				      r->addresses, r->n_addresses, &e, r->bare);
	int rc = r->virtual_mac && !r->n_peers
			 ? send_frame(r, bytes, len, &e)
			 : vrrp_port__send(r->port->source.fd, r->port->ifindex, bytes, len, &e);

	if (rc)
		r->send_error = rc;
}

static void send_advert(struct vrrp_router *r, uint8_t priority)
{
	struct addr group = vrrp_port__group(r->port->family);

	r->send_error = 0;
	r->sent++;
	if (!r->n_peers)
		send_to(r, &group, priority);
	for (size_t i = 0; i < r->n_peers; i++)
		send_to(r, &r->peers[i], priority);
}

static void tell(struct vrrp_router *r, enum vrrp_state from, const struct addr *rival)
{
	struct vrrp *v = r->vrrp;
	unsigned int at = atomic_load(&v->written);
	struct vrrp_event *e = &v->events[at % VRRP_EVENTS];

	if (at - atomic_load(&v->read) == VRRP_EVENTS)
		return;
	*e = (struct vrrp_event){
		.from = from,
		.to = r->group.state,
		.why = r->group.why,
		.active = r->group.active,
		.rival = rival ? *rival : (struct addr){.b = {0}},
		.priority = r->group.priority,
		.at_ns = r->group.since_ns,
	};
	memcpy(e->name, r->name, sizeof(e->name));
	atomic_store(&v->written, at + 1);
	rt__tell(v->rt, &v->note);
}

int vrrp_thread__doubt(void *vrrp)
{
	struct vrrp *v = vrrp;
	const struct vrrp_router *r;
	bool any = false;

	TAILQ_FOREACH (r, &v->routers, entry)
		any |= r->group.state == VRRP_ACTIVE;
	v->owner.doubt(v->owner.ctx, !any);
	return 0;
}

static void announce(struct vrrp_router *r)
{
	uint8_t mac[6];

	net_vmac__mac(r->vrid, r->port->family, mac);
	r->taught_ns = rt__now_ns();
	r->announce_error =
		announce__send(r->vrrp->announcer, r->port->ifindex,
			       r->virtual_mac ? mac : r->port->mac, r->addresses, r->n_addresses);
}

/* Another router has the virtual MAC address. */
static void let_go(struct vrrp_router *r)
{
	vrrp_thread__claim(r, false);
	grip__want(r->grip, GRIP_GONE);
}

/* Adverts and announcements first: they need no address on the interface. */
void vrrp_thread__act(struct vrrp_router *r, unsigned int what, enum vrrp_state from)
{
	/* Whoever is active serves with what it has. */
	if (r->group.state == VRRP_ACTIVE)
		r->vrrp->owner.doubt(r->vrrp->owner.ctx, false);
	if ((what & VRRP_DO_TAKE) && r->virtual_mac && !r->holds_mac)
		vrrp_thread__claim(r, true);
	if (what & VRRP_DO_STOP)
		send_advert(r, VRRP_PRIORITY_STOP);
	if (what & VRRP_DO_GIVE)
		grip__want(r->grip, GRIP_GONE);
	if (what & VRRP_DO_SEND)
		send_advert(r, r->group.priority);
	if ((what & VRRP_DO_ANNOUNCE) || ((what & VRRP_DO_SEND) && r->virtual_mac && r->n_peers &&
					  rt__now_ns() - r->taught_ns > TEACH_NS))
		announce(r);
	if (what & VRRP_DO_TAKE)
		grip__want(r->grip, GRIP_HERE);
	if (r->holds_mac && r->group.state == VRRP_BACKUP && vrrp__is_known(&r->group.active))
		let_go(r);
	if (from != r->group.state)
		tell(r, from, NULL);
	if (vrrp_group__due(&r->group))
		rt__arm(r->vrrp->rt, &r->timer, vrrp_group__due(&r->group));
	else
		rt__disarm(r->vrrp->rt, &r->timer);
}

static void done(struct vrrp_router *r, unsigned int what, enum vrrp_state from, uint64_t now_ns)
{
	vrrp_thread__act(r, what, from);
	vrrp_sync__step(r, from, now_ns);
}

void vrrp_thread__fire(void *router, uint64_t now_ns)
{
	struct vrrp_router *r = router;
	enum vrrp_state from = r->group.state;

	/* The loop starts it again when it turns: nobody else knows what has changed meanwhile. */
	if (!r->vrrp->owner.fit(r->vrrp->owner.ctx)) {
		done(r, vrrp_group__stop(&r->group, now_ns, VRRP_WHY_HUNG), from, now_ns);
		vrrp_thread__doubt(r->vrrp);
		return;
	}
	done(r, vrrp_group__timer(&r->group, now_ns), from, now_ns);
}

int vrrp_thread__hand_over(void *vrrp)
{
	struct vrrp *v = vrrp;
	uint64_t now = rt__now_ns();
	struct vrrp_router *r;
	int n = 0;

	TAILQ_FOREACH (r, &v->routers, entry) {
		unsigned int what = vrrp_group__hand_over(&r->group, now);

		n += what != 0;
		vrrp_thread__act(r, what, r->group.state);
	}
	return n;
}

int vrrp_thread__take_back(void *vrrp)
{
	struct vrrp *v = vrrp;
	struct vrrp_router *r;
	int n = 0;

	TAILQ_FOREACH (r, &v->routers, entry) {
		n += r->group.handed_over;
		vrrp_group__take_back(&r->group);
	}
	return n;
}

void vrrp__neighbor_lost(struct vrrp *v, const struct addr *who, const char *interface)
{
	uint64_t now = rt__now_ns();
	struct vrrp_router *r;

	/* Its timers will see to its groups. */
	if (!v->owner.fit(v->owner.ctx))
		return;
	TAILQ_FOREACH (r, &v->routers, entry) {
		enum vrrp_state from = r->group.state;

		if (!interface[0] || strcmp(interface, r->port->ifname) == 0)
			done(r, vrrp_group__lost(&r->group, now, who), from, now);
	}
}

static bool is_peer(const struct vrrp_router *r, const struct addr *from)
{
	for (size_t i = 0; i < r->n_peers; i++)
		if (addr__equal(&r->peers[i], from))
			return true;
	return !r->n_peers;
}

/* Two own the addresses (priority 255), which one of the configurations has wrong. */
static void mind_owner(struct vrrp_router *r, const struct addr *from, uint64_t now_ns)
{
	r->rival = *from;
	r->rival_ns = now_ns;
	if (r->rival_told_ns && now_ns - r->rival_told_ns < VRRP_RIVAL_NS)
		return;
	r->rival_told_ns = now_ns;
	tell(r, r->group.state, from);
}

static void heed(struct vrrp_router *r, const struct vrrp_advert *a, const struct addr *from,
		 uint64_t now_ns)
{
	enum vrrp_state was = r->group.state;

	if (addr__equal(from, &r->group.local)) {
		r->vrrp->ignored.own++;
		return;
	}
	if (!is_peer(r, from)) {
		r->strangers++;
		return;
	}
	r->heard++;
	r->heard_ns = now_ns;
	/* Not started yet, or not any more: what a killed agent, or this one, has left ends here. */
	if (r->holds_mac && was == VRRP_INITIALIZE && a->priority != VRRP_PRIORITY_STOP)
		let_go(r);
	if (a->version == 3)
		r->bare = a->bare;
	r->differs = !vrrp_wire__lists(a, r->addresses, r->n_addresses);
	if (a->priority == VRRP_PRIORITY_OWNER && r->group.priority == VRRP_PRIORITY_OWNER)
		mind_owner(r, from, now_ns);
	r->group.tie_elsewhere =
		a->priority == r->group.priority && vrrp_sync__tie_elsewhere(r, now_ns);
	done(r, vrrp_group__advert(&r->group, now_ns, a, from), was, now_ns);
}

struct delivery {
	struct vrrp_port *port;
	uint64_t now_ns;
};

static void on_message(void *ctx, const uint8_t *bytes, size_t len, const struct vrrp_envelope *in)
{
	struct delivery *d = ctx;
	struct vrrp *v = d->port->vrrp;
	struct vrrp_router *r;
	struct vrrp_advert a;
	enum vrrp_refusal refusal = vrrp_wire__read(bytes, len, in, &a);

	if (refusal != VRRP_ACCEPTED) {
		v->ignored.refused[refusal]++;
		return;
	}
	TAILQ_FOREACH (r, &v->routers, entry) {
		if (r->port == d->port && r->vrid == a.vrid) {
			heed(r, &a, &in->from, d->now_ns);
			return;
		}
	}
	v->ignored.unknown++;
}

void vrrp_thread__readable(void *port, uint64_t now_ns)
{
	struct delivery d = {.port = port, .now_ns = now_ns};

	if (vrrp_port__read(d.port->source.fd, d.port->family, on_message, &d))
		rt__rest(d.port->vrrp->rt, &d.port->source, now_ns);
}

void vrrp_thread__set_mac(struct vrrp_router *r, bool virtual_mac)
{
	bool active = r->group.state == VRRP_ACTIVE;

	if (r->virtual_mac == virtual_mac)
		return;
	r->virtual_mac = virtual_mac;
	grip__set_virtual(r->grip, virtual_mac);
	if (active && virtual_mac)
		vrrp_thread__claim(r, true);
	vrrp_thread__act(r, vrrp_group__announce(&r->group, rt__now_ns()), r->group.state);
	if (!virtual_mac && r->holds_mac)
		vrrp_thread__claim(r, false);
}

void vrrp_thread__settle(struct vrrp_router *r, bool ready, enum vrrp_why why, uint8_t priority,
			 const struct vrrp_settings *set, const struct addr *local)
{
	uint64_t now = rt__now_ns();
	enum vrrp_state from = r->group.state;

	/* Peers know it by its address: one that has another one now is another router. */
	if (from != VRRP_INITIALIZE && (!ready || !addr__equal(local, &r->group.local))) {
		done(r, vrrp_group__stop(&r->group, now, why), from, now);
		from = VRRP_INITIALIZE;
	}
	if (!ready)
		return;
	r->group.local = *local;
	done(r, vrrp_group__set(&r->group, now, set), from, now);
	from = r->group.state;
	done(r, vrrp_group__set_priority(&r->group, now, priority), from, now);
	from = r->group.state;
	done(r,
	     vrrp_sync__is_active(r) ? vrrp_group__join(&r->group, now)
				     : vrrp_group__start(&r->group, now),
	     from, now);
}
