/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines with VRRP groups (user/vip/vrrp*.c as they are) on one link, in a time of their own: in place of
 * the real-time thread, sockets, interfaces and the hands that set addresses stand what is below. Include it
 * after cmocka, once in a test.
 */
#ifndef FAIRLEAD_TEST_VRRP_WORLD_H
#define FAIRLEAD_TEST_VRRP_WORLD_H

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "vip/announce.h"
#include "vip/vrrp_internal.h"
#include "vip/vrrp_port.h"

#define MS 1000000ULL
#define STEP (MS / 4) /* the world's clock turns that often */
#define DELAY (2 * STEP) /* of the link */
#define MACHINES 2
#define GROUPS 3
#define MESSAGES 256
#define IFINDEX 7

/* What a machine's agent says of a group. */
struct outlook {
	uint8_t priority; /* 0: the configured one */
	const char *fault, *hold;
	bool cold;
};

/* In place of the real-time thread: one of a machine. */
struct rt {
	struct vrrp *vrrp;
	bool alive, fit;
	struct rt_timer *timers[GROUPS * 4];
	struct rt_note *note;
	struct addr own[2]; /* IPv4, IPv6 link-local */
	struct config_vrrp groups[GROUPS];
	struct addr vips[GROUPS][2];
	size_t n_groups;
	struct outlook outlooks[GROUPS]; /* in their order */
	unsigned int rivals; /* how often it was told of another owner */
	unsigned int changes; /* between backup and active, of all groups */
	struct vrrp_event last; /* the last event */
	bool claimed; /* a virtual MAC address is this machine's */
};

struct grip {
	struct rt *rt;
	struct addr first;
	enum grip_want want;
	bool started;
};

static struct world {
	uint64_t now;
	struct rt machines[MACHINES];
	struct rt *here; /* whose turn it is */
	struct {
		uint8_t bytes[64];
		size_t len;
		struct vrrp_envelope envelope;
		const struct rt *from;
		uint64_t at;
	} messages[MESSAGES];
	size_t n_messages;
	bool cut4, cut6; /* adverts of that family do not arrive */
	unsigned int touched; /* things said to the hands, and of MAC addresses */
} w;

/* --- the real-time thread -------------------------------------------------------------------------- */

uint64_t rt__now_ns(void)
{
	return w.now;
}

int rt__call(struct rt *rt, int (*fn)(void *ctx), void *ctx)
{
	(void)rt;
	return fn(ctx);
}

void rt__arm(struct rt *rt, struct rt_timer *t, uint64_t due_ns)
{
	size_t i = 0;

	t->due_ns = due_ns;
	t->armed = true;
	while (rt->timers[i] && rt->timers[i] != t)
		i++;
	assert_true(i + 1 < sizeof(rt->timers) / sizeof(*rt->timers));
	rt->timers[i] = t;
}

void rt__disarm(struct rt *rt, struct rt_timer *t)
{
	size_t i = 0, n = sizeof(rt->timers) / sizeof(*rt->timers);

	t->armed = false;
	while (i < n && rt->timers[i] != t)
		i++;
	for (; i + 1 < n; i++)
		rt->timers[i] = rt->timers[i + 1];
}

void rt__tell(struct rt *rt, struct rt_note *note)
{
	rt->note = note;
}

void rt__forget(struct rt *rt, struct rt_note *note)
{
	(void)note;
	rt->note = NULL;
}

int rt__watch(struct rt *rt, struct rt_source *s)
{
	(void)rt;
	(void)s;
	return 0;
}

void rt__unwatch(struct rt *rt, struct rt_source *s)
{
	(void)rt;
	(void)s;
}

/* No queue here is ever full. */
void rt__rest(struct rt *rt, struct rt_source *s, uint64_t now_ns)
{
	(void)rt;
	(void)s;
	(void)now_ns;
	fail();
}

/* --- sockets --------------------------------------------------------------------------------------- */

struct addr vrrp_port__group(int family)
{
	struct addr a;

	assert_int_equal(addr__parse(family == AF_INET ? "224.0.0.18" : "ff02::12", &a), 0);
	return a;
}

int vrrp_port__open(const char *ifname, uint32_t ifindex, int family, int *far, struct err *err)
{
	*far = -1;
	(void)ifname;
	(void)ifindex;
	(void)family;
	(void)err;
	/* One that close() has no objection to. */
	return dup(STDIN_FILENO);
}

int vrrp_port__send(int fd, uint32_t ifindex, const uint8_t *bytes, size_t len,
		    const struct vrrp_envelope *e)
{
	(void)fd;
	(void)ifindex;
	assert_true(w.n_messages < MESSAGES && len <= sizeof(w.messages[0].bytes));
	w.messages[w.n_messages].len = len;
	memcpy(w.messages[w.n_messages].bytes, bytes, len);
	w.messages[w.n_messages].envelope = *e;
	w.messages[w.n_messages].envelope.ttl = VRRP_TTL;
	w.messages[w.n_messages].from = w.here;
	w.messages[w.n_messages].at = w.now + DELAY;
	w.n_messages++;
	return 0;
}

