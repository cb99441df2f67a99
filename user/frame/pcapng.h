/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcapng.h - blocks of a capture file (draft-ietf-opsawg-pcapng), in the machine's byte order. Pure.
 *
 * A block is written whole, or -ENOSPC and nothing of it. Times are nanoseconds since 1970, UTC. Texts are
 * UTF-8, cut to PCAPNG_TEXT bytes.
 */
#ifndef FAIRLEAD_FRAME_PCAPNG_H
#define FAIRLEAD_FRAME_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#define PCAPNG_TEXT 2000

/* Where blocks go. */
struct pcapng {
	uint8_t *at;
	size_t len, room; /* bytes that are there, and that fit */
};

/* The first block of a file; `comment`: of the whole of it. */
int pcapng__section(struct pcapng *p, const char *application, const char *comment);

/* An Ethernet interface; the first has number 0. `snap`: bytes of a packet that are kept, at most. */
int pcapng__interface(struct pcapng *p, const char *name, const char *description, uint32_t snap);

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

struct pcapng_packet {
	uint32_t interface;
	uint64_t time_ns;
	const uint8_t *data;
	uint32_t kept, len; /* bytes of data; of the packet */
	enum pcapng_direction direction;
	uint64_t id; /* the same in all blocks of the packet */
	uint32_t action; /* what the XDP program returned */
	const char *comment;
};
int pcapng__packet(struct pcapng *p, const struct pcapng_packet *packet);

#define PCAPNG_PACKET_MAX(kept) (128 + (kept) + PCAPNG_TEXT) /* bytes of its block, at most */
#define PCAPNG_STATISTICS_MAX 128

struct pcapng_statistics {
	uint32_t interface;
	uint64_t begin_ns, end_ns;
	uint64_t accepted; /* by the filter */
	uint64_t dropped; /* of these, not in the file for want of time or room */
	uint64_t delivered; /* of these, in the file */
};
int pcapng__statistics(struct pcapng *p, const struct pcapng_statistics *s);

#endif
