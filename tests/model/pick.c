/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick.c - section 4: the hash that include/fairlead/flowhash.h defines, and the slot. */
#include "internal.h"

#include <string.h>

static uint64_t rotate(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

/* RFC 4418 5.2.1's NH of one pair: (low + low) * (high + high), the sums modulo 2^32. */
static uint64_t nh(uint64_t word, uint64_t key)
{
	uint32_t low = (uint32_t)(word % 0x100000000 + key % 0x100000000);
	uint32_t high = (uint32_t)(word / 0x100000000 + key / 0x100000000);

	return (uint64_t)low * high;
}

static uint64_t finish(uint64_t x)
{
	for (int round = 0; round < 2; round++) {
		x ^= x >> 33;
		x *= round ? 0xc4ceb9fe1a85ec53ULL : 0xff51afd7ed558ccdULL;
	}
	return x ^ x >> 33;
}

static uint64_t word(const uint8_t *at, size_t bytes)
{
	uint64_t w = 0;

	if (bytes == 4) {
		uint32_t half;

		memcpy(&half, at, 4);
		return half;
	}
	memcpy(&w, at, 8);
	return w;
}

/* IPv6 sources are their /64; one of ::/64, and IPv4's, the other half. */
uint64_t pick__meter_hash(const struct world *w, const uint8_t saddr[16], uint32_t service,
			  enum fl_meter which)
{
	uint64_t source = word(saddr, 8) ? word(saddr, 8) : word(saddr + 8, 8);
	uint64_t key = w->settings.flow_key[which == FL_METER_SRC_NEW];

	return finish(source ^ key ^ ((uint64_t)service << 32 | which));
}

uint64_t pick__mix(uint64_t x)
{
	return finish(x);
}

static uint64_t hash6(const __u64 *key, const uint8_t saddr[16], const uint8_t daddr[16],
		      uint64_t ports, uint64_t proto)
{
	return finish(key[3] ^
		      (nh(word(saddr, 8), key[0]) + nh(word(saddr + 8, 8), key[1]) +
		       nh(word(daddr, 8), key[2]) + nh(word(daddr + 8, 8), rotate(key[0], 21)) +
		       nh(ports << 32 | proto, rotate(key[1], 43))));
}

uint64_t pick__sight_hash(const struct world *w, const struct fl_flow_key *key)
{
	return hash6(w->settings.flow_key, key->saddr, key->daddr,
		     key->sport | (uint32_t)key->dport << 16,
		     key->service | (uint32_t)key->proto << 16);
}

uint64_t pick__hash(const struct world *w, uint32_t service, uint8_t version,
		    const uint8_t saddr[16], const uint8_t daddr[16], uint16_t sport,
		    uint16_t dport, uint8_t proto)
{
	static const uint8_t zero[16];
	const __u64 *key = w->settings.flow_key;
	uint8_t affinity = w->services[service].affinity, raw[4];
	uint64_t ports;

	if (affinity != FL_AFF_FLOW) {
		daddr = zero;
		dport = 0;
		proto = 0;
	}
	if (affinity == FL_AFF_SOURCE)
		sport = 0;
	put16(raw, sport);
	put16(raw + 2, dport);
	ports = word(raw, 4);
	if (version == 4)
		return finish(key[3] ^ (nh(word(saddr + 12, 4) << 32 | ports, key[0]) +
					nh(word(daddr + 12, 4) << 32 | proto, key[1])));
	return hash6(key, saddr, daddr, ports, proto);
}

uint32_t pick__slot(const struct world *w, uint32_t service, uint64_t hash)
{
	uint32_t slots = w->services[service].slot_mask + 1;

	return w->slots[service][hash % slots];
}
