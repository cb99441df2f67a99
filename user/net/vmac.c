/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/vmac.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address_internal.h"
#include "net/vmac_internal.h"

/*
 * What the interface below is to have for IPv4. It answers for its own addresses alone, not for those of the
 * device; and when it asks for a neighbour on behalf of a packet from such an address, it does not name that
 * one as its own, which would teach the neighbour the wrong MAC address.
 */
#define ARP_IGNORE 1
#define ARP_ANNOUNCE 2

struct lookup {
	struct net_vmac_link *out;
	int rc;
};

static int on_answer(const struct nlmsghdr *nlh, void *ctx)
{
	struct lookup *l = ctx;

	l->rc = net_wire__vmac_link(nlh, l->out);
	return MNL_CB_STOP;
}

/* -ENODEV: there is no such link. */
static int look_up(struct net_addresses *n, const char *name, struct net_vmac_link *out)
{
	struct lookup l = {.out = out, .rc = -ENODEV};
	char buf[NET_BUF];
	int rc = net_ask__request(&n->ask, net_wire__vmac_ask(buf, name), on_answer, &l);

	return rc ? rc : l.rc;
}

#define DUMP_TRIES 5

/* All links; some more than once when they changed meanwhile. */
static int dump(struct net_addresses *n, mnl_cb_t each, void *ctx)
{
	char buf[NET_BUF];
	int rc = -EAGAIN;

	for (int i = 0; i < DUMP_TRIES; i++) {
		rc = net_ask__request(&n->ask, net_wire__ask_links(buf), each, ctx);
		if (rc != -EINTR)
			return rc;
	}
	return -EAGAIN;
}

/* --- what the interface below is changed to, and back ------------------------------------------------ */

/* The interface, and what another device of ours there says that it had. */
struct below {
	uint32_t ifindex;
	struct net_vmac_arp now, had;
};

static int on_below(const struct nlmsghdr *nlh, void *ctx)
{
	struct below *b = ctx;
	struct net_vmac_link l;
	struct net_vmac_arp had;

	if (net_wire__vmac_link(nlh, &l))
		return MNL_CB_OK;
	if (l.link.ifindex == b->ifindex)
		b->now = l.arp;
	else if (net_vmac__is(&l.link) && l.link.lower == b->ifindex &&
		 net_wire__vmac_read_alias(l.alias, "", &had) && had.known)
		b->had = had;
	return MNL_CB_OK;
}

/* What is 0 is raised: any other value the administrator has thought of. */
static struct net_vmac_arp raised(struct net_vmac_arp a)
{
	a.ignore = a.ignore ? a.ignore : ARP_IGNORE;
	a.announce = a.announce ? a.announce : ARP_ANNOUNCE;
	return a;
}

static int raise_arp(struct net_addresses *n, uint32_t ifindex, const struct net_vmac_arp *had)
{
	struct net_vmac_arp to = raised(*had);
	char buf[NET_BUF];

	return had->known ? net_ask__change(&n->ask, net_wire__vmac_arp(buf, ifindex, &to)) : 0;
}

/* Back to what it had, unless a device there still needs it, or someone has set it meanwhile. */
static int lower_arp(struct net_addresses *n, uint32_t ifindex, const struct net_vmac_arp *had)
{
	struct below b = {.ifindex = ifindex};
	struct net_vmac_arp up = raised(*had), to;
	char buf[NET_BUF];
	int rc;

	if (!had->known)
		return 0;
	rc = dump(n, on_below, &b);
	if (rc || b.had.known || !b.now.known)
		return rc;
	to = b.now;
	if (b.now.ignore == up.ignore)
		to.ignore = had->ignore;
	if (b.now.announce == up.announce)
		to.announce = had->announce;
	return net_ask__change(&n->ask, net_wire__vmac_arp(buf, ifindex, &to));
}

/* --- the device ---------------------------------------------------------------------------------------- */

/* 0, also where the kernel has no IPv6; -EROFS. */
static int write_setting(const char *device, const char *key, const char *value)
{
	char path[96];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", device, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -EROFS;
	if (write(fd, value, strlen(value)) < 0)
		rc = -EROFS;
	close(fd);
	return rc;
}

/* No addresses and routes of routers' advertisements; for IPv4 addresses, no IPv6 at all. */
static int quiet_ipv6(const struct net_vmac *v)
{
	int rc;

	if (v->family == AF_INET)
		return write_setting(v->name, "disable_ipv6", "1");
	rc = write_setting(v->name, "accept_ra", "0");
	return rc ? rc : write_setting(v->name, "autoconf", "0");
}

/*
 * Ours by its alias; or one that an agent was killed over before it came to that: down, without an alias, and
 * with the name and MAC address that no one else would give it.
 */
