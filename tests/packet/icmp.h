/* SPDX-License-Identifier: GPL-2.0-or-later */
/* icmp.h - descriptions of ICMP messages that several tests send or expect. */
#ifndef FAIRLEAD_TESTS_PACKET_ICMP_H
#define FAIRLEAD_TESTS_PACKET_ICMP_H

#include "build.h"

/* The answer to a packet that is too big: what a router says (RFC 1191, RFC 4443 3.2), from the VIP. */
struct spec icmp__too_big(const struct spec *s, uint32_t mtu);

/* A router's "time exceeded" about `quoted`, sent to its source, with `bytes` of it (0: all). */
struct spec icmp__error(const struct spec *quoted, uint16_t bytes);

#endif
