/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - a record of `flows` or `nat_flows` as one peer tells it to another.
 *
 * Where the connection goes is told by a name that is the same on both machines, and times by how long ago
 * they were. In network order:
 *
 *    0  slot (20 bits, the lowest), PEER_RECORD_* (12 bits)
 *    4  name (8)   a digest of the flow key, the service and the backend
 *   12  source port (2), destination port (2)
 *   16  seen (2)   seconds since its last packet, 65535: that or more
 *   18  born (2)   since it was made
 *   20  protocol (1)
 *   21  source and destination address: 4 bytes each with PEER_RECORD_IPV4, else 16
 *       initial and highest sequence number (4 + 4), with PEER_RECORD_YOUNG
 *
 * So it takes 29 bytes for IPv4 and 53 for IPv6, 8 more in the first second of a new connection.
 *
 * Of NAT, with PEER_RECORD_NAT, source and destination are the client and the VIP; the slot is 0, and so is `born`, but
 * with PEER_RECORD_PAIR, of full NAT, it is the port of the pool, whose address follows the others (4 or 16). Where the
 * backend is and what its port is, the name says. FIN and RST are those of struct fl_told_nat. Pure.
 */
#ifndef FAIRLEAD_PEER_RECORD_H
#define FAIRLEAD_PEER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fairlead/abi.h"

#define PEER_RECORD_MAX 69
#define PEER_RECORD_SLOTS (1u << 20)

#define PEER_RECORD_IPV4 (1u << 20)
#define PEER_RECORD_YOUNG (1u << 21)
#define PEER_RECORD_FIN (1u << 22)
#define PEER_RECORD_RST (1u << 23)
#define PEER_RECORD_FLAGS (PEER_RECORD_IPV4 | PEER_RECORD_YOUNG | PEER_RECORD_FIN | PEER_RECORD_RST)

#define PEER_RECORD_NAT (1u << 24)
#define PEER_RECORD_PAIR (1u << 25)
#define PEER_RECORD_FIN_OTHER (1u << 26)
#define PEER_RECORD_SEEN (1u << 27)
#define PEER_RECORD_SEEN_OTHER (1u << 28)
#define PEER_RECORD_NAT_FLAGS                                                      \
	(PEER_RECORD_NAT | PEER_RECORD_PAIR | PEER_RECORD_IPV4 | PEER_RECORD_FIN | \
	 PEER_RECORD_RST | PEER_RECORD_FIN_OTHER | PEER_RECORD_SEEN | PEER_RECORD_SEEN_OTHER)

/* What was read. */
struct peer_record {
	uint64_t name;
	bool nat; /* which of the two it is */
	union {
		struct fl_told flow;
		struct fl_told_nat nat_flow;
	};
};

/*
 * Writes a record of this machine, whose backend has that name, as of now_s (its clock, seconds), into
 * PEER_RECORD_MAX bytes; returns its length.
 */
size_t peer_record__write(const struct fl_told *t, uint64_t name, uint32_t now_s, uint8_t *out);

size_t peer_record__write_nat(const struct fl_told_nat *t, uint64_t name, uint32_t now_s,
			      uint8_t *out);

/*
 * Reads the record at *at of `in`, and *at behind it: as this machine would have it at now_s, with FL_FLOW_COPY or
 * without FL_NAT_HERE, but for the service and the backend, which are 0; of NAT, also its address and port,
 * where the backend's packets come from or the client's go to. False: there is none that is whole.
 */
bool peer_record__read(const uint8_t *in, size_t len, size_t *at, uint32_t now_s,
		       struct peer_record *out);

#endif
