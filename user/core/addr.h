/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * addr.h - one type for IPv4 and IPv6 addresses.
 *
 * IPv4 is kept IPv4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2), as in the maps (abi.h).
 */
#ifndef FAIRLEAD_CORE_ADDR_H
#define FAIRLEAD_CORE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_STRLEN INET6_ADDRSTRLEN
#define ADDR_PREFIX_STRLEN (ADDR_STRLEN + 4) /* and "/128" */

struct addr {
	uint8_t b[16]; /* network order */
};

/* A network: the first `len` bits of `addr` count; len is of the 128-bit form (IPv4: 96 + prefix). */
struct addr_prefix {
	struct addr addr;
	uint8_t len; /* 0..128 */
};

/* Parses "192.0.2.1" or "2001:db8::1" (no brackets, no zone). 0 or -EINVAL. */
int addr__parse(const char *text, struct addr *out);

/* Parses "192.0.2.0/24" or "2001:db8::/64"; host bits must be zero. 0 or -EINVAL. */
int addr__parse_prefix(const char *text, struct addr_prefix *out);

/* Parses "192.0.2.1:80" or "[2001:db8::1]:80", the port 1..65535. 0 or -EINVAL. */
int addr__parse_endpoint(const char *text, struct addr *out, uint16_t *port);

/* Parses an address or a prefix; an address is a prefix of full length. 0 or -EINVAL. */
int addr__parse_net(const char *text, struct addr_prefix *out);

/* Whether the address lies in the prefix. */
bool addr_prefix__holds(const struct addr_prefix *p, const struct addr *a);

bool addr_prefix__equal(const struct addr_prefix *a, const struct addr_prefix *b);

/*
 * Writes "192.0.2.0/24", or "192.0.2.1" if all bits count, to buf (ADDR_PREFIX_STRLEN bytes); returns
 * buf.
 */
const char *addr_prefix__format(const struct addr_prefix *p, char *buf);

/* Writes the usual text form to buf (ADDR_STRLEN bytes) and returns buf. */
const char *addr__format(const struct addr *a, char *buf);

bool addr__is4(const struct addr *a);
/* fe80::/10 (RFC 4291 2.5.6): means nothing without its interface. */
bool addr__is_link_local(const struct addr *a);
bool addr__equal(const struct addr *a, const struct addr *b);

/* From raw bytes: 4 for AF_INET, 16 for AF_INET6. */
struct addr addr__from_bytes(int family, const void *bytes);

/* AF_INET or AF_INET6. */
int addr__family(const struct addr *a);

/* The raw bytes: 4 of them for IPv4, 16 for IPv6; *len says which. */
const uint8_t *addr__bytes(const struct addr *a, size_t *len);

/* Fills a socket address for connect() and friends; `port` in host order. Returns its length. */
socklen_t addr__sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *out);

#endif
