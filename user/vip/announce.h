/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * announce.h - telling a link that an address is here now: a gratuitous ARP request (RFC 5227 3) or an
 * unsolicited neighbour advertisement (RFC 4861 7.2.6), as whole Ethernet frames, so that they go out
 * before the address is even on the interface.
 */
#ifndef FAIRLEAD_VIP_ANNOUNCE_H
#define FAIRLEAD_VIP_ANNOUNCE_H

#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define ANNOUNCE_MAX_LEN 86 /* bytes: Ethernet, IPv6, neighbour advertisement, link-layer address */

/* Writes the frame to `out` (ANNOUNCE_MAX_LEN bytes) and returns its length. */
size_t announce__frame(uint8_t *out, const uint8_t mac[6], const struct addr *address);

/* A packet socket that only sends, or -errno. */
int announce__open(void);

/* Sends a whole Ethernet frame from the interface. 0 or -errno. */
int announce__put(int fd, uint32_t ifindex, const uint8_t *frame, size_t len);

/* Sends one for each address from the interface. 0, or the last failure as -errno. */
int announce__send(int fd, uint32_t ifindex, const uint8_t mac[6], const struct addr *addresses,
		   size_t n);

#endif
