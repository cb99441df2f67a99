/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

void world__init(struct world *w, uint32_t nat_flows, uint32_t flows)
{
	memset(w, 0, sizeof(*w));
	table__init(&w->nat_flows, sizeof(struct fl_nat_key), sizeof(struct fl_nat_flow),
		    nat_flows);
	table__init(&w->frags, sizeof(struct fl_frag_key), sizeof(struct fl_frag), WORLD_FRAGS);
	table__init(&w->flows, sizeof(struct fl_flow_key), sizeof(struct fl_flow), flows);
	table__init(&w->tentative, sizeof(struct fl_flow_key), sizeof(struct fl_tentative),
		    WORLD_TENTATIVE);
}

void world__free(struct world *w)
{
	for (uint32_t i = 0; i < WORLD_SERVICES; i++) {
		free(w->slots[i]);
		free(w->moves[i]);
	}
	table__free(&w->nat_flows);
	table__free(&w->frags);
	table__free(&w->flows);
	table__free(&w->tentative);
}

uint32_t world__overhead(uint8_t mode)
{
	switch (mode) {
	case FL_FWD_IPIP4:
		return IPV4_LEN;
	case FL_FWD_IPIP6:
		return IPV6_LEN;
	case FL_FWD_GUE4:
		return IPV4_LEN + WORLD_GUE_LEN;
	case FL_FWD_GUE6:
		return IPV6_LEN + WORLD_GUE_LEN;
	default:
		return 0;
	}
}

uint16_t world__sum4(const struct fl_backend *b)
{
	uint64_t sum = 0x4500 + 0x4000 + 64 * 256 + sum16(&b->src4, 4) + sum16(&b->dst4, 4);

	return htons((uint16_t)~sum_fold(sum));
}

void addr_map4(uint8_t out[16], const uint8_t v4[4])
{
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, v4, 4);
}

bool addr_is4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

	return memcmp(addr, mapped, 12) == 0;
}

bool addr_in(const uint8_t *addr, const uint8_t *net, uint32_t prefix)
{
	for (uint32_t bit = 0; bit < prefix; bit++)
		if ((addr[bit / 8] ^ net[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

uint32_t world__exact(const struct world *w, const uint8_t addr[16], uint16_t port, uint8_t proto)
{
	for (uint32_t id = 1; id < w->n_services; id++) {
		const struct fl_service_key *key = &w->services[id].key;

		if (w->indexed[id] && key->proto == proto && key->port == htons(port) &&
		    memcmp(key->addr, addr, 16) == 0)
			return id;
	}
	return 0;
}

uint64_t world__cell(const uint8_t mac[6])
{
	uint64_t cell = 0;

	for (int i = 5; i >= 0; i--)
		cell = cell << 8 | mac[i];
	return cell << 16;
}

bool world__is_ours(const struct world *w, const uint8_t mac[6])
{
	for (int i = 0; i < FL_MACS; i++) {
		if (w->ours.mac[i] == world__cell(mac))
			return true;
	}
	return w->ours.mac[0] == 0;
}

const struct fl_vip *world__vip(const struct world *w, const uint8_t addr[16])
{
	const struct fl_vip *best = NULL;
	uint32_t longest = 0;

	for (uint32_t i = 0; i < w->n_vips; i++) {
		const struct fl_vip_key *key = &w->vips[i].key;

		if (key->prefixlen >= longest && addr_in(addr, key->addr, key->prefixlen)) {
			longest = key->prefixlen;
			best = &w->vips[i].value;
		}
	}
	return best;
}

uint32_t world__service(const struct world *w, const uint8_t addr[16], uint16_t port, uint8_t proto)
{
	uint32_t id = world__exact(w, addr, port, proto);
	const struct fl_vip *vip;

	if (id || !w->gates.wild)
		return id;
	vip = world__vip(w, addr);
	for (int i = 0; vip && i < FL_VIP_RANGES && vip->ranges[i].service; i++) {
		const struct fl_range *r = &vip->ranges[i];

		if (r->proto == proto && r->first <= port && port <= r->last)
			return r->service;
	}
	return 0;
}

const struct fl_source *world__source(const struct world *w, uint32_t scope, const uint8_t addr[16])
{
	const struct fl_source *best = NULL;
	uint32_t longest = 0;

	for (uint32_t i = 0; i < w->n_sources; i++) {
		const struct fl_source_key *key = &w->sources[i].key;

		if (key->scope == htonl(scope) && key->prefixlen >= longest &&
		    addr_in(addr, key->addr, key->prefixlen - 32)) {
			longest = key->prefixlen;
			best = &w->sources[i].value;
		}
	}
	return best;
}

const struct fl_nat_back *world__nat_back(const struct world *w, const uint8_t addr[16],
					  uint16_t port, uint8_t proto)
{
	for (uint32_t i = 0; i < w->n_nat_back; i++) {
		const struct fl_endpoint *key = &w->nat_back[i].key;

		if (key->proto == proto && key->port == htons(port) &&
		    memcmp(key->addr, addr, 16) == 0)
			return &w->nat_back[i].value;
	}
	return NULL;
}

const struct world_port *world__port(const struct world *w, uint32_t ifindex)
{
	for (uint32_t i = 0; i < w->n_ports; i++)
		if (w->ports[i].ifindex == ifindex)
			return &w->ports[i];
	return NULL;
}

static const struct route *route_to(const struct world *w, const uint8_t daddr[16])
{
	const struct route *best = NULL;

	for (uint32_t i = 0; i < w->n_routes; i++)
		if ((!best || w->routes[i].prefix > best->prefix) &&
		    addr_in(daddr, w->routes[i].addr, w->routes[i].prefix))
			best = &w->routes[i];
	return best;
}

/* An IPv6 address that does not leave its link: the kernel forwards neither from nor to it. */
static bool stays_on_link(const uint8_t addr[16])
{
	static const uint8_t loopback[16] = {[15] = 1};

	return addr[0] == 0xff || (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80) ||
	       memcmp(addr, loopback, 16) == 0;
}

enum fib world__fib(const struct world *w, const uint8_t saddr[16], const uint8_t daddr[16],
		    uint32_t l3_len, struct fl_hop *out)
{
	const struct route *r = route_to(w, daddr);
	const struct world_port *port;
	const uint8_t *next = daddr;

	if (!r || r->kind == ROUTE_NOWHERE || stays_on_link(saddr) || stays_on_link(daddr))
		return FIB_LOCAL;
	if (l3_len > r->mtu)
		return FIB_TOO_BIG;
	if (r->kind == ROUTE_GATEWAY)
		next = r->gateway;
	for (uint32_t i = 0; i < w->n_neighs; i++) {
		const struct neigh *n = &w->neighs[i];

		if (n->ifindex == r->ifindex && memcmp(n->addr, next, 16) == 0) {
			*out = (struct fl_hop){.ifindex = r->ifindex};
			memcpy(out->dmac, n->mac, 6);
			port = world__port(w, r->ifindex);
			if (!port)
				return FIB_LOCAL;
			memcpy(out->smac, port->mac, 6);
			if (port->below) {
				out->ifindex = port->below;
				out->vlan = port->vlan;
			}
			return FIB_OK;
		}
	}
	return FIB_NO_NEIGH;
}
