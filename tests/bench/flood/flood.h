/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood.h - what the flood's BPF programs and the program that runs them share. */
#ifndef FAIRLEAD_TESTS_BENCH_FLOOD_H
#define FAIRLEAD_TESTS_BENCH_FLOOD_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define FLOOD_FRAME 64 /* bytes of a frame: Ethernet, IPv4, TCP, padding */
#define FLOOD_SADDR 26 /* offsets of what is different in each */
#define FLOOD_SPORT 34
#define FLOOD_SEQ 38
#define FLOOD_FLAGS 47
#define FLOOD_SYN 0x02
#define FLOOD_ACK 0x10
#define FLOOD_ID 0xf10d /* of the IPv4 header, in every frame of the flood and in none else */

#endif
