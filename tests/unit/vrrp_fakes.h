/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in place of the real-time thread, sockets, interfaces and hands in vrrp_world.h. */
#ifndef FAIRLEAD_TEST_VRRP_FAKES_H
#define FAIRLEAD_TEST_VRRP_FAKES_H

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

#endif
