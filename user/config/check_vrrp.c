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

/* A cost of nothing. */
static void check_cost(const struct node *track, const char *cost, const char *of, size_t index,
		       struct problem_sink *sink)
{
	if (node__sound(track, cost) && node__find(track, of) < 0)
		check__tell(sink, node__sound(track, cost),
			    "vrrp[%zu].track.%s: means nothing without %s", index, cost, of);
}

static bool has_session(const struct config *c, const struct addr *peer)
{
	for (size_t i = 0; i < c->n_bfd; i++)
		if (addr__equal(&c->bfd[i].peer, peer))
			return true;
	return false;
}

static void check_commands(const struct config_vrrp *g, const struct node *track, size_t index,
			   struct problem_sink *sink)
{
	struct node *const *nodes = check__items(track, "commands", g->n_commands);

	for (size_t i = 0; nodes && i < g->n_commands; i++) {
		const struct config_words *command = &g->commands[i].probe.command;
		const struct node *name = node__sound(nodes[i], "name");
		const struct node *words = node__sound(nodes[i], "command");
		size_t j = 0;

		if (words && command->n && command->list[0][0] != '/')
			check__tell(sink, words,
				    "vrrp[%zu].track.commands[%zu].command: \"%s\" must be an "
				    "absolute path, beginning with \"/\"",
				    index, i, command->list[0]);
		while (name && j < i && strcmp(g->commands[j].name, g->commands[i].name) != 0)
			j++;
		if (name && j < i)
			check__tell(sink, name,
				    "vrrp[%zu].track.commands[%zu].name: same name as "
				    "vrrp[%zu].track.commands[%zu]",
				    index, i, index, j);
	}
}

static void check_track(const struct config *c, const struct config_vrrp *g, const struct node *map,
			size_t index, struct problem_sink *sink)
{
	const struct node *track = node__sound(map, "track");
	struct node *const *peers;

	if (!track)
		return;
	if (g->priority == 255 && node__sound(map, "priority"))
		check__tell(sink, track,
			    "vrrp[%zu].track: the owner of addresses (priority 255) never gives "
			    "way; leave it out, or write a priority of at most 254",
			    index);
	if (track->kind != NODE_MAP)
		return;
	check_cost(track, "interface_cost", "interfaces", index, sink);
	check_cost(track, "bfd_cost", "bfd", index, sink);
	check_commands(g, track, index, sink);
	check__bgp(g, track, index, sink);
	peers = check__items(track, "bfd", g->n_track_bfd);
	for (size_t i = 0; peers && i < g->n_track_bfd; i++)
		if (!peers[i]->bad && !has_session(c, &g->track_bfd[i]))
			check__tell(sink, peers[i],
				    "vrrp[%zu].track.bfd[%zu]: there is no session with %s in the "
				    "list `bfd`",
				    index, i, peers[i]->text);
}

static void check_group(const struct config *c, const struct config_vrrp *g, const struct node *map,
			size_t index, struct problem_sink *sink)
{
	struct node *const *addresses = check__items(map, "addresses", g->n_addresses);

	if (map->kind != NODE_MAP)
		return;
	check_times(g, map, index, sink);
	check_track(c, g, map, index, sink);
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
		check_group(c, &c->vrrp[i], nodes[i], i, sink);
	err = check_identities(c, nodes, sink);
	return err ? err : check_addresses(c, nodes, sink);
}
