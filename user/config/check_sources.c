/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_sources.c - who may send, and from which addresses full NAT does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/twins.h"

static void add_nets(struct twins *twins, const struct addr_prefix *nets, struct node *const *nodes,
		     size_t n, const char *list)
{
	for (size_t i = 0; nodes && i < n; i++) {
		struct twin *t;

		if (nodes[i]->bad)
			continue;
		t = twins__add(twins, list, i, nodes[i]);
		memcpy(t->key, nets[i].addr.b, 16);
		t->key[16] = nets[i].len;
	}
}

int check__sources(const struct config_sources *s, const struct node *map, const char *path,
		   struct problem_sink *sink)
{
	char allow[PATH_LEN], deny[PATH_LEN];
	struct twins *twins;

	if (!map || !config_sources__any(s))
		return 0;
	twins = twins__new(s->n_allow + s->n_deny);
	if (!twins)
		return -ENOMEM;
	snprintf(allow, sizeof(allow), "%s.allow", path);
	snprintf(deny, sizeof(deny), "%s.deny", path);
	add_nets(twins, s->allow, check__items(map, "allow", s->n_allow), s->n_allow, allow);
	add_nets(twins, s->deny, check__items(map, "deny", s->n_deny), s->n_deny, deny);
	twins__tell(twins, "", "prefix", sink);
	free(twins);
	return 0;
}

/* Replies to a VIP are clients' packets for the service, so no source may be one. */
static void check_no_vip(const struct config *c, struct node *const *services,
			 const struct addr *source, const struct node *node, const char *list,
			 size_t index, struct problem_sink *sink)
{
	for (size_t i = 0; services && i < c->n_services; i++) {
		if (!node__sound(services[i], "vip") ||
		    !addr_prefix__holds(&c->services[i].vip, source))
			continue;
		check__tell(sink, node,
			    "%s[%zu]: belongs to the VIP of services[%zu]; write an "
			    "address of this machine's own",
			    list, index, i);
		return;
	}
}

static int check_snat_list(const struct config *c, const struct addr *addrs,
			   struct node *const *nodes, size_t n, struct node *const *services,
			   const char *list, struct problem_sink *sink)
{
	struct twins *twins;

	if (!nodes)
		return 0;
	twins = twins__new(n);
	if (!twins)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (nodes[i]->bad)
			continue;
		memcpy(twins__add(twins, list, i, nodes[i])->key, addrs[i].b, 16);
		check_no_vip(c, services, &addrs[i], nodes[i], list, i, sink);
	}
	twins__tell(twins, "", "address", sink);
	free(twins);
	return 0;
}

int check__snat(const struct config *c, const struct node *root, struct node *const *nodes,
		struct problem_sink *sink)
{
	const struct node *snat = node__sound(root, "snat"), *ports;
	int n, machines, err;

	if (!snat)
		return 0;
	ports = node__sound(snat, "ports");
	n = c->snat_port_last - c->snat_port_first + 1;
	machines = (int)c->n_peers + 1;
	if (ports && n < machines * CONFIG_MIN_SNAT_PORTS)
		check__tell(
			sink, ports,
			"snat.ports: holds %d ports, and each CPU%s needs a part of them; write %d "
			"or more",
			n, machines > 1 ? " of this machine and its peers" : "",
			machines * CONFIG_MIN_SNAT_PORTS);
	err = check_snat_list(c, c->snat4, check__items(snat, "source4", c->n_snat4), c->n_snat4,
			      nodes, "snat.source4", sink);
	if (!err)
		err = check_snat_list(c, c->snat6, check__items(snat, "source6", c->n_snat6),
				      c->n_snat6, nodes, "snat.source6", sink);
	return err;
}
