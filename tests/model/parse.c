/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.c - section 1: Ethernet, VLAN, IPv4 (RFC 791), IPv6 (RFC 8200), the transport's header. */
#include "internal.h"

#include <string.h>

#define CHAIN_MAX 6
#define CHAIN_BYTES 1024

static bool is_extension(uint8_t next)
{
	return next == PROTO_HOP || next == PROTO_ROUTING || next == PROTO_DEST ||
	       next == PROTO_AH || next == PROTO_FRAGMENT;
}

static uint32_t extension_len(uint8_t type, const uint8_t *h)
{
	switch (type) {
	case PROTO_FRAGMENT:
		return 8;
	case PROTO_AH: /* RFC 4302 2.2: 32-bit words, minus 2 */
		return (h[1] + 2U) * 4;
	default:
		return (h[1] + 1U) * 8;
	}
}

enum fl_verdict chain__walk(const struct frame *f, uint32_t at, uint32_t end, uint8_t next,
			    struct chain *out)
{
	uint32_t bytes = 0;

	*out = (struct chain){.part = PART_WHOLE};
	for (int n = 0; is_extension(next);) {
		const uint8_t *h = f->b + at;
		uint32_t len;

		/* No datagram is cut twice. */
		if (next == PROTO_FRAGMENT && out->part != PART_WHOLE)
			break;
		if (at + 8 > end || at + extension_len(next, h) > end)
			return FL_V_PASS_MALFORMED;
		len = extension_len(next, h);
		if (next == PROTO_FRAGMENT && get16(h + 2) & 0xfff9) {
			out->part = get16(h + 2) >> 3 ? PART_LATER : PART_FIRST;
			memcpy(&out->frag_id, h + 4, 4);
			next = h[0];
			at += len;
			if (out->part == PART_LATER)
				break;
			continue;
		}
		bytes += len;
		if (n++ == CHAIN_MAX || bytes > CHAIN_BYTES)
			return FL_V_PASS_NOT_SERVICE;
		next = h[0];
		at += len;
	}
	out->proto = next;
	out->l4 = at;
	return GO_ON;
}

static enum fl_verdict parse_link(const struct world *w, const struct frame *f, struct packet *p)
{
	uint32_t at = ETH_LEN - 2, type;

	if (f->len < ETH_LEN)
		return FL_V_PASS_MALFORMED;
	type = get16(f->b + at);
	while ((type == TYPE_VLAN || type == TYPE_QINQ) && p->tags < 2) {
		if (at + 2 + TAG_LEN > f->len)
			return FL_V_PASS_MALFORMED;
		if (!p->tags++)
			p->tci = (uint16_t)get16(f->b + at + 2);
		at += TAG_LEN;
		type = get16(f->b + at);
	}
	if (type != TYPE_IPV4 && type != TYPE_IPV6)
		return FL_V_PASS_NOT_IP;
	p->version = type == TYPE_IPV4 ? 4 : 6;
	p->l3 = at + 2;
	if (f->b[0] & 1)
		return FL_V_PASS_GROUP;
	return world__is_ours(w, f->b) ? GO_ON : FL_V_PASS_OTHER_HOST;
}

static enum fl_verdict parse_ipv4(const struct frame *f, struct packet *p)
{
	const uint8_t *h = f->b + p->l3;
	uint32_t header, frag;
	uint16_t id;

	if (p->l3 + IPV4_LEN > f->len || h[0] >> 4 != 4)
		return FL_V_PASS_MALFORMED;
	header = (h[0] & 15U) * 4;
	p->l3_len = get16(h + 2);
	if (header < IPV4_LEN || p->l3_len < header || p->l3 + p->l3_len > f->len)
		return FL_V_PASS_MALFORMED;
	frag = get16(h + 6);
	p->df = frag & 0x4000;
	p->part = frag & 0x1fff ? PART_LATER : frag & 0x2000 ? PART_FIRST : PART_WHOLE;
	memcpy(&id, h + 4, 2);
	p->frag_id = id;
	p->tos = h[1];
	p->ttl = h[8];
	p->proto = h[9];
	p->l4 = p->l3 + header;
	addr_map4(p->saddr, h + 12);
	addr_map4(p->daddr, h + 16);
	return GO_ON;
}

static enum fl_verdict parse_ipv6(const struct frame *f, struct packet *p)
{
	const uint8_t *h = f->b + p->l3;
	enum fl_verdict v;
	struct chain c;

