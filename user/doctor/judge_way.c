/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_way.c - the ways to the backends. What many have in common is one finding. */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/checks.h"

#define ETHERNET_MTU 1500 /* what clients' packets come to */

/* What keeps frames from a backend; the worst first. */
enum fault {
	FAULT_NO_ROUTE,
	FAULT_LOCAL,
	FAULT_DOWN,
	FAULT_NO_ETHER,
	FAULT_STACKED,
	FAULT_ROUTED,
	FAULT_FAILED,
	FAULT_UNKNOWN,
	FAULTS, /* none */
};

static enum fault fault_of(const struct doctor_way *w)
{
	const uint16_t usable =
		NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

	if (w->error || (!w->net.local && !w->device))
		return FAULT_NO_ROUTE;
	if (w->net.local)
		return FAULT_LOCAL;
	if (!w->device->link.up)
		return FAULT_DOWN;
	if (!w->device->link.ether)
		return FAULT_NO_ETHER;
	if (w->device->link.is_vlan && !w->below)
		return FAULT_STACKED;
	if (w->service->forward == CONFIG_FWD_L2 && w->net.has_via)
		return FAULT_ROUTED;
	/* On a link where somebody answers, nobody sees an entry that is incomplete. */
	if (w->net.neighbour & (NUD_FAILED | NUD_INCOMPLETE))
		return FAULT_FAILED;
	return (w->net.neighbour & usable) && w->net.has_mac ? FAULTS : FAULT_UNKNOWN;
}

/* "web/b1 (10.0.0.11) and 3 others" */
static const char *name_ways(const struct doctor_way *w, size_t n, char *buf, size_t len)
{
	char address[ADDR_STRLEN];
	int at = snprintf(buf, len, "%s/%s (%s)", w->service->name, w->backend->id,
			  addr__format(&w->backend->address, address));

	if (n > 1 && at > 0 && (size_t)at < len)
		snprintf(buf + at, len - (size_t)at, " and %zu other%s", n - 1, n == 2 ? "" : "s");
	return buf;
}

static const char *fix_of(const struct doctor_way *w, enum fault fault, struct doctor_report *r)
{
	char address[ADDR_STRLEN], word[DOCTOR_WORD];

	switch (fault) {
	case FAULT_DOWN:
		return doctor_report__command(r, "ip link set dev %s up",
					      doctor__word(w->device->link.name, word));
	case FAULT_FAILED:
	case FAULT_UNKNOWN:
		return doctor_report__command(r, "ping -c 1 -W 2 %s",
					      addr__format(&w->net.via, address));
	default:
		return doctor_report__command(r, "ip route get %s",
					      addr__format(&w->backend->address, address));
	}
}

