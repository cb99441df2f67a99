/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_vips.c - the services among themselves: their names, and which packets are for which.
 *
 * A packet is for the service of the longest prefix, in it for the one of the fewest ports. What that
 * leaves open (the same packets, or two ranges of equal width that overlap) is a mistake, as is more
 * than an entry of `vips` (abi.h) can hold. Sorted by prefix, protocol, width and first port, all of
 * these are neighbours, and a prefix comes right before those inside it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/twins.h"

struct entry {
	const struct config_service *s;
	const struct node *service, *vip;
	size_t index; /* in the file */
};

static int number(long a, long b)
{
	return (a > b) - (a < b);
}

static long width(const struct entry *e)
{
	return e->s->port_last - e->s->port;
}

static int compare(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int order = memcmp(a->s->vip.addr.b, b->s->vip.addr.b, 16);

	if (!order)
		order = number(a->s->vip.len, b->s->vip.len);
	if (!order)
		order = number(a->s->proto, b->s->proto);
	if (!order)
		order = number(width(a), width(b));
	if (!order)
		order = number(a->s->port, b->s->port);
	return order ? order : number((long)a->index, (long)b->index);
}

/* Told of the one that is later in the file. */
static void tell_overlap(const struct entry *a, const struct entry *b, struct problem_sink *sink)
{
	const struct entry *first = a->index < b->index ? a : b, *later = first == a ? b : a;

	check__tell(sink, node__sound(later->service, "port"),
		    "services[%zu].port: %u-%u and %u-%u of services[%zu] overlap and are equally "
		    "wide, so neither comes first; make one narrower",
		    later->index, later->s->port, later->s->port_last, first->s->port,
		    first->s->port_last, first->index);
}

/* Neighbours of one prefix: the same ports, or ports of which neither is the narrower choice. */
static void check_ports(const struct entry *group, size_t n, struct problem_sink *sink)
{
	const struct entry *first = group;

	for (const struct entry *e = group + 1; e < group + n; e++) {
		bool alike = e->s->proto == first->s->proto && width(e) == width(first);

		if (alike && e->s->port == first->s->port) {
			check__tell(sink, e->vip,
				    "services[%zu].vip: same address, port and protocol as "
				    "services[%zu]",
				    e->index, first->index);
			continue;
		}
		if (alike && e->s->port <= first->s->port_last)
			tell_overlap(first, e, sink);
		first = e;
	}
}

/* Echo requests have no port: who is asked is the address. */
static void check_echo(const struct entry *group, size_t n, struct problem_sink *sink)
{
	const struct entry *first = group;

	for (const struct entry *e = group + 1; e < group + n; e++)
		if (e->index < first->index)
			first = e;
	for (const struct entry *e = group; e < group + n; e++) {
		const struct node *echo = node__sound(e->service, "echo");

		if (e->s->echo == first->s->echo || check__broken(e->service, "echo") ||
		    check__broken(first->service, "echo"))
			continue;
		check__tell(sink, echo ? echo : e->vip,
			    "services[%zu].echo: is %s, and services[%zu] of the same VIP has %s; "
			    "write the same for all",
			    e->index, e->s->echo ? "true" : "false", first->index,
			    first->s->echo ? "true" : "false");
	}
}

/* The prefixes around the one that is looked at, the widest first. */
struct nest {
	struct {
		const struct addr_prefix *prefix;
		size_t ranges; /* that apply to it, those of the prefixes around it included */
	} level[129]; /* one for each length */
	size_t depth;
};

/* fl_vip.ranges of a prefix: its own services, but for those of one address and port, and inherited. */
static void check_ranges(struct nest *nest, const struct entry *group, size_t n,
			 struct problem_sink *sink)
{
	const struct addr_prefix *prefix = &group->s->vip;
	const struct entry *last = NULL;
	size_t ranges = 0;
	char text[ADDR_PREFIX_STRLEN];

	while (nest->depth &&
	       !addr_prefix__holds(nest->level[nest->depth - 1].prefix, &prefix->addr))
		nest->depth--;
	if (nest->depth)
		ranges = nest->level[nest->depth - 1].ranges;
	for (const struct entry *e = group; e < group + n; e++) {
		if (!config_service__wild(e->s))
			continue;
		ranges++;
		if (!last || e->index > last->index)
			last = e;
	}
	nest->level[nest->depth].prefix = prefix;
	nest->level[nest->depth++].ranges = ranges;
	if (last && ranges > FL_VIP_RANGES)
		check__tell(sink, last->vip,
			    "services[%zu].vip: with it %zu services with a range of ports, any "
			    "port or a prefix apply to %s, those of prefixes around it included; "
			    "at most %d fit",
			    last->index, ranges, addr_prefix__format(prefix, text), FL_VIP_RANGES);
}

static void check_entries(struct entry *entries, size_t n, struct problem_sink *sink)
{
	struct nest nest = {.depth = 0};
	size_t end;

	qsort(entries, n, sizeof(*entries), compare);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n; end++)
			if (!addr_prefix__equal(&entries[end].s->vip, &entries[i].s->vip))
				break;
		check_ports(entries + i, end - i, sink);
		check_echo(entries + i, end - i, sink);
		check_ranges(&nest, entries + i, end - i, sink);
	}
}

static int check_names(const struct config *c, struct node *const *nodes, struct problem_sink *sink)
{
	struct twins *twins = twins__new(c->n_services);

	if (!twins)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_services; i++) {
		const struct node *name = node__sound(nodes[i], "name");

		if (name)
			memcpy(twins__add(twins, "services", i, name)->key, c->services[i].name,
			       FL_NAME_LEN);
	}
	twins__tell(twins, ".name", "name", sink);
	free(twins);
	return 0;
}

int check__vips(const struct config *c, struct node *const *nodes, struct problem_sink *sink)
{
	int err = check_names(c, nodes, sink);
	struct entry *entries;
	size_t n = 0;

	if (err)
		return err;
	entries = calloc(c->n_services + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_services; i++) {
		const struct node *vip = node__sound(nodes[i], "vip");

		if (vip && node__sound(nodes[i], "port") && !check__broken(nodes[i], "protocol"))
			entries[n++] = (struct entry){&c->services[i], nodes[i], vip, i};
	}
	check_entries(entries, n, sink);
	free(entries);
	return 0;
}
