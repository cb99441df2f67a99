/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

uint64_t sum16(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : (uint64_t)b[i] << 8;
	return sum;
}

uint16_t sum_fold(uint64_t sum)
{
	while (sum > 0xffff)
		sum = sum / 0x10000 + sum % 0x10000;
	return (uint16_t)~sum;
}

uint64_t sum_pseudo(uint8_t version, const uint8_t *saddr, const uint8_t *daddr, uint32_t len,
		    uint8_t proto)
{
	size_t n = version == 6 ? 16 : 4;

	return sum16(saddr, n) + sum16(daddr, n) + (len >> 16) + (len & 0xffff) + proto;
}
