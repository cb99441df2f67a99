/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "config/check.h"

/* Where its packets go must be one link: an address that each link has says nothing alone. */
static void check_addresses(const struct config_bfd *b, const struct node *node, size_t i,
			    struct problem_sink *sink)
{
	const struct node *peer = node__sound(node, "peer"), *local = node__sound(node, "local");
	bool linked = node__find(node, "interface") >= 0;

	if (peer && addr__is_link_local(&b->peer) && !linked)
		check__tell(sink, peer,
			    "bfd[%zu].peer: is a link-local address, which means nothing without "
			    "its interface; write `interface`, too",
			    i);
	if (!local)
		return;
	if (peer && addr__family(&b->peer) != addr__family(&b->local))
		check__tell(sink, local, "bfd[%zu].local: is not of the peer's family", i);
	else if (addr__equal(&b->peer, &b->local))
		check__tell(sink, local, "bfd[%zu].local: is the peer's address", i);
	else if (addr__is_link_local(&b->local) && !linked)
		check__tell(sink, local,
			    "bfd[%zu].local: is a link-local address, which means nothing without "
			    "its interface; write `interface`, too",
			    i);
}

/* Two with one peer are told apart by where its packets come in. */
static bool is_ambiguous(const struct config_bfd *a, const struct config_bfd *b)
{
	return addr__equal(&a->peer, &b->peer) &&
	       (!a->interface[0] || !b->interface[0] || strcmp(a->interface, b->interface) == 0);
}

static bool is_sound(const struct node *node)
{
	return node__sound(node, "peer") && !check__broken(node, "interface");
}

void check__bfd(const struct config *c, const struct node *root, struct problem_sink *sink)
{
	struct node *const *nodes = check__items(root, "bfd", c->n_bfd);

	for (size_t i = 0; nodes && i < c->n_bfd; i++) {
		check_addresses(&c->bfd[i], nodes[i], i, sink);
		for (size_t j = 0; j < i; j++) {
			if (!is_sound(nodes[i]) || !is_sound(nodes[j]) ||
			    !is_ambiguous(&c->bfd[i], &c->bfd[j]))
				continue;
			check__tell(
				sink, node__sound(nodes[i], "peer"),
				"bfd[%zu].peer: same peer as bfd[%zu]; two sessions with one peer "
				"need an interface each",
				i, j);
			break;
		}
	}
}
