/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gtsm.h - the Generalized TTL Security Mechanism (RFC 5082) in the kernel: what has come through a router does
 * not get to a socket's queue, so that a flood from afar leaves room there for the neighbours' packets.
 */
#ifndef FAIRLEAD_VIP_GTSM_H
#define FAIRLEAD_VIP_GTSM_H

#include <stdint.h>

#define GTSM_TTL 255 /* or hop limit: no router sends it on */

/* For a datagram socket of that family. 0 or -errno. */
int gtsm__attach(int fd, int family);

/*
 * For a raw one: the kernel does not count what its filter refuses, so the filter does, in a map. Returns the map's
 * descriptor, which the caller closes, or -errno.
 */
int gtsm__attach_raw(int fd, int family);

/* How many that filter has refused. */
uint64_t gtsm__refused(int map);

/* How many the kernel has dropped since the queue was full, and of a datagram socket since they came from afar. fd -1: 0. */
uint64_t gtsm__dropped(int fd);

#endif
