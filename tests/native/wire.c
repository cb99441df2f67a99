/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire.h"

#include <netinet/in.h>

#define ETH_LEN 14

uint16_t wire__get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t sum(const uint8_t *at, uint32_t len)
{
	uint32_t s = 0;

	for (uint32_t i = 0; i < len; i++)
		s += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return s;
}

static uint16_t inverted(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

uint16_t wire__checksum(const uint8_t *at, uint32_t len)
{
	return inverted(sum(at, len));
}

static bool read_ipv4(struct wire *w, const uint8_t *h, uint32_t room)
{
	uint32_t header;
	uint16_t frag;

	if (room < 20)
		return false;
	header = (h[0] & 15) * 4U;
	w->l3_len = wire__get16(h + 2);
	if (header < 20 || w->l3_len < header || w->l3_len > room)
		return false;
	frag = wire__get16(h + 6) & 0x3fff;
	w->fragment = frag;
	w->later = frag & 0x1fff;
	w->tos = h[1];
	w->ttl = h[8];
	w->proto = h[9];
	w->l4 = w->l3 + header;
	return true;
}

static bool read_ipv6(struct wire *w, const uint8_t *h, uint32_t room)
{
	uint32_t at = 40;

	if (room < 40)
		return false;
	w->l3_len = 40U + wire__get16(h + 4);
	if (w->l3_len > room)
		return false;
	w->tos = (uint8_t)(h[0] << 4 | h[1] >> 4);
	w->ttl = h[7];
	w->proto = h[6];
	while (w->proto == IPPROTO_HOPOPTS || w->proto == IPPROTO_ROUTING ||
	       w->proto == IPPROTO_DSTOPTS || w->proto == IPPROTO_AH ||
	       w->proto == IPPROTO_FRAGMENT) {
		bool frag = w->proto == IPPROTO_FRAGMENT;
		uint32_t size;

		if (frag && w->fragment)
			break;
		if (at + 8 > w->l3_len) {
			w->broken = true;
			break;
		}
		size = frag			? 8
		       : w->proto == IPPROTO_AH ? (h[at + 1] + 2U) * 4
						: (h[at + 1] + 1U) * 8;
		if (at + size > w->l3_len) {
			w->broken = true;
			break;
		}
		if (frag && wire__get16(h + at + 2) & 0xfff9) {
			w->fragment = true;
			w->later = wire__get16(h + at + 2) & 0xfff8;
		}
		w->proto = h[at];
		at += size;
		if (w->later)
			break;
	}
	w->l4 = w->l3 + at;
	return true;
}

bool wire__ip(struct wire *w, const uint8_t *b, uint32_t len, uint32_t l3)
{
	*w = (struct wire){.b = b, .len = len, .l3 = l3};
	if (l3 >= len)
		return false;
	w->version = b[l3] >> 4;
	if (w->version == 4)
		return read_ipv4(w, b + l3, len - l3);
	return w->version == 6 && read_ipv6(w, b + l3, len - l3);
}

bool wire__frame(struct wire *w, const uint8_t *b, uint32_t len)
{
	uint32_t l3 = ETH_LEN, tags = 0;
	uint16_t type;

	if (len < ETH_LEN)
		return false;
	type = wire__get16(b + 12);
	while (tags < 2 && (type == 0x8100 || type == 0x88a8) && l3 + 4 <= len) {
		type = wire__get16(b + l3 + 2);
		l3 += 4;
		tags++;
	}
	if (!wire__ip(w, b, len, l3))
		return false;
	w->tags = tags;
	return type == (w->version == 4 ? 0x0800 : 0x86dd);
}

bool wire__header_right(const struct wire *w)
{
	return w->version != 4 || !wire__checksum(w->b + w->l3, (w->b[w->l3] & 15) * 4U);
}

uint32_t wire__addr_len(const struct wire *w)
{
	return w->version == 4 ? 4 : 16;
}

const uint8_t *wire__src(const struct wire *w)
{
	return w->b + w->l3 + (w->version == 4 ? 12 : 8);
}

const uint8_t *wire__dst(const struct wire *w)
{
	return wire__src(w) + wire__addr_len(w);
}

bool wire__transport_right(const struct wire *w)
{
	const uint8_t *h = w->b + w->l4;
	uint32_t len = w->l3 + w->l3_len - w->l4;
	uint32_t pseudo = sum(wire__src(w), 2 * wire__addr_len(w)) + w->proto;

	if (w->fragment)
		return false;
	switch (w->proto) {
	case IPPROTO_TCP:
		return len >= 20 && !inverted(pseudo + len + sum(h, len));
	case IPPROTO_UDP:
		if (len < 8 || wire__get16(h + 4) < 8 || wire__get16(h + 4) > len)
			return false;
		len = wire__get16(h + 4); /* RFC 768: its own length, not IP's */
		if (!wire__get16(h + 6))
			return w->version == 4;
		return !inverted(pseudo + len + sum(h, len));
	case IPPROTO_ICMP:
		return w->version == 4 && len >= 8 && !inverted(sum(h, len));
	case IPPROTO_ICMPV6:
		return w->version == 6 && len >= 8 && !inverted(pseudo + len + sum(h, len));
	default:
		return false;
	}
}
