/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plane/outer.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <string.h>

#define OUTER_TTL 64

/* Bits of the last 32 of a source that are not fixed by its first `len` of 128, network order. */
static __be32 free_bits(uint8_t len)
{
	if (len >= 128)
		return 0;
	if (len <= 96)
		return htonl(0xffffffffU);
	return htonl(0xffffffffU >> (len - 96));
}

/* RFC 1071: one's complement sum of 16-bit words in network order, not inverted. */
static uint16_t sum16(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i + 1 < len; i += 2) {
		memcpy(&word, b + i, sizeof(word));
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void outer__fill4(struct fl_backend *b, const struct addr *source, uint8_t source_len)
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = OUTER_TTL, .frag_off = htons(IP_DF)};

	b->src_mask = free_bits(source_len);
	memcpy(&ip.saddr, source->b + 12, 4);
	memcpy(&ip.daddr, b->addr + 12, 4);
	ip.saddr &= ~b->src_mask;
	b->src4 = ip.saddr;
	b->dst4 = ip.daddr;
	b->sum4 = sum16(&ip, sizeof(ip));
}

void outer__fill6(struct fl_backend *b, const struct addr *source, uint8_t source_len)
{
	__be32 last;

	b->src_mask = free_bits(source_len);
	memcpy(b->src6, source->b, sizeof(b->src6));
	memcpy(&last, source->b + 12, 4);
	last &= ~b->src_mask;
	memcpy(b->src6 + 12, &last, 4);
}
