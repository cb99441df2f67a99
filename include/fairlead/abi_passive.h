/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_passive.h - new connections that are watched for an answer, for passive detection
 * (docs/health.md). Part of abi.h, which includes it.
 *
 * Only the client's packets are seen. A connection is complete when an ACK of its flow comes within
 * 400 ms of its SYN: the backend has answered, and the client has heard it.
 */
#ifndef FAIRLEAD_ABI_PASSIVE_H
#define FAIRLEAD_ABI_PASSIVE_H

/* fl_service.sampled and .watched: flows out of so many; these are all of them. */
#define FL_PASSIVE_ALL 65536u

/*
 * `passive`: one word a cell, found by the flow's hash; 0: empty. 64 KiB, so that they stay in the
 * cache. Program and agent change words by compare-and-swap.
 */
#define FL_PASSIVE_CELLS 8192 /* a power of two */
#define FL_PASSIVE_TIME 0x0000000000ffffffULL /* CLOCK_MONOTONIC_COARSE ns >> FL_PASSIVE_TICK */
#define FL_PASSIVE_TICK 20 /* so a tick is 1.05 ms */
#define FL_PASSIVE_INDEX_SHIFT 24 /* 15 bits: index of the backend that got the SYN */
#define FL_PASSIVE_LATE (1ULL << 39) /* counted as incomplete: anybody may take the cell */
#define FL_PASSIVE_PRINT 0xffffff0000000000ULL /* of the flow */

/* In ticks. */
#define FL_PASSIVE_ANSWER 381 /* 400 ms: the handshake's ACK has come, or the SYN is incomplete */
#define FL_PASSIVE_AGAIN 190 /* 200 ms, TCP's least timeout: before it, a SYN is only a duplicate */

/*
 * `passive_count`[index of a backend], and [FL_PASSIVE_SERVICES + id] of a service, where only
 * `opened` counts. All of them only grow, modulo 2^32; each sampled SYN becomes one of completed,
 * incomplete and reset. Both sides add, atomically.
 */
#define FL_PASSIVE_SERVICES (FL_MAX_BACKENDS + 1)
#define FL_PASSIVE_COUNTS (FL_PASSIVE_SERVICES + FL_MAX_SERVICES)

struct fl_passive {
	__u32 opened; /* new connections, sampled or not: each that is seen stands for its like */
	__u32 sampled; /* SYNs that are or were in a cell */
	__u32 completed; /* answered by the client's ACK in time */
	__u32 incomplete; /* not */
	__u32 reset; /* by the client, before an ACK: the backend has answered it */
	__u32 repeated; /* SYNs that came again, 200 ms or more later */
	__u32 pad[2];
};
_Static_assert(sizeof(struct fl_passive) == 32, "fl_passive");

#endif /* FAIRLEAD_ABI_PASSIVE_H */
