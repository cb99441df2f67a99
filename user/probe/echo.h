/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * echo.h - messages of ICMP and ICMPv6 that an echo probe sends and gets, without any socket.
 *
 * RFC 792 (echo, destination unreachable) and RFC 4443 (3.1, 4.1, 4.2). Raw sockets give IPv4 packets
 * with their IP header, and ICMPv6 messages without.
 */
#ifndef FAIRLEAD_PROBE_ECHO_H
#define FAIRLEAD_PROBE_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define ECHO_LEN 64 /* of a request, as ping(8)'s: 8 bytes of header, the token, zeros */

/* What tells one request from all others. */
struct echo {
	uint16_t id, seq;
	uint64_t token;
};

/* What a message says about a request. */
struct echo_news {
	bool reply; /* else: it did not arrive */
	uint16_t seq;
	uint8_t code; /* of destination unreachable */
	bool has_token; /* errors may return no more than 8 bytes of what they are about */
	uint64_t token;
	struct addr target; /* of an error: where the request was for */
};

/* Writes a request. The checksum of ICMPv6 is the kernel's to fill in (RFC 3542 3.1). */
void echo__request(int family, const struct echo *e, uint8_t out[ECHO_LEN]);

/* False: the message is about no request with that id. */
bool echo__parse(int family, const uint8_t *msg, size_t len, uint16_t id, struct echo_news *out);

/* "host unreachable", by the code of an error; a constant. */
const char *echo__clause(int family, uint8_t code);

#endif
