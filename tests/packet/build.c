/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define ETH_LEN 14
#define TAG_LEN 4
#define IPV4_LEN 20
#define IPV6_LEN 40
#define TCP_LEN 20
#define UDP_LEN 8
#define SCTP_LEN 12
#define ICMP_LEN 8
#define GUE_LEN 4

/* A frame is written from its end to its start, so that each header knows what it carries. */
struct writer {
	uint8_t b[FRAME_MAX];
	uint32_t at; /* of the first byte written */
	uint32_t ip_end; /* of the IP packet: what follows is trailer */
};

static uint8_t *push(struct writer *w, uint32_t len)
{
	if (len > w->at) {
		fprintf(stderr, "a test's frame is longer than %d bytes\n", FRAME_MAX);
		abort();
	}
	w->at -= len;
	memset(w->b + w->at, 0, len);
	return w->b + w->at;
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static uint32_t sum_bytes(const uint8_t *b, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	return sum;
}

static uint16_t finish(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t build__checksum(const void *data, size_t len)
{
	return finish(sum_bytes(data, len));
}

/* Checksum of the upper layer with its pseudo header (RFC 9293 3.1, RFC 8200 8.1). */
static uint16_t upper_checksum(const struct ip *ip, uint8_t proto, const uint8_t *b, uint32_t len)
{
	size_t addr = ip->version == 6 ? 16 : 4;

	return finish(sum_bytes(ip->src, addr) + sum_bytes(ip->dst, addr) + proto + len +
		      sum_bytes(b, len));
}

/* RFC 768: a sum of 0 is sent as 0xffff. */
static uint16_t udp_checksum(const struct ip *ip, const uint8_t *b, uint32_t len)
{
	uint16_t sum = upper_checksum(ip, PROTO_UDP, b, len);

	return sum ? sum : 0xffff;
}

static void push_icmp(struct writer *w, const struct spec *s)
{
	uint8_t *h = push(w, ICMP_LEN);
	uint32_t len = w->ip_end - w->at;

	h[0] = s->icmp.type;
	h[1] = s->icmp.code;
	put32(h + 4, s->icmp.rest);
	/* RFC 4443 2.3: only that of IPv6 has a pseudo-header. */
	put16(h + 2, s->proto == PROTO_ICMP6 ? upper_checksum(&s->ip, s->proto, h, len)
					     : build__checksum(h, len));
}

static void push_upper(struct writer *w, const struct spec *s)
{
	uint32_t len;
	uint8_t *h;

	switch (s->proto) {
	case PROTO_TCP:
		h = push(w, TCP_LEN);
		put32(h + 4, s->seq);
		put32(h + 8, 0x05060708);
		h[12] = TCP_LEN / 4 << 4;
		h[13] = s->flags;
		put16(h + 14, 0x7210);
		break;
	case PROTO_UDP:
		h = push(w, UDP_LEN);
		put16(h + 4, w->ip_end - w->at);
		break;
	case PROTO_SCTP:
		if (s->chunk && s->payload)
			w->b[w->at] = s->chunk;
		h = push(w, SCTP_LEN);
		put32(h + 8, 0x5ca1ab1e); /* CRC32c, which nobody on the way looks at */
		break;
	case PROTO_ICMP:
	case PROTO_ICMP6:
		push_icmp(w, s);
		return;
	default:
		return;
	}
	put16(h, s->sport);
	put16(h + 2, s->dport);
	len = w->ip_end - w->at;
	if (s->proto == PROTO_TCP)
		put16(h + 16, upper_checksum(&s->ip, s->proto, h, len));
	else if (s->proto == PROTO_UDP && !s->no_check)
		put16(h + 6, udp_checksum(&s->ip, h, len));
}

static void push_ipv4(struct writer *w, const struct ip *ip, uint8_t proto)
{
	uint32_t header = IPV4_LEN + ip->options;
	uint8_t *h = push(w, header);

	h[0] = (uint8_t)(0x40 | header / 4);
	h[1] = ip->tos;
	put16(h + 2, w->ip_end - w->at + (uint32_t)ip->len_lie);
	put16(h + 4, ip->id);
	put16(h + 6, ip->frag);
	h[8] = ip->ttl;
	h[9] = proto;
	memcpy(h + 12, ip->src, 4);
	memcpy(h + 16, ip->dst, 4);
	memset(h + IPV4_LEN, 1, ip->options); /* no-operation, RFC 791 3.1 */
	put16(h + 10, build__checksum(h, header));
}

static uint8_t push_exts(struct writer *w, const struct ip *ip, uint8_t proto)
{
	int n = 0;

	while (n < MAX_EXTS && ip->ext[n].len)
		n++;
	for (int i = n - 1; i >= 0; i--) {
		const struct ext *e = &ip->ext[i];
		uint32_t claim = e->claim ? e->claim : e->len;
		uint8_t *h = push(w, e->len);

		h[0] = proto;
		if (e->type == PROTO_FRAGMENT) {
			put16(h + 2, e->frag);
			put32(h + 4, e->id);
		} else {
			h[1] = (uint8_t)(e->type == PROTO_AH ? claim / 4 - 2 : claim / 8 - 1);
		}
		/* One PadN option fills it (RFC 8200 4.2). */
		if ((e->type == PROTO_HOP || e->type == PROTO_DEST) && e->len <= 256) {
			h[2] = 1;
			h[3] = (uint8_t)(e->len - 4);
		}
		proto = e->type;
	}
	return proto;
}

static void push_ipv6(struct writer *w, const struct ip *ip, uint8_t proto)
{
	uint8_t next = push_exts(w, ip, proto);
	uint32_t payload = w->ip_end - w->at;
	uint8_t *h = push(w, IPV6_LEN);

	put32(h, 6U << 28 | (uint32_t)ip->tos << 20 | ip->label);
	put16(h + 4, payload + (uint32_t)ip->len_lie);
	h[6] = next;
	h[7] = ip->ttl;
	memcpy(h + 8, ip->src, 16);
	memcpy(h + 24, ip->dst, 16);
}

static void push_ip(struct writer *w, const struct ip *ip, uint8_t proto)
{
	if (ip->version == 6)
		push_ipv6(w, ip, proto);
	else if (ip->version == 4)
		push_ipv4(w, ip, proto);
}

static void push_eth(struct writer *w, const struct spec *s)
{
	uint8_t version = s->tunnel.version ? s->tunnel.version : s->ip.version;
	uint16_t type = version == 6 ? TYPE_IPV6 : TYPE_IPV4;
	int n = 0;
	uint8_t *h;

	if (s->type)
		type = s->type;
	while (n < MAX_TAGS && s->tags[n].tpid)
		n++;
	for (int i = n - 1; i >= 0; i--) {
		h = push(w, TAG_LEN);
		put16(h, s->tags[i].tci);
		put16(h + 2, type);
		type = s->tags[i].tpid;
	}
	h = push(w, ETH_LEN);
	memcpy(h, s->dmac, 6);
	memcpy(h + 6, s->smac, 6);
	put16(h + 12, type);
}

static void push_gue(struct writer *w, const struct spec *s, uint8_t proto)
{
	uint8_t *h = push(w, GUE_LEN);

	h[1] = proto;
	h = push(w, UDP_LEN);
	put16(h, s->gue.sport);
	put16(h + 2, s->gue.dport);
	put16(h + 4, w->ip_end - w->at + (uint32_t)s->tunnel.len_lie);
	if (s->gue.check)
		put16(h + 6, udp_checksum(&s->tunnel, h, w->ip_end - w->at));
}

static void push_tunnel(struct writer *w, const struct spec *s)
{
	uint8_t proto = s->ip.version == 6 ? PROTO_IPV6 : PROTO_IPV4;

	if (s->gue.dport) {
		push_gue(w, s, proto);
		proto = PROTO_UDP;
	}
	push_ip(w, &s->tunnel, proto);
}

static void push_packet(struct writer *w, const struct spec *s)
{
	if (!s->no_upper)
		push_upper(w, s);
	else if (s->chunk && s->payload > SCTP_LEN)
		w->b[w->at + SCTP_LEN] = s->chunk;
	push_ip(w, &s->ip, s->proto);
	if (s->tunnel.version)
		push_tunnel(w, s);
}

static void push_body(struct writer *w, uint32_t len)
{
	uint8_t *body = push(w, len);

	for (uint32_t i = 0; i < len; i++)
		body[i] = (uint8_t)(i * 7 + 3);
}

/* The quoted packet is written on a sheet of its own: it may be cut short. */
static void push_quote(struct writer *w, const struct spec *s)
{
	static struct writer quoted;
	uint32_t len;

	quoted.at = quoted.ip_end = FRAME_MAX;
	push_body(&quoted, s->quote->payload);
	push_packet(&quoted, s->quote);
	len = FRAME_MAX - quoted.at;
	if (s->payload && s->payload < len)
		len = s->payload;
	memcpy(push(w, len), quoted.b + quoted.at, len);
}

static void write_frame(const struct spec *s, struct writer *w)
{
	w->at = FRAME_MAX;
	memset(push(w, s->trailer), 0xee, s->trailer);
	w->ip_end = w->at;
	if (s->quote)
		push_quote(w, s);
	else
		push_body(w, s->payload);
	push_packet(w, s);
}

void build__frame(const struct spec *s, struct frame *out)
{
	static struct writer w;

	write_frame(s, &w);
	push_eth(&w, s);
	out->len = FRAME_MAX - w.at;
	memcpy(out->b, w.b + w.at, out->len);
}

uint32_t build__l3(const struct spec *s)
{
	uint32_t at = ETH_LEN;

	for (int i = 0; i < MAX_TAGS && s->tags[i].tpid; i++)
		at += TAG_LEN;
	return at;
}

uint32_t build__l3_len(const struct spec *s)
{
	static struct writer w;

	write_frame(s, &w);
	return w.ip_end - w.at;
}

struct spec build__tcp(uint8_t version)
{
	struct spec s = {
		.dmac = {0x02, 0, 0, 0, 0xaa, 1},
		.smac = {0x02, 0, 0, 0, 0xbb, 2},
		.ip = {.version = version, .ttl = 57, .id = 0x4321},
		.proto = PROTO_TCP,
		.flags = 0x02,
		.seq = 0x01020304,
		.sport = 40001,
		.dport = RIG_PORT,
		.icmp = {.type = version == 6 ? 128 : 8, .rest = 0x00010002},
		.payload = 33,
	};

	if (version == 6) {
		memcpy(s.ip.src, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, 9, 8, [15] = 7}, 16);
		memcpy(s.ip.dst, rig_vip6, 16);
		s.ip.label = 0x54321;
	} else {
		memcpy(s.ip.src, (uint8_t[4]){198, 51, 100, 23}, 4);
		memcpy(s.ip.dst, rig_vip4, 4);
	}
	return s;
}

struct spec build__udp(uint8_t version)
{
	struct spec s = build__tcp(version);

	s.proto = PROTO_UDP;
	s.flags = 0;
	return s;
}

struct spec build__sctp(uint8_t version)
{
	struct spec s = build__tcp(version);

	s.proto = PROTO_SCTP;
	s.flags = 0;
	s.chunk = 1;
	return s;
}

struct spec build__echo(uint8_t version)
{
	struct spec s = build__tcp(version);

	s.proto = version == 6 ? PROTO_ICMP6 : PROTO_ICMP;
	s.flags = 0;
	return s;
}

struct spec build__reply(const struct spec *s)
{
	struct spec out = *s;

	memcpy(out.ip.src, s->ip.dst, sizeof(out.ip.src));
	memcpy(out.ip.dst, s->ip.src, sizeof(out.ip.dst));
	out.sport = s->dport;
	out.dport = s->sport;
	return out;
}

static void fragment(struct spec *s, uint32_t id, uint16_t offset, bool more)
{
	if (s->ip.version == 6) {
		s->ip.ext[0] = (struct ext){.type = PROTO_FRAGMENT,
					    .len = 8,
					    .frag = (uint16_t)(offset << 3 | more),
					    .id = id};
	} else {
		s->ip.id = (uint16_t)id;
		s->ip.frag = (uint16_t)(offset | (more ? FRAG_MF : 0));
	}
}

void build__first(struct spec *s, uint32_t id)
{
	fragment(s, id, 0, true);
}

void build__later(struct spec *s, uint32_t id, uint16_t offset)
{
	fragment(s, id, offset, false);
	s->no_upper = true;
}
