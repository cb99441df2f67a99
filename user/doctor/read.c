/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/read.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "net/vmac.h"
#include "plane/features.h"

struct links {
	struct net_link *list;
	size_t n;
};

static void on_link(void *ctx, const struct net_link *l)
{
	struct links *links = ctx;
	struct net_link *list;

	for (size_t i = 0; i < links->n; i++) {
		if (links->list[i].ifindex == l->ifindex)
			return; /* the dump was repeated */
	}
	list = realloc(links->list, (links->n + 1) * sizeof(*list));
	if (!list)
		return;
	links->list = list;
	links->list[links->n++] = *l;
}

static const struct net_link *by_index(const struct links *links, uint32_t ifindex)
{
	for (size_t i = 0; i < links->n; i++) {
		if (links->list[i].ifindex == ifindex)
			return &links->list[i];
	}
	return NULL;
}

/* The device of that name, made if it is not on the list; room for it was made before. */
static struct doctor_device *device(struct doctor_facts *f, const char *name,
				    const struct links *links)
{
	struct doctor_device *d = doctor_facts__device(f, name);
	const struct net_link *peer;

	if (d)
		return d;
	d = &f->devices[f->n_devices++];
	*d = (struct doctor_device){.rp_filter = DOCTOR_UNKNOWN,
				    .forwarding4 = DOCTOR_UNKNOWN,
				    .forwarding6 = DOCTOR_UNKNOWN,
				    .redirects = DOCTOR_UNKNOWN};
	snprintf(d->name, sizeof(d->name), "%s", name);
	for (size_t i = 0; i < links->n; i++) {
		if (strcmp(links->list[i].name, name) == 0) {
			d->exists = true;
			d->link = links->list[i];
		}
	}
	for (size_t i = 0; d->exists && i < links->n; i++)
		d->carries_vlans |=
			links->list[i].is_vlan && links->list[i].lower == d->link.ifindex;
	peer = d->link.is_veth ? by_index(links, d->link.lower) : NULL;
	if (peer)
		memcpy(d->peer, peer->name, sizeof(d->peer));
	return d;
}

static size_t count_backends(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_services; i++)
		n += c->services[i].n_backends;
	return n;
}

/* Of a VLAN device that the agent can send by, the one below (net__vlan()). */
static const struct net_link *below(const struct links *links, const struct net_link *l)
{
	const struct net_link *lower = l->is_vlan && l->q ? by_index(links, l->lower) : NULL;

	return lower && !lower->is_vlan ? lower : NULL;
}

static void read_way(struct doctor_facts *f, struct net_lookup *lookup, const struct links *links,
		     struct doctor_way *w)
{
	const struct net_link *link, *lower;

	w->error = net_lookup__way(lookup, &w->backend->address, &w->net);
	if (w->error)
		return;
	link = by_index(links, w->net.ifindex);
	if (!link || w->net.local)
		return;
	w->device = device(f, link->name, links);
	lower = below(links, link);
	w->below = lower ? device(f, lower->name, links) : NULL;
}

static void read_ways(struct doctor_facts *f, struct net_lookup *lookup, const struct links *links)
{
	for (size_t i = 0; i < f->config->n_services; i++) {
		const struct config_service *s = &f->config->services[i];

		for (size_t b = 0; b < s->n_backends; b++) {
			struct doctor_way *w = &f->ways[f->n_ways++];

			w->service = s;
			w->backend = &s->backends[b];
			read_way(f, lookup, links, w);
		}
	}
}

static void read_device(struct doctor_facts *f, struct doctor_device *d)
{
	d->rp_filter = doctor_read__sysctl("net/ipv4/conf/%s/rp_filter", d->name);
	d->forwarding4 = doctor_read__sysctl("net/ipv4/conf/%s/forwarding", d->name);
	d->forwarding6 = doctor_read__sysctl("net/ipv6/conf/%s/forwarding", d->name);
	d->redirects = doctor_read__sysctl("net/ipv4/conf/%s/send_redirects", d->name);
	if (!d->exists)
		return;
	d->xdp_known = !plane_seen__xdp(f->config->instance, d->name, d->link.ifindex, &d->xdp);
	doctor_read__ethtool(d);
	doctor_read__interrupts(d);
}

