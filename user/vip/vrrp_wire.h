/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp_wire.h - VRRP advertisements as bytes: version 3 (RFC 9568) of both families, and version 2
 * (RFC 3768) to be read only, so that a pair can be moved from an older router one by one. Pure.
 */
#ifndef FAIRLEAD_VIP_VRRP_WIRE_H
#define FAIRLEAD_VIP_VRRP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define VRRP_PROTOCOL 112 /* IP protocol, RFC 9568 5.1.1.4 */
#define VRRP_TTL 255 /* RFC 9568 5.1.1.3: what comes from farther away has less */
#define VRRP_MAX_ADDRESSES 255
#define VRRP_MAX_LEN (8 + 16 * VRRP_MAX_ADDRESSES) /* bytes */
#define VRRP_MAX_INTERVAL_CS 4095 /* 12 bits, RFC 9568 5.2.7 */
#define VRRP_PRIORITY_STOP 0 /* the active gives up, RFC 9568 5.2.4 */
#define VRRP_PRIORITY_OWNER 255 /* whose addresses they are */

struct vrrp_advert {
	uint8_t version; /* 3; read: or 2 */
	uint8_t vrid; /* 1..255 */
	uint8_t priority; /* 0..255 */
	uint16_t
		interval_cs; /* hundredths of a second; 1..VRRP_MAX_INTERVAL_CS, version 2: to 25500 */
	const uint8_t *addresses; /* n of them, 4 or 16 bytes each, as they stand in the message */
	uint8_t n;
	bool bare; /* IPv4, version 3: the checksum is of the message alone (RFC 9568 5.2.8) */
};

/* How a message came. */
struct vrrp_envelope {
	struct addr from, to; /* of one family */
	int ttl; /* or hop limit */
};

/* Why a message is refused; the order is that of the checks. */
enum vrrp_refusal {
	VRRP_ACCEPTED,
	VRRP_TTL_LOW, /* not 255: it was forwarded, so it is forged (RFC 9568 7.1) */
	VRRP_SHORT, /* not even a header */
	VRRP_VERSION, /* neither 3 nor, over IPv4, 2 */
	VRRP_TYPE, /* not an advertisement */
	VRRP_LENGTH, /* longer or shorter than its addresses are */
	VRRP_CHECKSUM,
	VRRP_VRID, /* 0 */
	VRRP_NO_ADDRESS, /* none is listed, though 1 is the least (RFC 9568 5.2.5) */
	VRRP_INTERVAL, /* 0 */
	VRRP_AUTH, /* version 2 with an authentication that RFC 3768 does not know */
	VRRP_REFUSALS
};

/* "ttl", "short", ...: for status and metrics. */
const char *vrrp_refusal__name(enum vrrp_refusal r);

/*
 * Reads what follows the IP header. VRRP_ACCEPTED with *out, whose addresses point into `bytes`; else
 * why not, *out untouched.
 *
 * Over IPv4, RFC 5798 has a pseudo-header in the checksum of version 3, which RFC 9568 5.2.8 has not;
 * routers of both kinds are about, so either is right.
 */
enum vrrp_refusal vrrp_wire__read(const uint8_t *bytes, size_t len, const struct vrrp_envelope *in,
				  struct vrrp_advert *out);

/* Whether the advertisement lists exactly these n addresses, in any order. */
bool vrrp_wire__lists(const struct vrrp_advert *a, const struct addr *addresses, size_t n);

/*
 * Writes a version 3 advertisement of these addresses (all of the envelope's family, 1..255 of them) to
 * `out` (VRRP_MAX_LEN bytes) and returns its length. Without `bare`, an IPv4 checksum covers the
 * pseudo-header too, which is what is on the wire most: keepalived's and FRR's default.
 */
size_t vrrp_wire__write(uint8_t *out, uint8_t vrid, uint8_t priority, uint16_t interval_cs,
			const struct addr *addresses, size_t n, const struct vrrp_envelope *e,
			bool bare);

#endif
