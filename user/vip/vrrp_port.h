/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp_port.h - a raw socket for VRRP on one interface, of one family.
 *
 * Opened and closed on the loop's thread, since joining a multicast group may wait for the kernel's
 * lock of the network configuration; read and written on the real-time thread.
 */
#ifndef FAIRLEAD_VIP_VRRP_PORT_H
#define FAIRLEAD_VIP_VRRP_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"
#include "vip/vrrp_wire.h"

/* A message's bytes after the IP header, and how it came. */
typedef void vrrp_port_cb(void *ctx, const uint8_t *bytes, size_t len,
			  const struct vrrp_envelope *in);

/*
 * The descriptor, or -errno with a sentence. What is of another link (RFC 9568 7.1, GTSM) never gets to its queue;
 * *far: where that is counted, for gtsm__refused(), to be closed with it.
 */
int vrrp_port__open(const char *ifname, uint32_t ifindex, int family, int *far, struct err *err);

/* Reads what is there, a batch at most; true: there may be more. */
bool vrrp_port__read(int fd, int family, vrrp_port_cb *cb, void *ctx);

/* Sends from e->from to e->to. 0 or -errno. */
int vrrp_port__send(int fd, uint32_t ifindex, const uint8_t *bytes, size_t len,
		    const struct vrrp_envelope *e);

/* 224.0.0.18 or ff02::12 (RFC 9568 5.1.1.2, 5.1.2.2). */
struct addr vrrp_port__group(int family);

#endif