	if (p->l3 + IPV6_LEN > f->len || h[0] >> 4 != 6)
		return FL_V_PASS_MALFORMED;
	p->l3_len = IPV6_LEN + get16(h + 4);
	if (p->l3 + p->l3_len > f->len)
		return FL_V_PASS_MALFORMED;
	v = chain__walk(f, p->l3 + IPV6_LEN, p->l3 + p->l3_len, h[6], &c);
	if (v != GO_ON)
		return v;
	p->part = c.part;
	p->frag_id = c.frag_id;
	p->df = true;
	p->tos = (uint8_t)(get16(h) >> 4);
	p->ttl = h[7];
	p->proto = c.proto;
	p->l4 = c.l4;
	memcpy(p->saddr, h + 8, 16);
	memcpy(p->daddr, h + 24, 16);
	return GO_ON;
}

static bool is_transport(uint8_t proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP;
}

static enum fl_verdict parse_transport(const struct frame *f, struct packet *p)
{
	uint32_t need = p->proto == PROTO_TCP ? 20 : p->proto == PROTO_UDP ? 8 : 12;
	const uint8_t *h = f->b + p->l4;

	if (p->l4 + need > p->end)
		return FL_V_PASS_MALFORMED;
	p->sport = (uint16_t)get16(h);
	p->dport = (uint16_t)get16(h + 2);
	if (p->proto == PROTO_TCP) {
		p->tcp_flags = h[13];
		p->opens = (h[13] & 0x12) == 0x02;
	} else if (p->proto == PROTO_SCTP) {
		p->opens = p->l4 + 13 <= p->end && h[12] == 1;
	}
	return GO_ON;
}

/* RFC 4291 2.5.5.2: on the wire such an address is not the IPv4 address that it maps. */
static bool looks_mapped(uint8_t version, const uint8_t *saddr, const uint8_t *daddr)
{
	return version == 6 && (addr_is4(saddr) || addr_is4(daddr));
}

/* A fragment of nothing that is steered: of a first one of IPv6 it has to be remembered. */
static enum fl_verdict other_fragment(struct packet *p)
{
	p->other_first =
		p->version == 6 && p->part == PART_FIRST && !looks_mapped(6, p->saddr, p->daddr);
	return FL_V_PASS_FRAGMENT;
}

/* Of IPv6, RFC 8200 4.5: what follows is the first fragment's word alone, and may be hidden here. */
static bool may_be_transport(const struct packet *p)
{
	return is_transport(p->proto) || (p->version == 6 && p->part == PART_LATER &&
					  p->proto != PROTO_FRAGMENT && is_extension(p->proto));
}

enum fl_verdict parse__packet(const struct world *w, const struct frame *f, struct packet *p)
{
	enum fl_verdict v;

	*p = (struct packet){};
	v = parse_link(w, f, p);
	if (v != GO_ON)
		return v;
	v = p->version == 4 ? parse_ipv4(f, p) : parse_ipv6(f, p);
	if (v != GO_ON)
		return v;
	p->end = p->l3 + p->l3_len;
	if (memcmp(p->saddr, p->daddr, 16) == 0)
		return FL_V_PASS_SELF;
	if (p->proto == (p->version == 4 ? PROTO_ICMP : PROTO_ICMP6)) {
		if (p->part != PART_WHOLE)
			return other_fragment(p);
		if (p->l4 + 8 > p->end)
			return FL_V_PASS_MALFORMED;
	} else if (!may_be_transport(p)) {
		return p->part == PART_WHOLE ? FL_V_PASS_NOT_SERVICE : other_fragment(p);
	} else if (p->part != PART_LATER) {
		v = parse_transport(f, p);
		if (v != GO_ON)
			return v;
	}
	return looks_mapped(p->version, p->saddr, p->daddr) ? FL_V_PASS_NOT_SERVICE : GO_ON;
}

bool parse__quote(const struct frame *f, const struct packet *p, struct quote *q)
{
	const uint8_t *h = f->b + p->l4 + 8;
	struct chain c;

	*q = (struct quote){.at = p->l4 + 8};
	if (p->version == 4) {
		if (q->at + IPV4_LEN > p->end || h[0] >> 4 != 4 || (h[0] & 15) < 5 ||
		    get16(h + 6) & 0x1fff)
			return false;
		q->proto = h[9];
		q->l4 = q->at + (h[0] & 15U) * 4;
		addr_map4(q->saddr, h + 12);
		addr_map4(q->daddr, h + 16);
	} else {
		if (q->at + IPV6_LEN > p->end || h[0] >> 4 != 6 ||
		    chain__walk(f, q->at + IPV6_LEN, p->end, h[6], &c) != GO_ON ||
		    c.part == PART_LATER)
			return false;
		q->proto = c.proto;
		q->l4 = c.l4;
		memcpy(q->saddr, h + 8, 16);
		memcpy(q->daddr, h + 24, 16);
	}
	if (!is_transport(q->proto) || q->l4 + 8 > p->end)
		return false;
	q->sport = (uint16_t)get16(f->b + q->l4);
	q->dport = (uint16_t)get16(f->b + q->l4 + 2);
	return !looks_mapped(p->version, q->saddr, q->daddr);
}
