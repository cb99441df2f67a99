/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gen_flow.c - packets of clients and replies of backends. */
#include "gen.h"

#include <arpa/inet.h>
#include <string.h>

#include "net.h"

static uint32_t below(struct gen *g, uint32_t n)
{
	return rng__below(g->rng, n);
}

static bool percent(struct gen *g, uint32_t p)
{
	return rng__percent(g->rng, p);
}

static void random_tags(struct gen *g, struct desc *d)
{
	if (percent(g, 70))
		return;
	d->tags = 1 + below(g, percent(g, 10) ? 3 : 2);
	for (uint32_t i = 0; i < d->tags; i++) {
		d->tpid[i] = percent(g, 70) ? TYPE_VLAN : TYPE_QINQ;
		d->tci[i] = (uint16_t)rng__next(g->rng);
	}
}

static void random_extensions(struct gen *g, struct desc *d)
{
	static const uint8_t types[] = {PROTO_HOP, PROTO_ROUTING, PROTO_DEST, PROTO_AH,
					PROTO_FRAGMENT};

	if (percent(g, 75))
		return;
	d->exts = 1 + below(g, percent(g, 15) ? DESC_EXTS : 3);
	for (uint32_t i = 0; i < d->exts; i++) {
		d->ext[i] = types[below(g, sizeof(types))];
		d->ext_len[i] = 8 * (1 + below(g, percent(g, 10) ? 60 : 4));
		if (d->ext[i] == PROTO_AH)
			d->ext_len[i] = 12 + 4 * below(g, 6);
		else if (d->ext[i] == PROTO_FRAGMENT)
			d->ext_len[i] = 8; /* an atomic fragment, RFC 6946 */
	}
}

static uint32_t random_payload(struct gen *g)
{
	static const uint16_t mtus[] = {1500, 1400, 1280, 1000, 600, 200};

	switch (below(g, 20)) {
	case 0: /* around what fits */
		return mtus[below(g, 6)] - 120U + below(g, 120);
	case 1:
		return below(g, 2900);
	default:
		return below(g, 65);
	}
}

/* Few connections on the same addresses, and what is in or out of their windows. */
static uint32_t random_seq(struct gen *g, uint8_t flags)
{
	static const uint32_t isn[] = {1000, 1000, 1000, 0xfffffff0, 0x40000000};
	static const uint32_t beyond[] = {1, 1, 1, 2, 1500, 65536, 65537, 120000, 0xffffffff};
	uint32_t seq = isn[below(g, 5)];

	return (flags & 0x12) == 0x02 ? seq : seq + beyond[below(g, 9)];
}

/* Addresses that are no host's, and the ones beside them. */
static void odd_client(struct gen *g, struct desc *d)
{
	static const uint32_t odd4[] = {0,	    1,		0x00ffffff, 0x01000000, 0x7effffff,
					0x7f000001, 0x7fffffff, 0x80000000, 0xdfffffff, 0xe0000001,
					0xefffffff, 0xf0000001, 0xffffffff};
	static const uint32_t odd6[][2] = {
		{0, 0},		 {0, 1},	  {0, 2},
		{0xff000000, 1}, {0xff020000, 1}, {0xffffffff, 0xffffffff},
		{0xfe800000, 1}, {0xfeffffff, 0}, {1, 0}};
	uint32_t i = below(g, sizeof(odd6) / sizeof(*odd6));

	if (d->version == 4) {
		put32(d->saddr + 12, odd4[below(g, sizeof(odd4) / sizeof(*odd4))]);
		return;
	}
	memset(d->saddr, 0, 16);
	put32(d->saddr, odd6[i][0]);
	put32(d->saddr + 12, odd6[i][1]);
}

struct desc gen__random_client(struct gen *g, uint8_t version, uint8_t proto)
{
	static const uint8_t kinds[] = {NET_GATEWAY_A, NET_GATEWAY_A,  NET_GATEWAY_A, NET_GATEWAY_A,
					NET_GATEWAY_A, NET_GATEWAY_B,  NET_GATEWAY_B, NET_LINK,
					NET_LINK,      NET_BEHIND_VLAN};
	static const uint8_t flags[] = {0x02, 0x02, 0x02, 0x10, 0x10, 0x18, 0x12,
					0x11, 0x04, 0x14, 0xc2, 0x00, 0x03, 0x3f};
	struct desc d = desc__new(version, proto);
	enum net_client kind = kinds[below(g, sizeof(kinds))];

