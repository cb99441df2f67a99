/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h - what a frame is, read by code that shares nothing with the data path.
 *
 * It is short because it may be slow: checksums are computed over all bytes, by twos.
 */
#ifndef FAIRLEAD_TESTS_NATIVE_WIRE_H
#define FAIRLEAD_TESTS_NATIVE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

struct wire {
	const uint8_t *b;
	uint32_t len; /* bytes of the frame */
	uint32_t tags; /* VLAN tags, 0 to 2 */
	uint32_t l3; /* offset of the IP header */
	uint32_t l3_len; /* bytes of the IP packet */
	uint32_t l4; /* offset of what follows the IP header and extension headers */
	uint8_t version, proto, ttl, tos;
	bool fragment, later; /* is a fragment, is not the first one */
	bool broken; /* IPv6: extension headers that are longer than the packet, from l4 on */
};

/* Reads a frame from its Ethernet header on. False: it is not a whole IP packet. */
bool wire__frame(struct wire *w, const uint8_t *b, uint32_t len);

/* The same from the IP header at offset `l3` on. */
bool wire__ip(struct wire *w, const uint8_t *b, uint32_t len, uint32_t l3);

uint16_t wire__get16(const uint8_t *at);

/* One's complement sum of `len` bytes, inverted (RFC 1071): 0 over bytes whose checksum is right. */
uint16_t wire__checksum(const uint8_t *at, uint32_t len);

/* Is the IPv4 header's checksum right? IPv6 has none that could be wrong. */
bool wire__header_right(const struct wire *w);

/*
 * Is the checksum of TCP, UDP, ICMP or ICMPv6 right? A UDP checksum of 0 over IPv4 is none, and right.
 * False for what has no checksum, or not all of what it covers: a fragment.
 */
bool wire__transport_right(const struct wire *w);

/* Source and destination, `wire__addr_len` bytes each. */
uint32_t wire__addr_len(const struct wire *w);
const uint8_t *wire__src(const struct wire *w);
const uint8_t *wire__dst(const struct wire *w);

#endif
