/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rewrite.c - the link's header, and changes inside the received packet with their checksums. */
#include "internal.h"

#include <string.h>

enum { SUM_IP, SUM_QUOTE, SUM_UPPER, SUMS };

/* Offsets in the frame that leaves of what checksums cover. */
struct shape {
	uint8_t version, proto;
	uint32_t l3, l4, end, quote, quote_l4;
	uint32_t field[SUMS]; /* offset of each checksum; 0: there is none */
	uint32_t error[SUMS]; /* how far it was off when it came, modulo 0xffff */
};

void link__header(struct run *r, const struct fl_hop *hop, uint32_t room, uint16_t type)
{
	const struct frame *in = r->in;
	struct frame *out = &r->out->out;
	uint32_t at = ETH_LEN - 2;

	memcpy(out->b, hop->dmac, 6);
	memcpy(out->b + 6, hop->smac, 6);
	if (hop->vlan & FL_HOP_TAG) {
		put16(out->b + at, TYPE_VLAN);
		put16(out->b + at + 2, (r->p.tags ? r->p.tci & 0xf000U : 0) | (hop->vlan & 0xfffU));
		at += TAG_LEN;
	}
	put16(out->b + at, type);
	r->l3_out = at + 2 + room;
	memset(out->b + at + 2, 0, room);
	memcpy(out->b + r->l3_out, in->b + r->p.l3, in->len - r->p.l3);
	out->len = r->l3_out + in->len - r->p.l3;
}

void link__turned(struct run *r)
{
	struct frame *out = &r->out->out;

	memcpy(out->b, r->in->b, r->in->len);
	memcpy(out->b, r->in->b + 6, 6);
	memcpy(out->b + 6, r->in->b, 6);
	out->len = r->in->len;
	r->l3_out = r->p.l3;
}

/* What the checksum would be if it were right. */
static uint32_t right_sum(const struct frame *f, const struct shape *s, int which)
{
	const uint8_t *ip = f->b + s->l3;
	uint64_t sum = 0;

	switch (which) {
	case SUM_IP:
		sum = sum16(ip, s->l4 - s->l3);
		break;
	case SUM_QUOTE:
		sum = sum16(f->b + s->quote, s->quote_l4 - s->quote);
		break;
	default:
		sum = sum16(f->b + s->l4, s->end - s->l4);
		if (s->version == 6)
			sum += sum_pseudo(6, ip + 8, ip + 24, s->end - s->l4, s->proto);
		else if (s->proto != PROTO_ICMP)
			sum += sum_pseudo(4, ip + 12, ip + 16, s->end - s->l4, s->proto);
	}
	return sum_fold(sum - get16(f->b + s->field[which])) % 0xffff;
}

static void measure(const struct run *r, struct shape *s)
{
	const struct frame *f = &r->out->out;
	const struct packet *p = &r->p;
	uint32_t shift = r->l3_out - p->l3;

	*s = (struct shape){.version = p->version,
			    .proto = p->proto,
			    .l3 = r->l3_out,
			    .l4 = p->l4 + shift,
			    .end = p->end + shift,
			    .quote = r->q.at + shift,
			    .quote_l4 = r->q.l4 + shift};
	if (p->version == 4) {
		s->field[SUM_IP] = s->l3 + 10;
		if (r->error)
			s->field[SUM_QUOTE] = s->quote + 10;
	}
	if (p->part == PART_LATER || p->proto == PROTO_SCTP)
		s->field[SUM_UPPER] = 0;
	else if (p->proto == PROTO_TCP)
		s->field[SUM_UPPER] = s->l4 + 16;
	else if (p->proto == PROTO_UDP)
		/* RFC 768, RFC 6935 5: 0 says that there is none. */
		s->field[SUM_UPPER] = get16(f->b + s->l4 + 6) ? s->l4 + 6 : 0;
	else
		s->field[SUM_UPPER] = s->l4 + 2;
	for (int i = 0; i < SUMS; i++)
		if (s->field[i])
			s->error[i] =
				(get16(f->b + s->field[i]) + 0xffff - right_sum(f, s, i)) % 0xffff;
}

/* The quoted header's before the ICMP header's, which covers it. */
static void correct(const struct run *r, const struct shape *s)
{
	struct frame *f = &r->out->out;

	for (int i = 0; i < SUMS; i++) {
		uint32_t sum;

		if (!s->field[i])
			continue;
		sum = (right_sum(f, s, i) + s->error[i]) % 0xffff;
		if (i == SUM_UPPER && s->proto == PROTO_UDP && !sum)
			sum = 0xffff;
		put16(f->b + s->field[i], sum);
	}
}

static void set_addrs(uint8_t *ip, uint8_t version, const uint8_t *saddr, const uint8_t *daddr)
{
	if (version == 4) {
		memcpy(ip + 12, saddr + 12, 4);
		memcpy(ip + 16, daddr + 12, 4);
	} else {
		memcpy(ip + 8, saddr, 16);
		memcpy(ip + 24, daddr, 16);
	}
}

void rewrite__nat(struct run *r, const struct way *way)
{
	uint8_t *b = r->out->out.b;
	struct shape s;

	measure(r, &s);
	b[s.l3 + (s.version == 4 ? 8 : 7)]--;
	if (r->error) {
		set_addrs(b + s.l3, s.version, way->error_saddr, way->daddr);
		set_addrs(b + s.quote, s.version, way->daddr, way->saddr);
		put16(b + s.quote_l4, way->dport);
		put16(b + s.quote_l4 + 2, way->sport);
	} else {
		set_addrs(b + s.l3, s.version, way->saddr, way->daddr);
		if (r->p.part != PART_LATER) {
			put16(b + s.l4, way->sport);
			put16(b + s.l4 + 2, way->dport);
		}
	}
	correct(r, &s);
}

void rewrite__echo(struct run *r)
{
	uint8_t *b = r->out->out.b;
	struct shape s;

	measure(r, &s);
	b[s.l3 + (s.version == 4 ? 8 : 7)] = 64;
	set_addrs(b + s.l3, s.version, r->p.daddr, r->p.saddr);
	b[s.l4] = s.version == 4 ? 0 : 129;
	correct(r, &s);
	/* 0 is right for no message: of zeros the sum is 0, and its complement 0xffff. */
	if (s.version == 4 && !get16(b + s.l4 + 2))
		put16(b + s.l4 + 2, 0xffff);
}
