/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_vrrp.c - VRRP groups: what goes together in one, and what no two may share. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/twins.h"

static const char *family_name(const struct addr *a)
{
	return addr__is4(a) ? "IPv4" : "IPv6";
}

/* All of a list are of the family of the group's first address. */
static void check_families(const struct config_vrrp *g, struct node *const *nodes,
			   const struct addr *list, size_t n, size_t index, const char *key,
			   struct problem_sink *sink)
{
	char text[ADDR_STRLEN];

	for (size_t i = 0; nodes && i < n; i++)
		if (!nodes[i]->bad && addr__is4(&list[i]) != addr__is4(&g->addresses[0]))
			check__tell(sink, nodes[i],
				    "vrrp[%zu].%s[%zu]: %s is not an %s address, and the group is "
				    "%s; a group has one family, so make one for each",
				    index, key, i, addr__format(&list[i], text),
				    family_name(&g->addresses[0]), family_name(&g->addresses[0]));
}

static void check_source(const struct config_vrrp *g, const struct node *map, size_t index,
			 struct problem_sink *sink)
{
	const struct node *source = node__sound(map, "source");

	if (!source)
		return;
	if (addr__is4(&g->source) != addr__is4(&g->addresses[0]))
		check__tell(sink, source,
			    "vrrp[%zu].source: is not an %s address, and the group is", index,
			    family_name(&g->addresses[0]));
	else if (!addr__is4(&g->source) && !g->n_peers && !check__broken(map, "peers"))
		check__tell(sink, source,
			    "vrrp[%zu].source: IPv6 adverts to the multicast group come from the "
			    "link-local address; leave it out, or list peers",
			    index);
}

static void check_times(const struct config_vrrp *g, const struct node *map, size_t index,
			struct problem_sink *sink)
{
	const struct node *interval = node__sound(map, "interval");
	const struct node *delay = node__sound(map, "preempt_delay");

	if (interval && g->interval_ms % 10)
		check__tell(sink, interval,
			    "vrrp[%zu].interval: %s is not a multiple of 10ms, the unit that "
			    "adverts have",
			    index, interval->text);
	if (delay && g->preempt_delay_ms && !g->preempt && !check__broken(map, "preempt"))
		check__tell(sink, delay,
			    "vrrp[%zu].preempt_delay: means nothing with preempt: false; leave one "
			    "of them out",
			    index);
}

static void check_track(const struct config_vrrp *g, const struct node *map, size_t index,
			struct problem_sink *sink)
{
	const struct node *track = node__sound(map, "track");

	if (track && g->priority == 255 && node__sound(map, "priority"))
		check__tell(sink, track,
			    "vrrp[%zu].track: the owner of addresses (priority 255) never gives "
			    "way; leave it out, or write a priority of at most 254",
			    index);
	else if (track && track->kind == NODE_MAP && node__sound(track, "interface_cost") &&
		 node__find(track, "interfaces") < 0)
		check__tell(sink, node__sound(track, "interface_cost"),
			    "vrrp[%zu].track.interface_cost: means nothing without interfaces",
			    index);
}

static void check_group(const struct config_vrrp *g, const struct node *map, size_t index,
			struct problem_sink *sink)
{
	struct node *const *addresses = check__items(map, "addresses", g->n_addresses);

	if (map->kind != NODE_MAP)
		return;
	check_times(g, map, index, sink);
	check_track(g, map, index, sink);
	if (!addresses || addresses[0]->bad)
		return;
	check_source(g, map, index, sink);
	check_families(g, addresses, g->addresses, g->n_addresses, index, "addresses", sink);
	check_families(g, check__items(map, "peers", g->n_peers), g->peers, g->n_peers, index,
		       "peers", sink);
}

/* Names; and routers: interface, VRID and family together. */
static int check_identities(const struct config *c, struct node *const *nodes,
			    struct problem_sink *sink)
{
	struct twins *twins = twins__new(c->n_vrrp);

	if (!twins)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_vrrp; i++) {
		const struct node *name = node__sound(nodes[i], "name");

		if (name)
			memcpy(twins__add(twins, "vrrp", i, name)->key, c->vrrp[i].name,
			       FL_NAME_LEN);
	}
	twins__tell(twins, ".name", "name", sink);
	for (size_t i = 0; i < c->n_vrrp; i++) {
		const struct config_vrrp *g = &c->vrrp[i];
		const struct node *vrid = node__sound(nodes[i], "vrid");
		unsigned char *key;

		if (!vrid || !node__sound(nodes[i], "interface") || !g->n_addresses)
			continue;
		key = twins__add(twins, "vrrp", i, vrid)->key;
		memcpy(key, g->interface, CONFIG_IFNAME_LEN);
		key[CONFIG_IFNAME_LEN] = g->vrid;
		key[CONFIG_IFNAME_LEN + 1] = addr__is4(&g->addresses[0]);
	}
	twins__tell(twins, ".vrid", "interface, family and vrid", sink);
	free(twins);
	return 0;
}

/* No address is in two groups, or twice in one. */
static int check_addresses(const struct config *c, struct node *const *nodes,
			   struct problem_sink *sink)
{
	struct twins *twins = twins__new(c->n_vrrp * CONFIG_VRRP_ADDRESSES);
	char(*paths)[PATH_LEN] = calloc(c->n_vrrp, sizeof(*paths));
	int err = twins && paths ? 0 : -ENOMEM;

	for (size_t i = 0; i < c->n_vrrp && !err; i++) {
		const struct config_vrrp *g = &c->vrrp[i];
		struct node *const *items = check__items(nodes[i], "addresses", g->n_addresses);

		snprintf(paths[i], sizeof(paths[i]), "vrrp[%zu].addresses", i);
		for (size_t k = 0; items && k < g->n_addresses; k++)
			if (!items[k]->bad)
				memcpy(twins__add(twins, paths[i], k, items[k])->key,
				       &g->addresses[k], sizeof(g->addresses[k]));
	}
	if (!err)
		twins__tell(twins, "", "address", sink);
	free(paths);
	free(twins);
	return err;
}

int check__vrrp(const struct config *c, const struct node *root, struct problem_sink *sink)
{
	struct node *const *nodes = check__items(root, "vrrp", c->n_vrrp);
	int err;

	if (!nodes || !c->n_vrrp)
		return 0;
	for (size_t i = 0; i < c->n_vrrp; i++)
		check_group(&c->vrrp[i], nodes[i], i, sink);
	err = check_identities(c, nodes, sink);
	return err ? err : check_addresses(c, nodes, sink);
}