/* The interfaces of the configuration, the ways to its backends, and the devices that these lead over. */
static void read_devices(struct doctor_facts *f, struct net_lookup *lookup,
			 const struct links *links)
{
	for (size_t i = 0; i < f->config->n_interfaces; i++)
		device(f, f->config->interfaces[i], links)->named = true;
	read_ways(f, lookup, links);
	for (size_t i = 0; i < f->n_devices; i++)
		read_device(f, &f->devices[i]);
	doctor_read__features(f);
}

/* Room for all links was made. */
static void read_vmacs(struct doctor_facts *f, const struct links *links)
{
	for (size_t i = 0; i < links->n; i++) {
		const struct net_link *l = &links->list[i], *on = by_index(links, l->lower);
		struct doctor_vmac *v = &f->vmacs[f->n_vmacs];

		if (!net_vmac__is(l))
			continue;
		memcpy(v->name, l->name, sizeof(v->name));
		memcpy(v->mac, l->mac, sizeof(v->mac));
		if (on)
			memcpy(v->interface, on->name, sizeof(v->interface));
		f->n_vmacs++;
	}
}

static void read_net(struct doctor_facts *f)
{
	struct net_lookup *lookup = NULL;
	struct links links = {0};

	if (net_lookup__open(&lookup, NULL))
		return;
	if (net_lookup__links(lookup, on_link, &links) == 0) {
		/* A way leads over one of the links that there are; pointers into the array must stay. */
		f->devices = calloc(f->config->n_interfaces + links.n + 1, sizeof(*f->devices));
		f->ways = calloc(count_backends(f->config) + 1, sizeof(*f->ways));
		f->vmacs = calloc(links.n + 1, sizeof(*f->vmacs));
		f->net_known = f->devices && f->ways && f->vmacs;
	}
	if (f->net_known) {
		read_devices(f, lookup, &links);
		read_vmacs(f, &links);
	}
	net_lookup__close(lookup);
	free(links.list);
}

static void read_kernel(struct doctor_kernel *k)
{
	const struct plane_feature *list;
	struct utsname name;
	size_t n;

	if (!uname(&name))
		snprintf(k->release, sizeof(k->release), "%s", name.release);
	k->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	k->btf = plane_features__btf();
	doctor_read__image(k);
	if (!capng_get_caps_process()) {
		bool admin = capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);

		k->may_try = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) &&
			     (admin || (capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) &&
					capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON)));
	}
	if (!k->may_try)
		return;
	plane_features__quiet();
	list = plane_features__list(&n);
	for (size_t i = 0; i < n && i < DOCTOR_FEATURES; i++)
		k->features[k->n_features++] = (struct doctor_feature){
			.what = list[i].what, .since = list[i].since, .has = list[i].has()};
	k->shares = plane_features__sharing();
}

static int read_clock(void)
{
	struct timex t = {0};
	int state = adjtimex(&t);

	if (state < 0)
		return DOCTOR_UNKNOWN;
	return state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

void doctor_facts__read(struct doctor_facts *f)
{
	struct timespec now;

	if (f->agent.runs)
		doctor_read__process(&f->agent);
	read_kernel(&f->kernel);
	if (f->config) {
		plane_seen__look(f->config->instance, &f->plane);
		doctor_read__bgp(f);
		if (!f->agent.other_net)
			read_net(f);
	} else {
		plane_seen__look("main", &f->plane);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	f->now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	f->rp_filter_all = doctor_read__sysctl("net/ipv4/conf/all/rp_filter");
	f->forward4 = doctor_read__sysctl("net/ipv4/ip_forward");
	f->forward6 = doctor_read__sysctl("net/ipv6/conf/all/forwarding");
	f->redirects_all = doctor_read__sysctl("net/ipv4/conf/all/send_redirects");
	f->neighbours4 = doctor_read__sysctl("net/ipv4/neigh/default/gc_thresh3");
	f->neighbours6 = doctor_read__sysctl("net/ipv6/neigh/default/gc_thresh3");
	f->irqbalance = doctor_read__runs("irqbalance");
	f->chrony = doctor_read__runs("chronyd");
	f->clock = read_clock();
}

void doctor_facts__free(struct doctor_facts *f)
{
	free(f->devices);
	free(f->ways);
	free(f->bgp);
	free(f->vmacs);
}
