/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ports.c - interfaces that packets may leave by.
 *
 * Those on the way to backends are added with each next hop. The replies of NAT follow the kernel's
 * routes, which may lead to any interface, and name a VLAN device where frames leave by the one below.
 */
#include "agent/agent.h"

#include "core/log.h"

struct walk {
	struct agent *agent;
	bool nat;
};

static void each_link(void *ctx, const struct net_link *l)
{
	const struct walk *w = ctx;
	struct agent *a = w->agent;
	uint32_t lower;
	struct err err;
	uint16_t vlan;
	int rc = 0;

	if (l->is_vlan && net__vlan(a->net, l, &lower, &vlan) == 0)
		rc = plane__vlan_set(a->plane, l->ifindex, lower, vlan & ~NET_TAG, &err);
	else if (l->is_vlan)
		plane__vlan_forget(a->plane, l->ifindex);
	else if (w->nat && l->ether && l->up)
		rc = plane__port_add(a->plane, l->ifindex, &err);
	if (rc)
		log_warn("interface %s: %s; replies to clients behind it are dropped", l->name,
			 err.text);
}

void ports__sync(struct agent *a, const struct config *c)
{
	struct walk w = {.agent = a, .nat = commit__options(c).gates.nat};

	net__links(a->net, each_link, &w);
}
