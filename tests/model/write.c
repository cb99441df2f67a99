/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "write.h"

#include <string.h>

#define BIGGEST 2900 /* bytes of a frame: leaves room for a tunnel's header */

static uint32_t header_len(uint8_t proto)
{
	return proto == PROTO_TCP ? 20 : proto == PROTO_SCTP ? 12 : 8;
}

static uint32_t write_link(const struct desc *d, uint8_t *b)
{
	uint32_t at = 12;

	memcpy(b, d->dmac, 6);
	memcpy(b + 6, d->smac, 6);
	for (uint32_t i = 0; i < d->tags; i++, at += TAG_LEN) {
		put16(b + at, d->tpid[i]);
		put16(b + at + 2, d->tci[i]);
	}
	put16(b + at, d->version == 6 ? TYPE_IPV6 : TYPE_IPV4);
	return at + 2;
}

static uint32_t write_ipv4(const struct desc *d, uint8_t *h)
{
	uint32_t len = IPV4_LEN + d->options;

	h[0] = (uint8_t)(0x40 | len / 4);
	h[1] = d->tos;
	put16(h + 4, d->id);
	put16(h + 6, d->df ? 0x4000 : 0);
	h[8] = d->ttl;
	h[9] = d->proto;
	memcpy(h + 12, d->saddr + 12, 4);
	memcpy(h + 16, d->daddr + 12, 4);
	memset(h + IPV4_LEN, 1, d->options); /* no-operation, RFC 791 3.1 */
	return len;
}

/* The fragment header; *next: what says that it follows. */
static void write_fragment_header(const struct desc *d, uint8_t *h, uint8_t **next)
{
	**next = PROTO_FRAGMENT;
	*next = h;
	memset(h, 0, 8);
	put32(h + 4, d->id * 0x10001U);
}

/* Bytes of all headers; *part: of those that each fragment has. */
static uint32_t write_ipv6(const struct desc *d, uint8_t *h, uint32_t *part)
{
	uint8_t *next = h + 6;
	uint32_t at = IPV6_LEN;

	put32(h, 6U << 28 | (uint32_t)d->tos << 20 | d->label);
	h[7] = d->ttl;
	memcpy(h + 8, d->saddr, 16);
	memcpy(h + 24, d->daddr, 16);
	for (uint32_t i = 0; i <= d->exts; i++) {
		uint8_t *e = h + at;
		uint32_t len = d->ext_len[i];

		if (d->fragment && i == d->exts - d->behind) {
			write_fragment_header(d, e, &next);
			e += 8;
			at += 8;
			*part = at;
		}
		if (i == d->exts)
			break;
		*next = d->ext[i];
		next = e;
		memset(e, 0, len);
		e[1] = (uint8_t)(d->ext[i] == PROTO_AH ? len / 4 - 2 : len / 8 - 1);
		if (d->ext[i] == PROTO_FRAGMENT)
			e[1] = 0;
		else if (d->ext[i] == PROTO_HOP || d->ext[i] == PROTO_DEST)
			for (uint32_t o = 2; o < len; o += 256) { /* PadN, RFC 8200 4.2 */
				uint32_t n = len - o < 256 ? len - o : 256;

				e[o] = n > 1;
				e[o + 1] = (uint8_t)(n > 1 ? n - 2 : 0);
			}
		at += len;
	}
	*next = d->proto;
	return at;
}

static void write_upper(const struct desc *d, uint8_t *h, uint32_t len)
{
	memset(h, 0, header_len(d->proto));
	switch (d->proto) {
	case PROTO_TCP:
		put32(h + 4, d->seq);
		put32(h + 8, 0x05060708);
		h[12] = 0x50;
		h[13] = d->flags;
		put16(h + 14, 0x7210);
		break;
	case PROTO_UDP:
		put16(h + 4, len);
		break;
	case PROTO_ICMP:
	case PROTO_ICMP6:
		h[0] = d->type;
		h[1] = d->code;
		put32(h + 4, d->rest);
		return;
	default:
		break;
	}
	put16(h, d->sport);
	put16(h + 2, d->dport);
}

