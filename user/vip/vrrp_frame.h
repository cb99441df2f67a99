/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp_frame.h - an advert to the multicast group as a whole Ethernet frame, since it leaves with a source
 * address that is not the interface's (RFC 9568 7.2, 7.3).
 */
#ifndef FAIRLEAD_VIP_VRRP_FRAME_H
#define FAIRLEAD_VIP_VRRP_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "vip/vrrp_wire.h"

#define VRRP_FRAME_MAX (14 + 40 + VRRP_MAX_LEN) /* bytes */

/*
 * Writes Ethernet, IP and the message (len bytes, at most VRRP_MAX_LEN) to `out` (VRRP_FRAME_MAX bytes), from
 * `mac`, and returns the length. e->to is a multicast address; the TTL is VRRP_TTL.
 */
size_t vrrp_frame__write(uint8_t *out, const uint8_t mac[6], const struct vrrp_envelope *e,
			 const uint8_t *message, size_t len);

#endif
