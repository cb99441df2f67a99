/* SPDX-License-Identifier: GPL-2.0-or-later */
/* links.c - on which interfaces the program is attached. */
#include "agent/agent.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"

static bool named(const struct config *c, const char *ifname)
{
	for (size_t i = 0; i < c->n_interfaces; i++) {
		if (strcmp(c->interfaces[i], ifname) == 0)
			return true;
	}
	return false;
}

static bool attached_before(char (*names)[16], size_t n, const char *ifname)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], ifname) == 0)
			return true;
	}
	return false;
}

static int attach_one(struct agent *a, const char *ifname, bool generic, struct plane_link *link,
		      struct err *err)
{
	struct err warning;
	int rc = plane__attach(a->plane, ifname, generic, link, &warning, err);

	if (rc)
		return rc;
	link->up = failover__link_is_up(a, ifname);
	if (warning.text[0])
		log_warn("%s", warning.text);
	return 0;
}

void links__free(struct plane_link *links, size_t n)
{
	for (size_t i = 0; links && i < n; i++)
		plane_link__close(&links[i]);
	free(links);
}

int links__attach(struct agent *a, const struct config *c, struct err *err)
{
	struct plane_link *links = calloc(c->n_interfaces, sizeof(*links));
	char(*before)[16] = NULL;
	size_t n = c->n_interfaces, n_before = 0, done;
	int rc = 0;

	if (!links)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		links[i].fd = -1;
	rc = plane__attached(a->plane, &before, &n_before);
	if (rc) {
		err__set(err, rc, "cannot list the links of instance '%s': %s", c->instance,
			 strerror(-rc));
		goto cleanup;
	}
	for (done = 0; done < n && !rc; done++)
		rc = attach_one(a, c->interfaces[done], c->xdp_generic, &links[done], err);
	if (rc) {
		/* The last one failed; those before it go unless an earlier agent had them. */
		for (size_t i = 0; i + 1 < done; i++) {
			if (!attached_before(before, n_before, c->interfaces[i]))
				plane__detach(a->plane, c->interfaces[i]);
		}
		goto cleanup;
	}
	links__free(a->links, a->n_links);
	a->links = links;
	a->n_links = n;
	links = NULL;
cleanup:
	links__free(links, n);
	free(before);
	return rc;
}

void links__prune(struct agent *a, const struct config *c)
{
	char(*names)[16];
	size_t n;

	if (plane__attached(a->plane, &names, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		if (named(c, names[i]))
			continue;
		plane__detach(a->plane, names[i]);
		log_info("detached from interface %s, which the configuration no longer names",
			 names[i]);
	}
	free(names);
}

static void attached_changed(struct agent *a, struct plane_link *at, const struct net_link *l,
			     bool present)
{
	struct err err;

	if (!present) {
		log_error("interface %s is gone, and its traffic with it; fairlead attaches again "
			  "as soon as it is back",
			  l->name);
		at->ifindex = 0;
	} else if (at->ifindex == l->ifindex) {
		if (at->up != l->up)
			log_info("interface %s is %s", l->name, l->up ? "up" : "down");
		at->up = l->up;
	} else if (attach_one(a, l->name, a->config->xdp_generic, at, &err)) {
		log_error("interface %s is back, but: %s; this is tried again every second",
			  l->name, err.text);
		plane_link__close(at);
		at->ifindex = l->ifindex;
		at->off_ticks = 2; /* told */
	} else {
		at->off_ticks = 0;
		paths__listen(a, l->ifindex);
		log_info("interface %s is back: attached again", l->name);
	}
}

void links__changed(void *agent, const struct net_link *l, bool present)
{
	struct agent *a = agent;

	if (!a->config)
		return; /* nothing is attached yet */
	/* Before one that is back is attached. */
	macs__sync(a, a->config);
	for (size_t i = 0; i < a->n_links; i++) {
		if (strcmp(a->links[i].ifname, l->name) == 0)
			attached_changed(a, &a->links[i], l, present);
	}
	failover__refresh(a);
	if (!present)
		plane__vlan_forget(a->plane, l->ifindex);
	else
		ports__sync(a, a->config);
}

/* While libxdp rebuilds a dispatcher, for a moment nobody is behind it: there it takes two looks. */
static bool is_off(const struct plane_link *l)
{
	return l->off_ticks > l->dispatched;
}

/* The program is not there, which nobody but the agent may have noticed. */
static void put_back(struct agent *a, struct plane_link *l)
{
	struct err err;

	l->off_ticks++;
	if (!is_off(l))
		return;
	if (!attach_one(a, l->ifname, a->config->xdp_generic, l, &err)) {
		l->off_ticks = 0;
		paths__listen(a, l->ifindex);
		log_error("the program was not on interface %s, whose traffic was not balanced: "
			  "attached again; if this was not you, find out who detaches XDP programs",
			  l->ifname);
		return;
	}
	/* A link that sits nowhere is not to be pinned again. */
	plane_link__close(l);
	if (l->off_ticks == (l->dispatched ? 2 : 1))
		log_error("somebody has taken the program off interface %s, its traffic is not "
			  "balanced, and it cannot be put back, which is tried every second: %s",
			  l->ifname, err.text);
}

/* Pins that somebody has removed. */
static void keep_pins(struct agent *a)
{
	struct err err;
	int n = plane__keep(a->plane, &err), one = 0;

	for (size_t i = 0; i < a->n_links && n >= 0 && one >= 0; i++) {
		one = plane_link__keep(a->plane, &a->links[i], &err);
		n += one > 0 ? one : 0;
	}
	if (n > 0)
		log_error(
			"somebody has removed pins of instance '%s' below /sys/fs/bpf: %d of them "
			"are made again; those of seats are not, so slots may move when the next "
			"agent starts",
			a->config->instance, n);
	if ((n < 0 || one < 0) && !a->pins_failing)
		log_error("somebody has removed pins of instance '%s': %s; its traffic goes on "
			  "as long as this agent runs, and this is tried every second",
			  a->config->instance, err.text);
	a->pins_failing = n < 0 || one < 0;
}

void links__tick(struct agent *a)
{
	if (!a->config)
		return; /* nothing is attached yet */
	keep_pins(a);
	for (size_t i = 0; i < a->n_links; i++) {
		struct plane_link *l = &a->links[i];

		/* Of one that is gone, or another one now, links__changed() hears. */
		if (!l->ifindex || if_nametoindex(l->ifname) != l->ifindex)
			continue;
		/* Once it is known to be off, only attaching it ends that. */
		if (is_off(l) || !plane_link__sits(a->plane, l)) {
			put_back(a, l);
			continue;
		}
		l->off_ticks = 0;
	}
}

bool links__attached(const struct agent *a, const char *ifname)
{
	for (size_t i = 0; i < a->n_links; i++) {
		if (strcmp(a->links[i].ifname, ifname) == 0)
			return a->links[i].ifindex && !is_off(&a->links[i]);
	}
	return true;
}

/* 0: not known. */
static unsigned int mtu_of(int fd, const char *ifname)
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	return ioctl(fd, SIOCGIFMTU, &r) ? 0 : (unsigned int)r.ifr_mtu;
}

bool links__jumbo(const struct config *c)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool jumbo = false;

	for (size_t i = 0; fd >= 0 && i < c->n_interfaces; i++)
		jumbo |= mtu_of(fd, c->interfaces[i]) > PLANE_PAGE_MTU;
	if (fd >= 0)
		close(fd);
	return jumbo;
}
