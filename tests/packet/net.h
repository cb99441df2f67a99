/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.h - the network of a test process: a namespace of its own, in which the kernel's routes say where
 * clients are, for the replies of NAT.
 *
 * `port` is a veth at 192.0.2.1/24 and fd00:2::1/64, MAC net_mac. Clients of 198.51.100.0/24 and
 * 2001:db8:900::/40 are behind a router with MAC net_router, those of 198.51.101.0/24 and
 * 2001:db8:a00::/40 behind one that does not answer, those of 198.51.102.0/24 and 2001:db8:b00::/40
 * behind a way with an MTU of NET_SMALL_MTU.
 */
#ifndef FAIRLEAD_TESTS_PACKET_NET_H
#define FAIRLEAD_TESTS_PACKET_NET_H

#include <stdint.h>

#define NET_SMALL_MTU 1300

extern const uint8_t net_mac[6];
extern const uint8_t net_router[6];

/* Moves the process there, once, and to one CPU. ifindex of `port`. */
uint32_t net__own_namespace(void);

/* Moves the process to a CPU: counters and ports of NAT are each CPU's. False: there is none. */
bool net__cpu(int cpu);

#endif
