/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_capture.h - packets that are copied for `fairlead capture` (docs/capture.md). Part of abi.h, which
 * includes it.
 *
 * The maps are there while a capture runs: the agent writes `capture`, the program writes `caught` and
 * the ring buffer `captured`.
 */
#ifndef FAIRLEAD_ABI_CAPTURE_H
#define FAIRLEAD_ABI_CAPTURE_H

#define FL_CAPTURED_SIZE (1 << 22) /* bytes of the ring buffer `captured` */
#define FL_CAPTURE_SNAP 2048 /* bytes of a frame that are copied, at most */

/* fl_capture.flags */
#define FL_CAPTURE_SENT 1u /* a verdict is wanted that the straight way of lb.bpf.c gives, too */

/* `capture`[0]: which packets are copied. */
struct fl_capture {
	FL_ADDR(source); /* of the packet as it came in */
	FL_ADDR(source_mask); /* bits of it that count; all zero: any */
	FL_ADDR(dest);
	FL_ADDR(dest_mask);
	__u64 verdicts; /* a bit for each enum fl_verdict that is wanted */
	__u64 gap_ns; /* of each CPU: one packet in so long */
	__u64 burst_ns; /* as of fl_limit */
	__u32 service; /* id; 0: any, and packets of none */
	__u32 snap; /* bytes of each frame, 1..FL_CAPTURE_SNAP */
	__u32 flags; /* FL_CAPTURE_* */
	__be16 port; /* source or destination port; 0: any */
	__u8 proto; /* 0: any */
	__u8 pad;
};
_Static_assert(sizeof(struct fl_capture) == 104, "fl_capture");

/* fl_captured.flags */
#define FL_CAPTURED_REPLY 1u /* from the backend to the client */
#define FL_CAPTURED_SLOT 2u /* `slot` and `says` are of the slot that the flow's hash says */
#define FL_CAPTURED_WORD 4u /* and `word` is the slot's of the move table */

/* One record of the ring buffer `captured`: a packet, `kept` bytes as it came, `out_kept` as it left. */
struct fl_captured {
	__u64 time_ns, out_ns; /* CLOCK_MONOTONIC: taken before and after the program's work */
	__u64 hash; /* of the flow; 0: it was not needed */
	__u32 ifindex; /* where it came in */
	__u32 service; /* id, 0: none */
	__u32 backend; /* index, 0: none was looked for, or FL_SLOT_NONE */
	__u32 len, out_len; /* bytes of the frame; out_len is 0 where it did not leave */
	__u32 kept, out_kept;
	__u32 slot; /* its number */
	__u32 says; /* what was in it as the packet left: FL_SLOT_DIRTY and the owner's index */
	__u32 word; /* FL_MOVE_* */
	__u32 notes; /* bits of enum fl_note */
	__u8 verdict; /* enum fl_verdict */
	__u8 action; /* enum xdp_action */
	__u8 flags; /* FL_CAPTURED_* */
	__u8 pad;
};
_Static_assert(sizeof(struct fl_captured) == 72, "fl_captured");

/* `caught`, one a CPU: counters, which only grow, and the packet that is on its way. */
struct fl_caught {
	__u64 seen; /* packets that fit what is known of them as they come in */
	__u64 skipped; /* of these, not copied: more than the rate allows */
	__u64 lost; /* copied, and found no room in the ring buffer */
	__u64 tat; /* theoretical arrival time, as of fl_svc_meter */
	__u32 pending; /* 1: `head` and `bytes` are of the packet that is on its way */
	__u32 pad;
	struct fl_captured head;
	__u8 bytes[2 * FL_CAPTURE_SNAP];
};
_Static_assert(sizeof(struct fl_caught) == 112 + 2 * FL_CAPTURE_SNAP, "fl_caught");

#endif