	if (percent(g, 12))
		kind = below(g, NET_CLIENTS);
	net__client(kind, version, (uint16_t)(1 + below(g, kind == NET_LINK ? 30 : 12)), d.saddr);
	d.sport = (uint16_t)(percent(g, 95) ? 40000 + below(g, 8)
			     : below(g, 3)  ? 1024 + below(g, 60000)
					    : 0);
	d.flags = flags[below(g, sizeof(flags))];
	d.seq = random_seq(g, d.flags);
	d.chunk = (uint8_t)(percent(g, 50) ? 1 : below(g, 16));
	d.tos = (uint8_t)(percent(g, 50) ? 0 : below(g, 256));
	d.ttl = (uint8_t)(percent(g, 92) ? 64 : below(g, 3));
	d.df = percent(g, 70);
	d.id = (uint16_t)below(g, 65536);
	d.label = below(g, 0x100000);
	d.options = version == 4 && percent(g, 12) ? 4 * below(g, 11) : 0;
	d.no_sum = proto == PROTO_UDP && percent(g, 15);
	d.payload = random_payload(g);
	d.trailer = percent(g, 15) ? below(g, 20) : 0;
	if (percent(g, 3))
		odd_client(g, &d);
	if (percent(g, 2))
		d.dmac[0] |= 1;
	if (percent(g, 3)) /* another machine's: each byte counts */
		d.dmac[below(g, 6)] ^= (uint8_t)(2 << below(g, 7));
	random_tags(g, &d);
	if (version == 6)
		random_extensions(g, &d);
	return d;
}

/* As long as the way to one of the service's backends allows, or a byte off. */
static void fit(struct gen *g, uint32_t service, struct desc *d)
{
	const struct fl_service *s = &g->w->services[service];
	uint32_t slot = below(g, s->slot_mask + 1), want, headers;
	uint32_t index = g->w->slots[service][slot] & FL_SLOT_INDEX;
	const struct fl_backend *b;
	static struct frame f;
	struct layout at;

	if (index >= g->w->n_backends)
		return;
	b = &g->w->backends[index];
	want = b->hop[b->hop_live & 1].mtu - world__overhead(b->mode) + below(g, 3) - 1;
	d->payload = 0;
	write__frame(d, &f, &at);
	headers = at.end - at.l3;
	if (want >= headers && want <= 2900)
		d->payload = want - headers;
}

bool gen__to_service(struct gen *g, struct desc *d)
{
	const struct fl_service *s;
	uint32_t first, last;

	if (g->w->n_services < 2)
		return false;
	s = &g->w->services[1 + below(g, g->w->n_services - 1)];
	first = ntohs(s->key.port);
	last = ntohs(s->port_last);
	*d = gen__random_client(g, addr_is4(s->key.addr) ? 4 : 6, s->key.proto);
	memcpy(d->daddr, s->key.addr, 16);
	/* Few addresses and ports of a wide service, so that flows come back. */
	if (s->key.prefix < 128)
		d->daddr[15] |= (uint8_t)(percent(g, 90) ? below(g, 4) : below(g, 16));
	d->dport = (uint16_t)(percent(g, 90) ? first + (last - first) / 2 * below(g, 3)
					     : first + below(g, last - first + 1));
	if (percent(g, 4))
		d->dport = (uint16_t)(percent(g, 50) ? last + 1 : 0);
	if (percent(g, 1))
		memcpy(d->saddr, d->daddr, 16);
	if (percent(g, 8))
		fit(g, (uint32_t)(s - g->w->services), d);
	return true;
}

bool gen__reply(struct gen *g, struct desc *d)
{
	const struct fl_endpoint *e;
	uint8_t addr[16];

	if (!g->w->n_nat_back)
		return false;
	e = &g->w->nat_back[below(g, g->w->n_nat_back)].key;
	/* Of one that is there for its address alone: whatever its backend sends. */
	*d = gen__random_client(g, addr_is4(e->addr) ? 4 : 6,
				e->proto	 ? e->proto
				: percent(g, 50) ? PROTO_TCP
						 : PROTO_UDP);
	memcpy(addr, d->saddr, 16);
	memcpy(d->saddr, e->addr, 16);
	memcpy(d->daddr, addr, 16);
	d->dport = d->sport;
	d->sport = e->port ? ntohs(e->port) : (uint16_t)(percent(g, 80) ? 80 : below(g, 65536));
	return true;
}

bool gen__known_flow(struct gen *g, struct desc *d)
{
	const struct fl_nat_key *key;

	if (!g->w->nat_flows.n)
		return false;
	key = table__key(&g->w->nat_flows, below(g, g->w->nat_flows.n));
	*d = gen__random_client(g, addr_is4(key->saddr) ? 4 : 6, key->proto);
	memcpy(d->saddr, key->saddr, 16);
	memcpy(d->daddr, key->daddr, 16);
	d->sport = ntohs(key->sport);
	d->dport = ntohs(key->dport);
	return true;
}

void gen__stray(struct gen *g, struct desc *d)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP,	 PROTO_SCTP, PROTO_ICMP,
					 47,	    PROTO_ICMP6, PROTO_IPV4, 59};
	uint8_t version = percent(g, 50) ? 4 : 6;

	*d = gen__random_client(g, version, protos[below(g, sizeof(protos))]);
	net__client(below(g, NET_CLIENTS), version, (uint16_t)(500 + below(g, 9)), d->daddr);
	if (g->w->n_vips && percent(g, 50))
		memcpy(d->daddr, g->w->vips[below(g, g->w->n_vips)].key.addr, 16);
	if (version == 6 && percent(g, 5))
		net__client(NET_GATEWAY_A, 4, 7, d->daddr); /* RFC 4291 2.5.5.2 */
	d->version = addr_is4(d->daddr) && percent(g, 80) ? 4 : d->version;
	d->dport = (uint16_t)below(g, 1000);
	d->type = (uint8_t)below(g, 256);
	d->fragment = percent(g, 10);
}