static void write_sum(const struct desc *d, const uint8_t *ip, uint8_t *h, uint32_t len)
{
	uint64_t sum = sum16(h, len);
	uint32_t field = d->proto == PROTO_TCP ? 16 : d->proto == PROTO_UDP ? 6 : 2;

	if (d->proto == PROTO_SCTP || (d->proto == PROTO_UDP && d->no_sum))
		return;
	if (d->version == 6)
		sum += sum_pseudo(6, ip + 8, ip + 24, len, d->proto);
	else if (d->proto != PROTO_ICMP)
		sum += sum_pseudo(4, ip + 12, ip + 16, len, d->proto);
	put16(h + field, sum_fold(sum));
	if (d->proto == PROTO_UDP && !get16(h + field))
		put16(h + field, 0xffff);
}

static void write_length(uint8_t version, uint8_t *ip, uint32_t len)
{
	if (version == 6) {
		put16(ip + 4, len - IPV6_LEN);
		return;
	}
	put16(ip + 2, len);
	put16(ip + 10, 0);
	put16(ip + 10, sum_fold(sum16(ip, (ip[0] & 15U) * 4)));
}

void write__frame(const struct desc *d, struct frame *out, struct layout *at)
{
	uint32_t payload = d->payload, head;
	uint8_t *b = out->b;

	at->l3 = write_link(d, b);
	at->part = 0;
	at->l4 = at->l3 + (d->version == 6 ? write_ipv6(d, b + at->l3, &at->part)
					   : write_ipv4(d, b + at->l3));
	at->part = at->part ? at->l3 + at->part : at->l4;
	head = header_len(d->proto);
	if (at->l4 + head + payload + d->trailer > BIGGEST)
		payload = BIGGEST - at->l4 - head - d->trailer;
	at->end = at->l4 + head + payload;
	write_upper(d, b + at->l4, head + payload);
	for (uint32_t i = 0; i < payload; i++)
		b[at->l4 + head + i] = d->body ? d->body[i] : (uint8_t)(i * 7 + 3);
	if (d->proto == PROTO_SCTP && payload)
		b[at->l4 + head] = d->chunk;
	write_length(d->version, b + at->l3, at->end - at->l3);
	write_sum(d, b + at->l3, b + at->l4, at->end - at->l4);
	memset(b + at->end, 0xee, d->trailer);
	out->len = at->end + d->trailer;
}

void write__fragment(const struct frame *whole, const struct layout *at, uint8_t version,
		     uint32_t from, uint32_t to, struct frame *out)
{
	bool more = at->part + to < at->end;

	memcpy(out->b, whole->b, at->part);
	memcpy(out->b + at->part, whole->b + at->part + from, to - from);
	out->len = at->part + to - from;
	if (version == 6)
		put16(out->b + at->part - 6, from | more);
	else
		put16(out->b + at->l3 + 6, from / 8 | (more ? 0x2000U : 0));
	write_length(version, out->b + at->l3, out->len - at->l3);
}

struct desc desc__new(uint8_t version, uint8_t proto)
{
	static const uint8_t client4[16] = {[10] = 0xff, 0xff, 198, 18, 0, 5};
	static const uint8_t client6[16] = {0x20, 0x01, 0x0d, 0xb8, 2, 0, [15] = 5};
	struct desc d = {
		.dmac = {2, 0, 0, 0, 0xaa, 1},
		.smac = {2, 0, 0, 0, 0xbb, 2},
		.version = version,
		.ttl = 61,
		.df = true,
		.id = 0x4321,
		.proto = proto,
		.flags = 0x02,
		.seq = 0x01020304,
		.chunk = 1,
		.sport = 40001,
		.payload = 32,
	};

	memcpy(d.saddr, version == 6 ? client6 : client4, 16);
	return d;
}