static bool is_ours(const struct net_vmac_link *l, const struct net_vmac *v,
		    struct net_vmac_arp *had)
{
	if (!l->link.is_macvlan || !net_vmac__is(&l->link))
		return false;
	if (!l->alias[0] && !l->admin_up) {
		had->known = false;
		return true;
	}
	return net_wire__vmac_read_alias(l->alias, v->instance, had);
}

static int make(struct net_addresses *n, const struct net_vmac *v, struct net_vmac_link *l)
{
	char buf[NET_BUF];
	int rc = net_ask__change(&n->ask, net_wire__vmac_make(buf, v));

	return rc ? rc : look_up(n, v->name, l);
}

/* Before it is up: its alias, which remembers the interface's settings, then those. */
static int dress(struct net_addresses *n, const struct net_vmac *v, uint32_t ifindex,
		 struct net_vmac_arp had)
{
	struct below b = {.ifindex = v->parent};
	char alias[NET_VMAC_ALIAS], buf[NET_BUF];
	int rc;

	if (v->family == AF_INET && !had.known) {
		rc = dump(n, on_below, &b);
		if (rc)
			return rc;
		had = b.had.known ? b.had : b.now;
	}
	net_wire__vmac_alias(alias, v->instance, &had);
	rc = net_ask__change(&n->ask, net_wire__vmac_dress(buf, ifindex, alias));
	return rc ? rc : raise_arp(n, v->parent, &had);
}

int net_vmac__keep(struct net_addresses *n, const struct net_vmac *want, uint32_t *ifindex)
{
	struct net_vmac_link l = {.alias = ""};
	struct net_vmac_arp had = {false};
	char buf[NET_BUF];
	int rc, quiet;

	if (!want->name[0])
		return -ENODEV;
	rc = look_up(n, want->name, &l);
	if (!rc && !is_ours(&l, want, &had)) {
		*ifindex = 0;
		return -EEXIST;
	}
	/* As the last renewal left it. */
	if (!rc && l.admin_up && l.link.ifindex == *ifindex)
		return quiet_ipv6(want);
	if (rc == -ENODEV)
		rc = make(n, want, &l);
	*ifindex = rc ? 0 : l.link.ifindex;
	if (!rc)
		rc = dress(n, want, *ifindex, had);
	if (rc)
		return rc;
	quiet = quiet_ipv6(want);
	rc = net_ask__change(&n->ask, net_wire__vmac_up(buf, *ifindex));
	return rc ? rc : quiet;
}

int net_vmac__drop(struct net_addresses *n, const struct net_vmac *v)
{
	struct net_vmac_arp had = {false};
	struct net_vmac_link l;
	char buf[NET_BUF];
	int rc;

	if (!v->name[0])
		return 0;
	rc = look_up(n, v->name, &l);
	if (rc || !is_ours(&l, v, &had))
		return rc == -ENODEV ? 0 : rc;
	/*
	 * Whole, and not its addresses first: IPv6 would tell the link of the group that it leaves, from the
	 * virtual MAC address, and have switches take this port for the active router's.
	 */
	rc = net_ask__change(&n->ask, net_wire__vmac_delete(buf, l.link.ifindex));
	if (rc && rc != -ENODEV)
		return rc;
	return lower_arp(n, v->parent, &had);
}

#define SWEPT_AT_ONCE 64

struct sweep {
	const char *instance;
	bool (*wanted)(void *ctx, const char *name);
	void *ctx;
	struct net_vmac found[SWEPT_AT_ONCE];
	size_t n;
};

static int on_swept(const struct nlmsghdr *nlh, void *ctx)
{
	struct sweep *s = ctx;
	struct net_vmac_link l;
	struct net_vmac_arp had;
	struct net_vmac *v = &s->found[s->n];

	if (s->n == SWEPT_AT_ONCE || net_wire__vmac_link(nlh, &l) || !net_vmac__is(&l.link) ||
	    !net_wire__vmac_read_alias(l.alias, s->instance, &had) ||
	    (s->wanted && s->wanted(s->ctx, l.link.name)))
		return MNL_CB_OK;
	*v = net_vmac__of(s->instance, l.link.mac[5], l.link.mac[4] == 1 ? AF_INET : AF_INET6,
			  l.link.lower);
	memcpy(v->name, l.link.name, sizeof(v->name));
	s->n++;
	return MNL_CB_OK;
}

int net_vmac__sweep(struct net_addresses *n, const char *instance,
		    bool (*wanted)(void *ctx, const char *name), void *ctx)
{
	struct sweep s = {.instance = instance, .wanted = wanted, .ctx = ctx};
	int rc;

	do {
		s.n = 0;
		rc = dump(n, on_swept, &s);
		for (size_t i = 0; i < s.n && !rc; i++)
			rc = net_vmac__drop(n, &s.found[i]);
	} while (!rc && s.n == SWEPT_AT_ONCE);
	return rc;
}
