/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.c - the frame of a flow. */
#include <string.h>

#include "frame/frame.h"
#include "frame/internal.h"

#define LEAST 60 /* bytes of a frame on Ethernet, its check sequence left out */
#define TTL 64
#define WINDOW 65535
#define ECHO_ID 1
#define QUIC_DATAGRAM 1200 /* bytes of a client's first one, at least (RFC 9000 14.1) */
#define QUIC_VERSION 1
#define QUIC_ID 8 /* bytes of each connection id */
#define SCTP_HEADER 12
#define SCTP_CHECK 8 /* offset of the checksum */
#define SCTP_TAG 1 /* of the receiver, in what is no INIT */

static void put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v);
}

static uint32_t sum(uint32_t total, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		total += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	return total;
}

/* RFC 1071. */
static uint16_t checksum(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

/* CRC32c (RFC 9260 Appendix A). */
static uint32_t crc32c(const uint8_t *b, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= b[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* An Initial: its header is what the program reads, the rest only a client and a server could. */
static size_t put_quic(uint8_t *b)
{
	uint8_t *to = b;

	*to++ = 0xc0; /* long header, Initial, a packet number of one byte */
	put32(to, QUIC_VERSION);
	to += 4;
	/* Destination and source: connection ids of the client's choice. */
	for (uint8_t id = 1; id <= 2; id++) {
		*to++ = QUIC_ID;
		memset(to, id, QUIC_ID);
		to += QUIC_ID;
	}
	*to++ = 0; /* no token */
	put16(to, 0x4000 | (uint32_t)(QUIC_DATAGRAM - (to + 2 - b)));
	return QUIC_DATAGRAM;
}

/* An INIT, or data of one byte. */
static size_t put_sctp(const struct frame_flow *f, uint8_t *b)
{
	uint8_t *chunk = b + SCTP_HEADER;

	put16(b, f->sport);
	put16(b + 2, f->dport);
	if (f->opens) {
		chunk[0] = 1;
		put16(chunk + 2, 20);
		put32(chunk + 4, SCTP_TAG);
		put32(chunk + 8, WINDOW);
		put16(chunk + 12, 1); /* streams out, */
		put16(chunk + 14, 1); /* and in */
		put32(chunk + 16, f->seq);
		return SCTP_HEADER + 20;
	}
	put32(b + 4, SCTP_TAG);
	chunk[1] = 3; /* the first and the last fragment */
	put16(chunk + 2, 16 + 1);
	put32(chunk + 4, f->seq);
	return SCTP_HEADER + 16 + 4; /* padded */
}

/*
 * The transport header and what follows it, without the checksum; how long it is, *check where that belongs.
 */
static size_t put_transport(const struct frame_flow *f, bool v6, uint8_t *b, size_t *check)
{
	size_t len = 8;

	switch (f->proto) {
	case IPPROTO_TCP:
		put16(b, f->sport);
		put16(b + 2, f->dport);
		put32(b + 4, f->seq);
		put32(b + 8, f->tcp_flags & FRAME_TCP_ACK ? 1 : 0);
		b[12] = 5 << 4;
		b[13] = f->tcp_flags;
		put16(b + 14, WINDOW);
		*check = 16;
		return 20;
	case IPPROTO_UDP:
		put16(b, f->sport);
		put16(b + 2, f->dport);
		len += f->opens ? put_quic(b + 8) : 0;
		put16(b + 4, (uint32_t)len);
		*check = 6;
		return len;
	case IPPROTO_SCTP:
		*check = SCTP_CHECK;
		return put_sctp(f, b);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		b[0] = v6 ? 128 : 8;
		put16(b + 4, ECHO_ID);
		put16(b + 6, 1);
		*check = 2;
		return 8;
	default:
		return 0;
	}
}

static size_t put_ip(const struct frame_flow *f, bool v6, size_t payload, uint8_t *b)
{
	size_t n, src_at = v6 ? 8 : 12;
	const uint8_t *src = addr__bytes(&f->source, &n), *dst = addr__bytes(&f->destination, &n);

	memcpy(b + src_at, src, n);
	memcpy(b + src_at + n, dst, n);
	if (v6) {
		b[0] = 0x60;
		put16(b + 4, (uint32_t)payload);
		b[6] = f->proto;
		b[7] = TTL;
		return 40;
	}
	b[0] = 0x45;
	put16(b + 2, (uint32_t)payload + 20);
	b[6] = 0x40; /* don't fragment */
	b[8] = TTL;
	b[9] = f->proto;
	put16(b + 10, checksum(sum(0, b, 20)));
	return 20;
}

/* With a pseudo-header (RFC 9293 3.1, RFC 8200 8.1), which ICMP for IPv4 has not. */
static uint16_t check_transport(const struct frame_flow *f, const uint8_t *b, size_t len)
{
	size_t n;
	const uint8_t *src = addr__bytes(&f->source, &n), *dst = addr__bytes(&f->destination, &n);
	uint32_t total = sum(0, b, len);
	uint16_t check;

	if (f->proto != IPPROTO_ICMP) {
		total = sum(total, src, n);
		total = sum(total, dst, n);
		total += f->proto + (uint32_t)len;
	}
	check = checksum(total);
	return f->proto == IPPROTO_UDP && !check ? 0xffff : check;
}

/* The checksum of SCTP has its lowest byte first. */
static void put_check(const struct frame_flow *f, uint8_t *l4, size_t len, size_t at)
{
	uint32_t crc;

	if (f->proto != IPPROTO_SCTP) {
		put16(l4 + at, check_transport(f, l4, len));
		return;
	}
	crc = crc32c(l4, len);
	for (size_t i = 0; i < 4; i++)
		l4[at + i] = (uint8_t)(crc >> 8 * i);
}

size_t frame__build(const struct frame_flow *flow, const uint8_t dmac[6], const uint8_t smac[6],
		    uint8_t out[FRAME_BUILT_MAX])
{
	bool v6 = !addr__is4(&flow->source);
	uint8_t *ip = out + FRAME_ETH, *l4 = ip + (v6 ? 40 : 20);
	size_t check = 0, payload, len;

	memset(out, 0, FRAME_BUILT_MAX);
	payload = put_transport(flow, v6, l4, &check);
	if (!payload)
		return 0;
	memcpy(out, dmac, 6);
	memcpy(out + 6, smac, 6);
	put16(out + 12, v6 ? FRAME_IPV6 : FRAME_IPV4);
	put_check(flow, l4, payload, check);
	len = FRAME_ETH + put_ip(flow, v6, payload, ip) + payload;
	return len < LEAST ? LEAST : len;
}
