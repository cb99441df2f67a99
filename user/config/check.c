/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/twins.h"

#define LOCAL_TABLE 255 /* RT_TABLE_LOCAL */

bool check__broken(const struct node *map, const char *key)
{
	return node__find(map, key) >= 0 && !node__sound(map, key);
}

struct node *const *check__items(const struct node *map, const char *key, size_t n)
{
	const struct node *list = node__sound(map, key);

	return list && list->kind == NODE_LIST && list->n_kids == n ? list->kids : NULL;
}

static int check_interfaces(const struct config *c, const struct node *root,
			    struct problem_sink *sink)
{
	struct node *const *nodes = check__items(root, "interfaces", c->n_interfaces);
	struct twins *twins;

	if (!nodes)
		return 0;
	twins = twins__new(c->n_interfaces);
	if (!twins)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_interfaces; i++)
		if (!nodes[i]->bad)
			memcpy(twins__add(twins, "interfaces", i, nodes[i])->key, c->interfaces[i],
			       CONFIG_IFNAME_LEN);
	twins__tell(twins, "", "interface", sink);
	free(twins);
	return 0;
}

static int check_one_service(const struct config *c, const struct node *root,
			     const struct node *service, size_t i, struct problem_sink *sink)
{
	const struct config_service *s = &c->services[i];
	char path[PATH_LEN];
	int err;

	check__service(c, root, service, i, sink);
	snprintf(path, sizeof(path), "services[%zu].sources", i);
	err = check__sources(&s->sources, node__sound(service, "sources"), path, sink);
	return err ? err : check__backends(s, service, i, sink);
}

/* The table where the kernel keeps which addresses are this machine's own. */
static void check_anycast(const struct config *c, const struct node *root,
			  struct problem_sink *sink)
{
	const struct node *anycast = node__sound(root, "anycast");
	const struct node *table = anycast ? node__sound(anycast, "table") : NULL;

	if (table && c->anycast_table == LOCAL_TABLE)
		check__tell(sink, table,
			    "anycast.table: %d is the kernel's own (\"local\"); write another",
			    LOCAL_TABLE);
}

int config__check(const struct config *c, const struct node *root, struct problem_sink *sink)
{
	struct node *const *nodes = check__items(root, "services", c->n_services);
	int err = check_interfaces(c, root, sink);

	if (!err)
		err = check__sources(&c->sources, node__sound(root, "sources"), "sources", sink);
	if (!err)
		err = check__snat(c, root, nodes, sink);
	if (!err)
		err = check__peers(c, root, sink);
	if (!err)
		check__bfd(c, root, sink);
	check_anycast(c, root, sink);
	if (!err)
		err = check__vrrp(c, root, sink);
	if (!err)
		err = check__alerts(c, root, nodes || !c->n_services, sink);
	if (err || !nodes)
		return err;
	err = check__vips(c, nodes, sink);
	for (size_t i = 0; i < c->n_services && !err; i++)
		err = check_one_service(c, root, nodes[i], i, sink);
	return err ? err : check__entries(c, node__sound(root, "services"), sink);
}