/* The first of those that are on their way; its family's port asks. */
bool vrrp_port__read(int fd, int family, vrrp_port_cb *cb, void *ctx)
{
	(void)fd;
	(void)family;
	cb(ctx, w.messages[0].bytes, w.messages[0].len, &w.messages[0].envelope);
	return false;
}

int announce__open(void)
{
	return dup(STDIN_FILENO);
}

int announce__put(int fd, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	(void)fd;
	(void)ifindex;
	(void)frame;
	(void)len;
	return 0;
}

int announce__send(int fd, uint32_t ifindex, const uint8_t mac[6], const struct addr *addresses,
		   size_t n)
{
	(void)fd;
	(void)ifindex;
	(void)mac;
	(void)addresses;
	(void)n;
	return 0;
}

/* --- interfaces ------------------------------------------------------------------------------------ */

void net__links(const struct net *n, void (*each)(void *ctx, const struct net_link *l), void *ctx)
{
	const struct net_link l = {.ifindex = IFINDEX, .name = "eth0", .ether = true, .up = true};

	(void)n;
	each(ctx, &l);
}

/* Of any name: the device of a virtual MAC address is there as well. */
unsigned int if_nametoindex(const char *name)
{
	return strcmp(name, "eth0") == 0 ? IFINDEX : IFINDEX + 1;
}

int getifaddrs(struct ifaddrs **out)
{
	static struct sockaddr_storage sa[2];
	static struct ifaddrs list[2];
	static char name[] = "eth0";

	for (size_t i = 0; i < 2; i++) {
		addr__sockaddr(&w.here->own[i], 0, &sa[i]);
		list[i] = (struct ifaddrs){.ifa_next = i ? NULL : &list[1],
					   .ifa_name = name,
					   .ifa_addr = (struct sockaddr *)&sa[i]};
	}
	*out = list;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	(void)list;
}

/* --- addresses ------------------------------------------------------------------------------------- */

int hands__start(const char *instance, struct hands **out, struct err *err)
{
	(void)instance;
	(void)err;
	*out = NULL;
	return 0;
}

void hands__stop(struct hands *h)
{
	(void)h;
}

int grip__new(struct hands *h, const struct grip_place *place, const struct addr *addresses,
	      size_t n, struct grip **out)
{
	(void)h;
	(void)place;
	(void)n;
	*out = calloc(1, sizeof(**out));
	assert_non_null(*out);
	(*out)->rt = w.here;
	(*out)->first = addresses[0];
	(*out)->want = GRIP_OPEN;
	return 0;
}

void grip__start(struct grip *g)
{
	g->started = true;
	w.touched++;
}

void grip__want(struct grip *g, enum grip_want want)
{
	assert_true(g->started);
	g->want = want;
	w.touched++;
}

void grip__set_virtual(struct grip *g, bool virtual_mac)
{
	(void)g;
	(void)virtual_mac;
	w.touched++;
}

void grip__set_ifindex(struct grip *g, uint32_t ifindex)
{
	(void)g;
	(void)ifindex;
}

int grip__error(const struct grip *g)
{
	(void)g;
	return 0;
}

int grip__device_error(const struct grip *g)
{
	(void)g;
	return 0;
}

void grip__release(struct grip *g)
{
	w.touched += g->started;
	free(g);
}

/* --- agents ---------------------------------------------------------------------------------------- */

static bool is_fit(void *rt)
{
	return ((struct rt *)rt)->fit;
}

static void on_doubt(void *rt, bool stale)
{
	(void)rt;
	(void)stale;
}

static void on_claim(void *rt, const uint8_t mac[6], bool ours)
{
	struct rt *m = rt;

	(void)mac;
	m->claimed = ours;
	w.touched++;
}

static void on_event(void *rt, const struct vrrp_event *e)
{
	struct rt *m = rt;

	if (e->from == e->to) {
		m->rivals++;
		return;
	}
	m->last = *e;
	m->changes += e->from != VRRP_INITIALIZE && e->to != VRRP_INITIALIZE;
}

static struct vrrp_outlook look(void *rt, const struct config_vrrp *c)
{
	const struct rt *m = rt;
	const struct outlook *o = &m->outlooks[c - m->groups];

	return (struct vrrp_outlook){
		.priority = o->priority ? o->priority : c->priority,
		.fault = o->fault,
		.cold = o->cold ? "it is being probed for the first time" : NULL,
		.hold = o->hold,
	};
}

static void refresh(struct rt *m)
{
	w.here = m;
	vrrp__refresh(m->vrrp, NULL, look, m);
}

