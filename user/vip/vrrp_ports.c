/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp_ports.c - the sockets of all groups: one for each interface and family, opened as links come. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vip/vrrp_internal.h"
#include "vip/vrrp_port.h"

static int unwatch(void *port)
{
	struct vrrp_port *p = port;

	rt__unwatch(p->vrrp->rt, &p->source);
	return 0;
}

static void close_port(struct vrrp_port *p)
{
	if (p->source.fd < 0)
		return;
	rt__call(p->vrrp->rt, unwatch, p);
	close(p->source.fd);
	p->source.fd = -1;
}

struct vrrp_port *vrrp_ports__get(struct vrrp *v, const char *ifname, int family)
{
	struct vrrp_port *p;

	LIST_FOREACH (p, &v->ports, entry)
		if (p->family == family && strcmp(p->ifname, ifname) == 0)
			break;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		p->vrrp = v;
		p->source = (struct rt_source){.ready = vrrp_thread__readable, .ctx = p, .fd = -1};
		snprintf(p->ifname, sizeof(p->ifname), "%s", ifname);
		p->family = family;
		LIST_INSERT_HEAD(&v->ports, p, entry);
	}
	p->holds++;
	return p;
}

void vrrp_ports__put(struct vrrp_port *p)
{
	if (--p->holds)
		return;
	close_port(p);
	LIST_REMOVE(p, entry);
	free(p);
}

static int watch(void *port)
{
	struct vrrp_port *p = port;

	return rt__watch(p->vrrp->rt, &p->source);
}

/* Its interface is there, under this number. */
static void open_port(struct vrrp_port *p, const struct net_link *l)
{
	struct err err;
	int fd;

	if (p->source.fd >= 0 && p->ifindex == l->ifindex)
		return;
	close_port(p);
	p->ifindex = l->ifindex;
	fd = vrrp_port__open(p->ifname, l->ifindex, p->family, &err);
	if (fd >= 0) {
		p->source.fd = fd;
		if (rt__call(p->vrrp->rt, watch, p) == 0)
			return;
		close(fd);
		p->source.fd = -1;
		err__set(&err, 0, "cannot watch the socket for VRRP on interface %s", p->ifname);
	}
	snprintf(p->fault, sizeof(p->fault), "%.150s", err.text);
}

struct link_search {
	const char *ifname;
	struct net_link link;
	bool found;
};

static void match_link(void *ctx, const struct net_link *l)
{
	struct link_search *s = ctx;

	if (strcmp(l->name, s->ifname) != 0)
		return;
	s->link = *l;
	s->found = true;
}

struct link_change {
	struct vrrp_port *port;
	const uint8_t *mac;
};

static int change_mac(void *ctx)
{
	struct link_change *c = ctx;

	memcpy(c->port->mac, c->mac, 6);
	return 0;
}

void vrrp_ports__look(struct vrrp_port *p, const struct net *net)
{
	struct link_search s = {.ifname = p->ifname};
	struct link_change c = {.port = p, .mac = s.link.mac};

	net__links(net, match_link, &s);
	p->fault[0] = '\0';
	if (!s.found)
		snprintf(p->fault, sizeof(p->fault), "there is no interface %s", p->ifname);
	else if (!s.link.ether)
		snprintf(p->fault, sizeof(p->fault), "interface %s is not Ethernet", p->ifname);
	else if (!s.link.up)
		snprintf(p->fault, sizeof(p->fault), "interface %s is down", p->ifname);
	if (p->fault[0])
		return;
	rt__call(p->vrrp->rt, change_mac, &c);
	open_port(p, &s.link);
}
