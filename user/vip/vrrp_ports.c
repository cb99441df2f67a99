/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp_ports.c - the sockets of all groups: one for each interface and family, opened as links come. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vip/gtsm.h"
#include "vip/vrrp_internal.h"
#include "vip/vrrp_port.h"

static int detach(void *port)
{
	struct vrrp_port *p = port;

	rt__unwatch(p->vrrp->rt, &p->source);
	p->source.fd = -1;
	return 0;
}

static void close_port(struct vrrp_port *p)
{
	int fd = p->source.fd;

	if (fd < 0)
		return;
	rt__call(p->vrrp->rt, detach, p);
	p->vrrp->full += gtsm__dropped(fd);
	p->vrrp->far += gtsm__refused(p->far);
	close(fd);
	close(p->far);
}

void vrrp_ports__count(struct vrrp *v, struct vrrp_ignored *out)
{
	struct vrrp_port *p;

	LIST_FOREACH (p, &v->ports, entry) {
		if (p->source.fd < 0)
			continue;
		out->refused[VRRP_TTL_LOW] += gtsm__refused(p->far);
		out->full += gtsm__dropped(p->source.fd);
	}
	out->refused[VRRP_TTL_LOW] += v->far;
	out->full += v->full;
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

struct attachment {
	struct vrrp_port *port;
	int fd, far;
	uint32_t ifindex;
};

static int attach(void *ctx)
{
	struct attachment *a = ctx;
	int rc;

	a->port->source.fd = a->fd;
	a->port->far = a->far;
	a->port->ifindex = a->ifindex;
	rc = rt__watch(a->port->vrrp->rt, &a->port->source);
	if (rc)
		a->port->source.fd = -1;
	return rc;
}

/* Its interface is there, under this number. */
static void open_port(struct vrrp_port *p, const struct net_link *l)
{
	struct attachment a = {.port = p, .ifindex = l->ifindex};
	struct err err;
	int rc;

	if (p->source.fd >= 0 && p->ifindex == l->ifindex)
		return;
	close_port(p);
	a.fd = vrrp_port__open(p->ifname, l->ifindex, p->family, &a.far, &err);
	if (a.fd >= 0) {
		rc = rt__call(p->vrrp->rt, attach, &a);
		if (!rc)
			return;
		close(a.fd);
		close(a.far);
		err__set(&err, rc, "cannot watch the socket for VRRP on interface %s: %s",
			 p->ifname, strerror(-rc));
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
