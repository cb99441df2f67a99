/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.h - what the feeding BPF programs and the program that measures share. */
#ifndef FAIRLEAD_BENCH_FEED_H
#define FAIRLEAD_BENCH_FEED_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define FEED_FRAME4 64 /* bytes of an IPv4 frame */
#define FEED_FRAME6 80 /* and of an IPv6 frame; of longer ones nothing behind that is written */
#define FEED_FRAME_MAX 1514
#define FEED_TARGETS 64 /* programs that can be measured side by side */

/* Offsets in a frame of what varies from packet to packet. */
#define FEED_SADDR4 26
#define FEED_DADDR4 30
#define FEED_PORTS4 34
#define FEED_SADDR6 34 /* the last 32 bits */
#define FEED_DADDR6 50
#define FEED_PORTS6 54

/* Packets to be made: a template, and how each differs from it. */
struct feed {
	__u8 frame[FEED_FRAME6];
	__u32 len; /* FEED_FRAME4, FEED_FRAME6 or more, up to FEED_FRAME_MAX */
	__u32 flow_mask; /* number of flows, a power of two, less one */
	__u32 service_mask; /* number of VIPs, a power of two, less one */
	__u8 random; /* each packet is from a source of its own, flow_mask does not count */
	__u8 v6;
	__u8 pad[2];
	__u32 target; /* index into `targets` */
	__u32 slice; /* of the live path: frames after which the clock is read, a power of two */
	__u64 at; /* where the walk stands, or the random state, not 0 */
};

/* What arrived. */
struct feed_seen {
	__u64 packets;
	__u64 bytes;
	__u64 stamp; /* CLOCK_MONOTONIC ns of the end of the last slice */
	__u64 best; /* ns of the fastest slice */
};

#endif
