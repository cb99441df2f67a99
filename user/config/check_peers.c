/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/twins.h"

static void check_address(const struct config *c, const struct node *peer, size_t i,
			  struct problem_sink *sink)
{
	const struct node *address = node__sound(peer, "address");

	if (!address)
		return;
	if (addr__equal(&c->peers[i].address, &c->peer_listen))
		check__tell(sink, address,
			    "peers.list[%zu].address: this is `listen`: a peer is another machine",
			    i);
	else if (addr__family(&c->peers[i].address) != addr__family(&c->peer_listen))
		check__tell(sink, address,
			    "peers.list[%zu].address: of another family than `listen`", i);
}

int check__peers(const struct config *c, const struct node *root, struct problem_sink *sink)
{
	const struct node *map = node__sound(root, "peers");
	struct node *const *nodes = map ? check__items(map, "list", c->n_peers) : NULL;
	struct twins *names, *addresses;

	if (!nodes)
		return 0;
	names = twins__new(c->n_peers);
	addresses = twins__new(c->n_peers);
	if (!names || !addresses) {
		free(names);
		free(addresses);
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->n_peers; i++) {
		if (node__sound(nodes[i], "name"))
			memcpy(twins__add(names, "peers.list", i, node__sound(nodes[i], "name"))
				       ->key,
			       c->peers[i].name, CONFIG_PEER_LEN);
		if (node__sound(nodes[i], "address"))
			memcpy(twins__add(addresses, "peers.list", i,
					  node__sound(nodes[i], "address"))
				       ->key,
			       c->peers[i].address.b, sizeof(c->peers[i].address.b));
		if (node__sound(map, "listen"))
			check_address(c, nodes[i], i, sink);
	}
	twins__tell(names, ".name", "name", sink);
	twins__tell(addresses, ".address", "address", sink);
	free(names);
	free(addresses);
	return 0;
}
