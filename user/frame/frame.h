/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame.h - Ethernet frames as people ask for them, and as people read them. Pure.
 *
 * Reading never goes beyond the bytes that are there, whatever they say of their length.
 */
#ifndef FAIRLEAD_FRAME_FRAME_H
#define FAIRLEAD_FRAME_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define FRAME_TCP_FIN 0x01
#define FRAME_TCP_SYN 0x02
#define FRAME_TCP_RST 0x04
#define FRAME_TCP_PSH 0x08
#define FRAME_TCP_ACK 0x10

/* What tells a connection from others; ports in host order, 0 where the protocol has none. */
struct frame_flow {
	struct addr source, destination; /* of one family */
	uint16_t sport, dport;
	uint8_t proto; /* IPPROTO_*, of the transport */
	uint8_t tcp_flags; /* FRAME_TCP_*; TCP only */
	uint32_t seq; /* TCP only, host order */
	bool opens; /* a new connection of QUIC (UDP) or SCTP; frame__flow() does not look for it */
};

#define FRAME_BUILT_MAX 1280 /* bytes of what frame__build() makes, at most */

/*
 * Writes a frame of at least 60 bytes, TTL 64, every checksum right: TCP without data; UDP without data, or with
 * `opens` the 1200 bytes of an Initial of QUIC version 1 (RFC 9000 14.1, 17.2.2) whose encrypted part is zeros; SCTP
 * with a chunk of data, or an INIT (RFC 9260 3.3.2); an ICMP echo request (RFC 792, RFC 4443). Its length; 0: the
 * protocol is none of these.
 */
size_t frame__build(const struct frame_flow *flow, const uint8_t dmac[6], const uint8_t smac[6],
		    uint8_t out[FRAME_BUILT_MAX]);

/*
 * The outermost IP packet's flow. -EINVAL: there is no whole IP header. Ports are 0 in a later fragment
 * and where they are not there.
 */
int frame__flow(const uint8_t *frame, size_t len, struct frame_flow *out);

#define FRAME_LINES 12
#define FRAME_LINE 200 /* bytes of a line, its NUL included */

/*
 * A line for each header, from the outside in, as many as there is room for. What follows UDP to gue_port
 * (host order, 0: none) is read as GUE version 0 (draft-ietf-intarea-gue-09). How many.
 */
size_t frame__describe(const uint8_t *frame, size_t len, uint16_t gue_port,
		       char lines[FRAME_LINES][FRAME_LINE]);

/* "syn,ack" of TCP flags to buf (at least 40 bytes); "" if there are none. Returns buf. */
const char *frame__tcp_flags(uint8_t flags, char *buf);
#define FRAME_FLAGS_LEN 40

#endif
