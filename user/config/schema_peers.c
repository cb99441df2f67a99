/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_peers.c - the keys of `peers`: the other agents that this one talks to. */
#include "config/schema.h"

#include <stdlib.h>

#define PEER(member) AT(struct config_peer, member)

static const struct option peer_options[] = {
	{"name", value__name, PEER(name), .rule = rule__instance,
	 .missing = "what it is called in status and logs"},
	{"address", value__host, PEER(address), .missing = "where its fairleadd listens"},
};
static const struct section peer_section = {peer_options, COUNT(peer_options)};

static void read_list(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	if (list->kind == NODE_LIST && list->n_kids > CONFIG_MAX_PEERS) {
		reader__problem(r, list, "holds %zu peers, at most %d fit", list->n_kids,
				CONFIG_MAX_PEERS);
		return;
	}
	c->peers = schema__array(r, list, sizeof(*c->peers), 1, "a list of peers");
	if (!c->peers)
		return;
	c->n_peers = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &peer_section, list->kids[i], &c->peers[i]);
		reader__leave(r, was);
	}
}

#define CONFIG(member) AT(struct config, member)

static const struct option peers_options[] = {
	{"listen", value__host, CONFIG(peer_listen),
	 .missing = "this machine's address, where the peers send to"},
	{"port", value__number, CONFIG(peer_port), RANGE(1, 65535), .fallback = "5390"},
	{"key_file", value__string, CONFIG(peer_key_file), .max = 4095, .rule = rule__file,
	 .missing = "the key that all peers have, as from `openssl rand -hex 32`"},
	{"interval", value__duration, CONFIG(peer_interval_ms), RANGE(10, 10 * SECOND),
	 .fallback = "100ms"},
	{"list", read_list, CONFIG(peers),
	 LIST_OF(struct config_peer, struct config, n_peers, .section = &peer_section),
	 .missing = "the peers, as in [{name: lb2, address: 192.0.2.2}]"},
};
const struct section schema_peers = {peers_options, COUNT(peers_options)};

void schema__peers(struct reader *r, const struct option *o, struct node *map, void *base)
{
	(void)o;
	if (option__expect(r, map, NODE_MAP, "a mapping (key: value)"))
		section__read(r, &schema_peers, map, base);
}
