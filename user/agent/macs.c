/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/macs.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "core/log.h"
#include "net/vmac.h"

struct reached {
	uint32_t ifindex, master;
	bool attached;
};

struct walk {
	const struct config *configs[2];
	struct reached *list;
	size_t n, room;
	bool failed, grown;
	uint8_t macs[FL_MACS + 1][6];
	size_t n_macs; /* FL_MACS + 1: too many */
};

static bool is_named(const struct walk *w, const struct net_link *l)
{
	for (size_t i = 0; i < sizeof(w->configs) / sizeof(*w->configs); i++) {
		const struct config *c = w->configs[i];

		for (size_t j = 0; c && j < c->n_interfaces; j++) {
			if (strcmp(c->interfaces[j], l->name) == 0)
				return true;
		}
	}
	return false;
}

static void add_mac(struct walk *w, const uint8_t mac[6])
{
	for (size_t i = 0; i < w->n_macs; i++) {
		if (memcmp(w->macs[i], mac, 6) == 0)
			return;
	}
	if (w->n_macs <= FL_MACS)
		memcpy(w->macs[w->n_macs++], mac, 6);
}

static void reach(struct walk *w, const struct net_link *l, bool attached)
{
	if (w->n == w->room) {
		size_t more = w->room ? 2 * w->room : 16;
		struct reached *list = realloc(w->list, more * sizeof(*list));

		if (!list) {
			w->failed = true;
			return;
		}
		w->list = list;
		w->room = more;
	}
	w->list[w->n++] = (struct reached){l->ifindex, l->master, attached};
	w->grown = true;
	add_mac(w, l->mac);
}

static void look_for_attached(void *ctx, const struct net_link *l)
{
	struct walk *w = ctx;

	if (l->ether && is_named(w, l))
		reach(w, l, true);
}

static void look_for_others(void *ctx, const struct net_link *l)
{
	struct walk *w = ctx;
	bool stands_on_one = false;

	/* A virtual router's MAC address is ours when its group says so. */
	if (!l->ether || net_vmac__is(l))
		return;
	for (size_t i = 0; i < w->n; i++) {
		const struct reached *r = &w->list[i];

		if (r->ifindex == l->ifindex)
			return;
		stands_on_one |= r->master == l->ifindex ||
				 ((l->is_vlan || l->is_macvlan) && r->ifindex == l->lower) ||
				 (r->attached && r->ifindex == l->master);
	}
	if (stands_on_one)
		reach(w, l, false);
}

void macs__sync(struct agent *a, const struct config *c)
{
	struct walk w = {.configs = {c, a->config}};
	bool too_many;

	net__links(a->net, look_for_attached, &w);
	while (w.grown && !w.failed) {
		w.grown = false;
		net__links(a->net, look_for_others, &w);
	}
	/* None: every frame is taken for this machine's, which is wrong for those of others alone. */
	too_many = !plane__macs(a->plane, w.macs, w.failed ? 0 : w.n_macs);
	if (too_many && !a->macs.too_many)
		log_warn("the interfaces and what stands on them have more than %d MAC addresses: "
			 "frames that a switch floods are steered too, whoever they are for",
			 FL_MACS);
	a->macs.too_many = too_many;
	free(w.list);
}
