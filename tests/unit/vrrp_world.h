/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines with VRRP groups (user/vip/vrrp*.c as they are) on one link, in a time of their own: in place of
 * the real-time thread, sockets, interfaces and the hands that set addresses stands vrrp_fakes.h. Include it
 * after cmocka, once in a test.
 */
#ifndef FAIRLEAD_TEST_VRRP_WORLD_H
#define FAIRLEAD_TEST_VRRP_WORLD_H

#include <string.h>

#include "vrrp_fakes.h"

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