void doctor_check__nexthops(const struct doctor_facts *f, struct doctor_report *r)
{
	static const struct {
		enum doctor_level level;
		const char *text;
	} faults[FAULTS] = {
		[FAULT_NO_ROUTE] = {DOCTOR_ERROR, "there is no route to"},
		[FAULT_LOCAL] = {DOCTOR_ERROR, "an address of this machine itself is given for"},
		[FAULT_DOWN] = {DOCTOR_ERROR, "the interface is down on the way to"},
		[FAULT_NO_ETHER] =
			{DOCTOR_ERROR,
			 "the route leads to an interface without Ethernet addresses for"},
		[FAULT_STACKED] =
			{DOCTOR_ERROR,
			 "the route leads to a VLAN device that one 802.1Q tag is not enough "
			 "for, on the way to"},
		[FAULT_ROUTED] =
			{DOCTOR_ERROR,
			 "`forward: l2` needs it on the same link, but there is a gateway to"},
		[FAULT_FAILED] = {DOCTOR_ERROR, "nobody answers ARP or NDP on the way to"},
		[FAULT_UNKNOWN] = {DOCTOR_NOTE, "no MAC address is known yet on the way to"},
	};
	const struct doctor_way *first[FAULTS + 1] = {NULL};
	size_t n[FAULTS + 1] = {0};
	char names[256];

	for (size_t i = 0; i < f->n_ways; i++) {
		enum fault fault = fault_of(&f->ways[i]);

		n[fault]++;
		if (!first[fault])
			first[fault] = &f->ways[i];
	}
	for (size_t fault = 0; fault < FAULTS; fault++) {
		enum doctor_level level = faults[fault].level;

		if (!first[fault])
			continue;
		/* An agent would have had it asked for long ago. */
		if (fault == FAULT_UNKNOWN && f->agent.runs)
			level = DOCTOR_WARNING;
		doctor_report__add(r, level, fix_of(first[fault], (enum fault)fault, r), "%s %s",
				   faults[fault].text,
				   name_ways(first[fault], n[fault], names, sizeof(names)));
	}
	if (n[FAULTS])
		doctor_report__ok(r, "the next hops of %zu of %zu backends are known", n[FAULTS],
				  f->n_ways);
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

/* How many neighbours of a family the ways lead over. */
static size_t count_neighbours(const struct doctor_facts *f, bool v4)
{
	struct addr *list = calloc(f->n_ways + 1, sizeof(*list));
	size_t n = 0, different = 0;

	for (size_t i = 0; list && i < f->n_ways; i++) {
		const struct doctor_way *w = &f->ways[i];

		if (!w->error && !w->net.local && addr__is4(&w->net.via) == v4)
			list[n++] = w->net.via;
	}
	if (n)
		qsort(list, n, sizeof(*list), compare_addresses);
	for (size_t i = 0; i < n; i++)
		different += !i || !addr__equal(&list[i - 1], &list[i]);
	free(list);
	return different;
}

static void judge_neighbour_table(const struct doctor_facts *f, bool v4, int most,
				  struct doctor_report *r)
{
	const char *name = v4 ? "ipv4" : "ipv6";
	size_t n = count_neighbours(f, v4), better = 1024;

	if (most == DOCTOR_UNKNOWN || !n)
		return;
	if (n < (size_t)most) {
		doctor_report__ok(r, "%zu of %d neighbours of %s that the kernel has room for", n,
				  most, name);
		return;
	}
	while (better < 2 * n)
		better *= 2;
	doctor_report__add(
		r, DOCTOR_ERROR,
		doctor_report__command(
			r,
			"sysctl -w net.%s.neigh.default.gc_thresh3=%zu "
			"net.%s.neigh.default.gc_thresh2=%zu net.%s.neigh.default.gc_thresh1=%zu",
			name, better, name, better / 2, name, better / 4),
		"backends are reached over %zu neighbours of %s, and the kernel has room for "
		"%d (gc_thresh3): their MAC addresses are forgotten again and again",
		n, name, most);
}

void doctor_check__neighbour_table(const struct doctor_facts *f, struct doctor_report *r)
{
	judge_neighbour_table(f, true, f->neighbours4, r);
	judge_neighbour_table(f, false, f->neighbours6, r);
}

/* What the outer headers take, in bytes. */
static uint32_t overhead_of(const struct doctor_way *w)
{
	uint32_t ip = addr__is4(&w->backend->address) ? 20 : 40;

	switch (w->service->forward) {
	case CONFIG_FWD_IPIP:
		return ip;
	case CONFIG_FWD_GUE:
		return ip + 12; /* UDP and GUE */
	default:
		return 0;
	}
}

/* The frames that come in, as far as clients send such: they are behind a router, most often. */
static uint32_t incoming_mtu(const struct doctor_facts *f)
{
	uint32_t most = 0;

	for (size_t i = 0; i < f->n_devices; i++) {
		const struct doctor_device *d = &f->devices[i];

		if (d->named && d->exists && d->link.mtu > most)
			most = d->link.mtu;
	}
	return most < ETHERNET_MTU ? most : ETHERNET_MTU;
}

/* Tunnels: what a client on Ethernet sends is to fit in. Else: what comes in is to get out. */
static uint32_t mtu_needed(const struct doctor_facts *f, const struct doctor_way *w)
{
	uint32_t overhead = overhead_of(w);

	return overhead ? ETHERNET_MTU + overhead : incoming_mtu(f);
}

/* Whether a route of its own, not the interface, is what is too small. */
static bool is_narrowed(const struct doctor_way *w)
{
	return w->net.mtu && w->net.mtu < w->device->link.mtu;
}

/* Frames that leave by a device: the largest that any way over it needs. */
static void judge_device_mtu(const struct doctor_facts *f, const struct doctor_device *d,
			     struct doctor_report *r)
{
	const struct doctor_way *first = NULL;
	uint32_t needed = 0;
	char names[256], word[DOCTOR_WORD];
	size_t n = 0, all = 0;

	for (size_t i = 0; i < f->n_ways; i++) {
		const struct doctor_way *w = &f->ways[i];

		if (w->error || w->device != d)
			continue;
		all++;
		if (mtu_needed(f, w) <= d->link.mtu)
			continue;
		n++;
		if (mtu_needed(f, w) > needed) {
			needed = mtu_needed(f, w);
			first = w;
		}
	}
	if (!first) {
		if (all)
			doctor_report__ok(r, "%s: its MTU of %u is enough for %zu backends",
					  d->name, d->link.mtu, all);
		return;
	}
	doctor_report__add(r, DOCTOR_WARNING,
			   doctor_report__command(r, "ip link set dev %s mtu %u",
						  doctor__word(d->name, word), needed),
			   "%s: its MTU of %u is too small for packets of %u bytes to %s (%u with "
			   "%s): clients must be told to send less, or backends to announce it "
			   "(docs/operations.md, MTU)",
			   d->name, d->link.mtu, needed - overhead_of(first),
			   name_ways(first, n, names, sizeof(names)), needed,
			   config_forward__name(first->service->forward));
}

/* Routes that say less than their interface: one that was configured so, or learnt of a router. */
static void judge_route_mtu(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct doctor_way *first = NULL;
	char names[256], address[ADDR_STRLEN];
	size_t n = 0;

	for (size_t i = 0; i < f->n_ways; i++) {
		const struct doctor_way *w = &f->ways[i];

		if (w->error || !w->device || !is_narrowed(w) || w->net.mtu >= mtu_needed(f, w))
			continue;
		n++;
		if (!first)
			first = w;
	}
	if (!first)
		return;
	doctor_report__add(
		r, DOCTOR_WARNING,
		doctor_report__command(r, "ip route get %s",
				       addr__format(&first->backend->address, address)),
		"the route says an MTU of %u, less than its interface's %u, for %s, which "
		"needs %u: see where it comes from",
		first->net.mtu, first->device->link.mtu, name_ways(first, n, names, sizeof(names)),
		mtu_needed(f, first));
}

void doctor_check__mtu(const struct doctor_facts *f, struct doctor_report *r)
{
	for (size_t i = 0; i < f->n_devices; i++) {
		if (f->devices[i].exists)
			judge_device_mtu(f, &f->devices[i], r);
	}
	judge_route_mtu(f, r);
}

static bool any_native(const struct doctor_facts *f)
{
	for (size_t i = 0; i < f->n_devices; i++) {
		const struct doctor_device *d = &f->devices[i];

		if (d->named && d->xdp_known && d->xdp.mode == PLANE_SEEN_NATIVE)
			return true;
	}
	return false;
}

/* Devices that frames are redirected to: their driver must take what is no packet of the kernel's. */
void doctor_check__egress(const struct doctor_facts *f, struct doctor_report *r)
{
	for (size_t i = 0; i < f->n_devices; i++) {
		const struct doctor_device *d = &f->devices[i];
		const struct doctor_way *first = NULL;
		char names[256];
		size_t n = 0;

		for (size_t w = 0; w < f->n_ways; w++) {
			const struct doctor_way *way = &f->ways[w];

			if (way->error || (way->below ? way->below : way->device) != d)
				continue;
			n++;
			if (!first)
				first = way;
		}
		if (!first || d->named || !d->features_known)
			continue;
		if (!any_native(f) || d->features & DOCTOR_XDP_TARGET) {
			doctor_report__ok(r, "%s takes the frames for %zu backends", d->name, n);
			continue;
		}
		doctor_report__add(
			r, DOCTOR_ERROR, doctor__edit(f, r),
			"%s (driver %s) does not take frames from other interfaces' programs "
			"as it is set up, so none get to %s: name it in `interfaces`, too",
			d->name, d->driver[0] ? d->driver : "unknown",
			name_ways(first, n, names, sizeof(names)));
	}
}
