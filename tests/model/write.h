/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.h - frames from descriptions, with right lengths and checksums. */
#ifndef FAIRLEAD_TESTS_MODEL_WRITE_H
#define FAIRLEAD_TESTS_MODEL_WRITE_H

#include "frame.h"

#define DESC_TAGS 3
#define DESC_EXTS 9

struct desc {
	uint8_t dmac[6], smac[6];
	uint32_t tags;
	uint16_t tpid[DESC_TAGS], tci[DESC_TAGS];
	uint8_t version, tos, ttl;
	bool df;
	uint16_t id;
	uint32_t label; /* v6: flow label */
	uint8_t saddr[16], daddr[16]; /* IPv4-mapped for IPv4 */
	uint32_t options; /* v4: bytes, a multiple of 4 up to 40 */
	/* v6: extension headers and the bytes of each, a multiple of 8 (AH: 4) */
	uint32_t exts;
	uint8_t ext[DESC_EXTS];
	uint32_t ext_len[DESC_EXTS];
	/* a fragment: of v6 the fragment header stands before the last `behind` extensions, its id is `id` */
	bool fragment;
	uint32_t behind;
	uint8_t proto;
	uint16_t sport, dport;
	uint8_t flags; /* TCP */
	uint32_t seq; /* TCP */
	uint8_t chunk; /* SCTP: type of the first chunk; 0xff: none */
	bool no_sum; /* UDP: checksum 0 */
	uint8_t type, code; /* ICMP */
	uint32_t rest; /* ICMP: the second word of the header */
	const uint8_t *body; /* ICMP: what it quotes; NULL: `payload` bytes */
	uint32_t payload; /* bytes behind the transport header */
	uint32_t trailer; /* Ethernet padding */
};

/* Where the headers lie in the frame that was written; part: what fragments are cut from. */
struct layout {
	uint32_t l3, part, l4, end;
};

/* A client's TCP SYN from 198.18.0.5 or 2001:db8:200::5; destination and ports are the caller's. */
struct desc desc__new(uint8_t version, uint8_t proto);

/* Writes the frame; one that would not fit loses payload first. */
void write__frame(const struct desc *d, struct frame *out, struct layout *at);

/*
 * Of a frame written with `fragment`: the fragment that holds bytes [from, to) of what follows the
 * IP header, of v6 the fragment header; from is a multiple of 8.
 */
void write__fragment(const struct frame *whole, const struct layout *at, uint8_t version,
		     uint32_t from, uint32_t to, struct frame *out);

#endif