/* A group of that name (one letter) and priority; which: its VRID, and its addresses' last byte. */
static struct config_vrrp *add_group(struct rt *m, const char *name, uint8_t which, bool v6,
				     uint8_t priority, const char *sync)
{
	struct config_vrrp *c = &m->groups[m->n_groups];

	assert_true(m->n_groups < GROUPS);
	*c = (struct config_vrrp){.interface = "eth0",
				  .vrid = which,
				  .priority = priority,
				  .interval_ms = 10,
				  .preempt = true,
				  .addresses = m->vips[m->n_groups],
				  .n_addresses = 1};
	m->n_groups++;
	strcpy(c->name, name);
	strcpy(c->sync, sync);
	assert_int_equal(addr__parse(v6 ? "2001:db8::" : "192.0.2.0", &c->addresses[0]), 0);
	c->addresses[0].b[15] = which;
	return c;
}

static struct vrrp_plan *prepare(struct rt *m)
{
	struct vrrp_plan *plan;
	struct err err;

	w.here = m;
	assert_int_equal(vrrp__prepare(m->vrrp, m->groups, m->n_groups, &plan, &err), 0);
	return plan;
}

/* The machine's groups as they are configured now. */
static inline void apply(struct rt *m)
{
	vrrp__commit(prepare(m));
	refresh(m);
}

/* Runs its agent with its groups; it starts as one whose probes are done. */
static void boot(struct rt *m)
{
	const struct vrrp_owner owner = {.instance = "main",
					 .fit = is_fit,
					 .doubt = on_doubt,
					 .claim = on_claim,
					 .event = on_event,
					 .ctx = m};
	struct err err;

	w.here = m;
	m->alive = m->fit = true;
	assert_int_equal(vrrp__new(m, &owner, &m->vrrp, &err), 0);
	apply(m);
}

/* Its agent is gone, at once: nothing is said to anybody. */
static inline void kill_machine(struct rt *m)
{
	size_t n = w.n_messages;

	m->alive = false;
	w.here = m;
	vrrp__free(m->vrrp);
	m->vrrp = NULL;
	w.n_messages = n;
}

static void new_world(void)
{
	memset(&w, 0, sizeof(w));
	w.now = 1000 * MS;
	for (size_t i = 0; i < MACHINES; i++) {
		struct rt *m = &w.machines[i];

		assert_int_equal(addr__parse("192.0.2.200", &m->own[0]), 0);
		assert_int_equal(addr__parse("fe80::200", &m->own[1]), 0);
		m->own[0].b[15] += (uint8_t)i;
		m->own[1].b[15] += (uint8_t)i;
	}
}

static void end_world(void)
{
	for (size_t i = 0; i < MACHINES; i++) {
		w.here = &w.machines[i];
		vrrp__free(w.here->vrrp);
	}
}

/* --- time ------------------------------------------------------------------------------------------ */

static void deliver(void)
{
	int family = addr__family(&w.messages[0].envelope.from);
	struct vrrp_port *p;

	for (size_t i = 0; i < MACHINES; i++) {
		w.here = &w.machines[i];
		if (!w.here->alive || w.here == w.messages[0].from ||
		    (family == AF_INET ? w.cut4 : w.cut6))
			continue;
		LIST_FOREACH (p, &w.here->vrrp->ports, entry)
			if (p->family == family)
				vrrp_thread__readable(p, w.now);
	}
	memmove(&w.messages[0], &w.messages[1], --w.n_messages * sizeof(w.messages[0]));
}

static void fire(struct rt *m)
{
	w.here = m;
	for (size_t i = 0; m->alive && m->timers[i]; i++) {
		struct rt_timer *t = m->timers[i];

		if (t->due_ns <= w.now)
			t->fire(t->ctx, w.now);
	}
	if (m->note)
		m->note->run(m->note->ctx);
	m->note = NULL;
}

/* Lets that much time pass; agents look at their groups every second. */
static void pass(uint64_t ns)
{
	for (uint64_t end = w.now + ns; w.now < end;) {
		w.now += STEP;
		/* They are in the order of their times. */
		while (w.n_messages && w.messages[0].at <= w.now)
			deliver();
		for (size_t i = 0; i < MACHINES; i++) {
			fire(&w.machines[i]);
			if (w.now % (1000 * MS) == 0 && w.machines[i].alive && w.machines[i].fit)
				refresh(&w.machines[i]);
		}
	}
}

/* --- what is there to see -------------------------------------------------------------------------- */

static inline struct vrrp_router *group(const struct rt *m, const char *name)
{
	struct vrrp_router *r;

	TAILQ_FOREACH (r, &m->vrrp->routers, entry)
		if (strcmp(r->name, name) == 0)
			return r;
	fail_msg("there is no group '%s'", name);
	return NULL;
}

/* The states of its groups, in order: 'A' active, 'b' backup, '-' off. */
static const char *states(const struct rt *m)
{
	static char out[GROUPS + 1];
	const struct vrrp_router *r;
	size_t n = 0;

	TAILQ_FOREACH (r, &m->vrrp->routers, entry)
		out[n++] = r->group.state == VRRP_ACTIVE   ? 'A'
			   : r->group.state == VRRP_BACKUP ? 'b'
							   : '-';
	out[n] = '\0';
	return out;
}

#endif
