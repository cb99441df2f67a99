/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gen_icmp.c - echo requests, and errors that quote packets of flows. */
#include "gen.h"

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

bool gen__echo(struct gen *g, struct desc *d)
{
	const struct fl_vip_key *vip;
	uint8_t version;

	if (!g->w->n_vips)
		return false;
	vip = &g->w->vips[below(g, g->w->n_vips)].key;
	version = addr_is4(vip->addr) ? 4 : 6;
	*d = gen__random_client(g, version, version == 4 ? PROTO_ICMP : PROTO_ICMP6);
	memcpy(d->daddr, vip->addr, 16);
	if (vip->prefixlen < 128)
		d->daddr[15] |= (uint8_t)below(g, 16);
	d->type = version == 4 ? 8 : 128;
	if (percent(g, 6))
		d->type ^= 0x83;
	d->code = percent(g, 6);
	d->rest = 0x12340000 | below(g, 65536);
	return true;
}

/* The packet that an error is about, as it went out: from the VIP, or to a backend. */
static bool offender(struct gen *g, struct desc *d, uint8_t router[16], uint8_t *version)
{
	struct desc flow;
	bool back;

	switch (below(g, 3)) {
	case 0: /* a service's answer to its client; the flow is the client's */
		if (!gen__to_service(g, &flow))
			return false;
		break;
	case 1: /* a client's packet to a `nat` backend; the flow is the reply's */
		if (!gen__reply(g, &flow))
			return false;
		break;
	default:
		if (!gen__known_flow(g, &flow))
			return false;
	}
	*version = addr_is4(flow.daddr) ? 4 : 6;
	*d = flow;
	memcpy(d->saddr, flow.daddr, 16);
	memcpy(d->daddr, flow.saddr, 16);
	d->sport = flow.dport;
	d->dport = flow.sport;
	d->tags = 0;
	d->trailer = 0;
	d->fragment = percent(g, 5);
	back = percent(g, 50);
	if (back)
		memcpy(router, flow.saddr, 16);
	else
		net__client(NET_GATEWAY_A, *version, 77, router);
	return true;
}

bool gen__error(struct gen *g, struct desc *d)
{
	static const uint8_t types4[] = {3, 3, 3, 4, 5, 11, 12, 0, 13};
	static const uint8_t types6[] = {1, 2, 2, 3, 4, 0, 135, 129};
	static struct frame quoted;
	uint8_t router[16], version;
	struct layout at;
	struct desc inner;

	if (!offender(g, &inner, router, &version))
		return false;
	if (inner.payload > 1200)
		inner.payload = 1200;
	write__frame(&inner, &quoted, &at);
	*d = gen__random_client(g, version, version == 4 ? PROTO_ICMP : PROTO_ICMP6);
	memcpy(d->saddr, router, 16);
	memcpy(d->daddr, inner.saddr, 16);
	if (percent(g, 3))
		d->daddr[15] ^= 1;
	d->type =
		version == 4 ? types4[below(g, sizeof(types4))] : types6[below(g, sizeof(types6))];
	d->code = (uint8_t)below(g, 5);
	d->rest = d->type == 3 || d->type == 2 ? 1400 : 0;
	d->body = quoted.b + at.l3;
	switch (below(g, 8)) {
	case 0: /* too little, often */
		d->payload = below(g, at.l4 - at.l3 + 10);
		break;
	case 1:
		d->payload = at.end - at.l3;
		break;
	case 2:
		d->payload = at.l4 - at.l3 + 20;
		break;
	default: /* RFC 792: the header and 64 bits */
		d->payload = at.l4 - at.l3 + 8;
	}
	if (d->payload > at.end - at.l3)
		d->payload = at.end - at.l3;
	if (percent(g, 4) && version == 4)
		put16(quoted.b + at.l3 + 6, 1 + below(g, 0x1fff));
	if (percent(g, 4))
		quoted.b[at.l3 + below(g, 40)] ^= (uint8_t)(1U << below(g, 8));
	return true;
}
