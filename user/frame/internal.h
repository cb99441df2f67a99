/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - headers by their offsets, for the files of frame/. */
#ifndef FAIRLEAD_FRAME_INTERNAL_H
#define FAIRLEAD_FRAME_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_ETH 14 /* bytes of an Ethernet header without tags */
#define FRAME_IPV4 0x0800
#define FRAME_IPV6 0x86dd
#define FRAME_GUE 4 /* bytes of its header without options */

static inline uint16_t frame_u16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t frame_u32(const uint8_t *b)
{
	return (uint32_t)frame_u16(b) << 16 | frame_u16(b + 2);
}

/* Skips Ethernet and up to two tags: the offset of what follows, *type what that is; 0: cut off. */
size_t frame_eth__skip(const uint8_t *frame, size_t len, uint16_t *type);

/* An IP header and, for IPv6, the extension headers behind it. */
struct frame_ip {
	size_t at, payload; /* offsets of the header and of what follows all of them */
	uint8_t version; /* 4 or 6 */
	uint8_t proto; /* of what follows */
	bool fragment; /* of a datagram, */
	bool later; /* and not the first: no transport header follows */
};

/* false: there is no whole IP header of that Ethernet type. */
bool frame_ip__read(const uint8_t *frame, size_t len, size_t at, uint16_t type,
		    struct frame_ip *out);

#endif
