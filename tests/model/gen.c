/* SPDX-License-Identifier: GPL-2.0-or-later */
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

/* Cuts a datagram; one fragment is returned, the others come later, in any order, or never. */
static void cut(struct gen *g, const struct desc *d, struct frame *out)
{
	static struct frame whole;
	struct layout at;
	uint32_t total, step, first = below(g, 3);

	write__frame(d, &whole, &at);
	total = at.end - at.part;
	step = (total / (2 + below(g, 3)) + 7) & ~7U;
	if (percent(g, 10))
		step = 8;
	for (uint32_t from = 0, n = 0; from < total; from += step, n++) {
		uint32_t to = from + step < total ? from + step : total;

		if (n == first || from == 0)
			write__fragment(&whole, &at, d->version, from, to, out);
		if (n == first)
			first = 0;
		else if (percent(g, 90))
			write__fragment(
				&whole, &at, d->version, from, to,
				&g->pending[g->n_pending < GEN_PENDING ? g->n_pending++
								       : below(g, GEN_PENDING)]);
	}
}

static void fragment(struct gen *g, struct frame *out)
{
	struct layout at;
	struct desc d;
	bool there;

	switch (below(g, 5)) {
	case 0:
		there = gen__reply(g, &d);
		break;
	case 1:
		there = gen__known_flow(g, &d);
		break;
	case 2:
		there = gen__echo(g, &d);
		break;
	default:
		there = gen__to_service(g, &d);
	}
	if (!there)
		gen__stray(g, &d);
	d.fragment = true;
	d.df = false;
	d.payload += 40;
	d.behind = d.version == 6 && percent(g, 40) ? below(g, d.exts + 1) : 0;
	if (there && percent(g, 97))
		cut(g, &d, out);
	else
		write__frame(&d, out, &at);
}

/* Makes a UDP packet's payload begin as one of QUIC; no matter how much of it there is. */
static void quic(struct gen *g, struct frame *out, const struct layout *at)
{
	static const uint8_t first[] = {0xc0, 0xc0, 0xd0, 0xe0, 0x40};
	static const uint32_t versions[] = {1, 1, 1, 0x6b3343cf, 7};
	static const uint8_t lengths[] = {0, 4, 8, 20, 21};
	uint8_t *p = out->b + at->l4 + 8, dcid = lengths[below(g, 5)];
	uint32_t scid = at->l4 + 8 + 6 + dcid;

	if (scid + 1 > at->end)
		return;
	p[0] = first[below(g, 5)];
	put32(p + 1, versions[below(g, 5)]);
	p[5] = dcid;
	out->b[scid] = lengths[below(g, 5)];
	for (uint32_t i = scid + 1; i < at->end && i < scid + 21; i++)
		out->b[i] = 7;
}

static void whole(struct gen *g, struct frame *out)
{
	struct layout at;
	struct desc d;
	bool there = false;
	uint32_t kind = below(g, 100);

	if (kind < 45)
		there = gen__to_service(g, &d);
	else if (kind < 57)
		there = gen__reply(g, &d);
	else if (kind < 69)
		there = gen__known_flow(g, &d);
	else if (kind < 77)
		there = gen__echo(g, &d);
	else if (kind < 92)
		there = gen__error(g, &d);
	if (!there && (kind > 95 || !gen__to_service(g, &d)))
		gen__stray(g, &d);
	write__frame(&d, out, &at);
	if (d.proto == PROTO_UDP && percent(g, 50))
		quic(g, out, &at);
	if (percent(g, 1))
		put16(out->b + at.l3 - 2, percent(g, 50) ? 0x0806 : below(g, 65536));
}

void gen__next(struct gen *g, struct frame *out, uint32_t *ingress)
{
	*ingress = g->w->ports[below(g, NET_VLAN)].ifindex;
	if (g->n_pending && percent(g, 18)) {
		uint32_t i = below(g, g->n_pending);

		*out = g->pending[i];
		g->pending[i] = g->pending[--g->n_pending];
	} else if (percent(g, 12)) {
		fragment(g, out);
	} else {
		whole(g, out);
	}
	if (percent(g, 25))
		gen__mutate(g->rng, out);
}

static void flip(struct rng *rng, struct frame *f)
{
	/* Headers more often than payload. */
	uint32_t most = f->len < 80 || rng__percent(rng, 20) ? f->len : 80;

	f->b[rng__below(rng, most)] ^= (uint8_t)(1U << rng__below(rng, 8));
}

void gen__mutate(struct rng *rng, struct frame *f)
{
	static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff};
	uint32_t n;

	switch (rng__below(rng, 8)) {
	case 0:
	case 1:
		for (n = 1 + rng__below(rng, 3); n; n--)
			flip(rng, f);
		break;
	case 2: /* a byte of the headers at its limits */
		n = f->len < 60 ? f->len : 60;
		f->b[rng__below(rng, n)] = odd[rng__below(rng, sizeof(odd))];
		break;
	case 3: /* too short */
		f->len = ETH_LEN + rng__below(rng, f->len - ETH_LEN + 1);
		break;
	case 4: /* short by few bytes, or at a header's end */
		n = 1 + rng__below(rng, 30);
		if (f->len > ETH_LEN + n)
			f->len -= n;
		break;
	case 5: /* bytes behind the end */
		for (n = 1 + rng__below(rng, 40); n && f->len < 2950; n--)
			f->b[f->len++] = (uint8_t)rng__next(rng);
		break;
	case 6: /* a length that lies, where IPv4 and IPv6 have it without tags */
		n = ETH_LEN + (f->b[12] == 0x86 ? 4 : 2);
		if (f->len > n + 2)
			put16(f->b + n, get16(f->b + n) - 40 + rng__below(rng, 80));
		break;
	default: /* a whole word of noise */
		n = rng__below(rng, f->len < 70 ? f->len - 4 : 66);
		put32(f->b + n, (uint32_t)rng__next(rng));
	}
}
