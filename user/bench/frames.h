/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames.h - what packets a case feeds: the template and the flows it stands for. */
#ifndef FAIRLEAD_BENCH_FRAMES_H
#define FAIRLEAD_BENCH_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/feed.h"
#include "core/addr.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10

#define RANDOM_SOURCES 0 /* flows.flows: each packet from a source of its own, out of 2^28 */

#define MAX_VIPS 4096 /* VIPs of one family, from frames__vip(version, 0) on */

struct flows {
	uint8_t version; /* 4 or 6 */
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t tcp_flags;
	bool elsewhere; /* to an address that is no VIP */
	uint16_t port; /* destination, host order */
	uint32_t flows; /* a power of two, or RANDOM_SOURCES */
	uint32_t vips; /* a power of two: packets are spread evenly over the first so many VIPs */
	uint16_t length; /* of the IP packet, 66..1500; 0: of the smallest frame */
};

extern const uint8_t frames_dmac[6]; /* the balancer's port: every frame goes there */

/* The i-th VIP of a family. */
struct addr frames__vip(uint8_t version, uint32_t i);

bool frames__equal(const struct flows *a, const struct flows *b);

/* What the feeding programs need to make these packets. */
void frames__fill(const struct flows *f, struct feed *out);

#endif
