/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_flows.h - the part of abi.h that is about connections of slots which change owner: records, and what
 * bounds them. docs/transitions.md
 */
#ifndef FAIRLEAD_ABI_FLOWS_H
#define FAIRLEAD_ABI_FLOWS_H

/*
 * `flows`: a connection of a slot that is not clean goes to the backend of its record, by its whole flow
 * whatever the service's affinity: an old connection of a client and a new one may have to go to
 * different places. Where the affinity is `source` or `source+port` the client has a record too, for its
 * next connections: its key is the address, or address and port, and the service; the rest is zero, proto too.
 */
struct fl_flow_key {
	FL_ADDR(saddr);
	FL_ADDR(daddr);
	__be16 sport;
	__be16 dport;
	__u16 service; /* id */
	__u8 proto;
	__u8 pad;
};
_Static_assert(sizeof(struct fl_flow_key) == 40, "fl_flow_key");

/* fl_flow.state: one of the first three, and flags. Changed by compare-and-swap of the whole word. */
#define FL_FLOW_ACTIVE 1u
#define FL_FLOW_DYING 2u /* idle at the sweeper's last pass; a packet makes it ACTIVE again */
#define FL_FLOW_DEAD 3u /* being deleted: as good as gone */
#define FL_FLOW_STATE 3u
#define FL_FLOW_YOUNG 4u /* not seen again yet a second after its handshake: numbers must fit */
#define FL_FLOW_FIN 8u /* the client's */
#define FL_FLOW_RST 16u /* taken back by a later packet without it */
#define FL_FLOW_PASSED 32u /* a beginning has passed it because it was over */
#define FL_FLOW_OLD 64u /* from before the slot changed owner: counted in `src_flows` */
#define FL_FLOW_COPY 128u /* a peer's: no packet of the flow has come by here since it was told */

/* Sequence numbers that fit: from `isn` to FL_FIT_BYTES beyond `seq`. */
struct fl_fit {
	__u32 isn; /* where the connection began, host order */
	__u32 seq; /* the highest number that fitted so far */
};
_Static_assert(sizeof(struct fl_fit) == 8, "fl_fit");

struct fl_flow {
	__u32 state; /* FL_FLOW_* */
	__u32 backend; /* index */
	__u32 slot; /* number of the slot in its table */
	__u32 seen_s; /* CLOCK_MONOTONIC_COARSE, seconds, of the last packet */
	__u32 born_s; /* when it was made */
	struct fl_fit fit; /* while YOUNG */
};
_Static_assert(sizeof(struct fl_flow) == 28, "fl_flow");

/* `tentative`: a new connection to a MOVING slot's `cur`, until a packet proves that it answers. Key: fl_flow_key. */
struct fl_tentative {
	__u32 backend; /* index */
	__u32 slot;
	__u32 seen_s; /* void after FL_TENTATIVE_S */
	struct fl_fit fit; /* isn: of the SYN; QUIC: hash of the client's connection id */
};
_Static_assert(sizeof(struct fl_tentative) == 20, "fl_tentative");

#define FL_TENTATIVE_S 30 /* how long a handshake may take */
#define FL_FIT_BYTES \
	65536 /* a sequence number fits when it is at most so far beyond the one known */
#define FL_REAPPEAR_S \
	1 /* an old flow is recorded when it is seen so long after it was first seen */
#define FL_SIGHTED_S \
	60 /* so long a sighting keeps beginnings at `prev`, and its cell from most other flows */
#define FL_SRC_FLOWS 4096 /* records of old flows that one source may have */

/* `sighted`, sets of four by the hash of the flow: fingerprint << 32 | seconds (CLOCK_MONOTONIC_COARSE) of the first sighting. */

/* `pressure`[0]: why new connections to MOVING slots stay with `prev` (freeze). */
struct fl_pressure {
	__u32 full_s; /* CLOCK_MONOTONIC_COARSE second in which `flows` was last found full; 0: never */
	__u32 frozen_s; /* and in which a beginning was last sent to `prev` by the freeze; `hold` runs from there */
};
_Static_assert(sizeof(struct fl_pressure) == 8, "fl_pressure");

/* `churn`[what]: theoretical arrival times, CLOCK_MONOTONIC_COARSE ns, of what handshakes take. */
enum fl_churn {
	FL_CHURN_TENTATIVE, /* tentative records */
	FL_CHURN_PROMOTED, /* those that became records */
	FL_CHURNS,
};

#define FL_PRESSURE_S 10 /* how long that counts */

/*
 * What `flow_sweep` is run on, as the frame of a test run: keys of records that the agent found to be
 * past their time. MARK: ACTIVE becomes DYING if seen_s is still the one given. DELETE, a grace period
 * or more later: what is DYING still, with the seen_s given, goes. END, of a backend that is given up: what
 * is ACTIVE or DYING goes, whatever was seen since, if its backend still is the one given and has FL_BE_GONE.
 * `done` comes back.
 */
enum fl_sweep_op { FL_SWEEP_MARK, FL_SWEEP_DELETE, FL_SWEEP_END };

#define FL_SWEEP_KEYS 64

struct fl_sweep_key {
	struct fl_flow_key key;
	__u32 seen_s;
	__u32 backend; /* index */
};
_Static_assert(sizeof(struct fl_sweep_key) == 48, "fl_sweep_key");

struct fl_sweep {
	__u32 op; /* enum fl_sweep_op */
	__u32 n; /* of keys */
	__u32 done; /* how many of them it applied to */
	struct fl_sweep_key keys[FL_SWEEP_KEYS];
};
_Static_assert(sizeof(struct fl_sweep) == 12 + 48 * FL_SWEEP_KEYS, "fl_sweep");

/*
 * A record of `flows` with its key. In the ring buffer `told`, with the gate `peers`: it was made, or is
 * YOUNG no more. As the frame of `flow_take`, run by the agent: what a peer has told, `seen_s` and `born_s`
 * by this machine's clock, `backend` and `service` by its numbers; each is put where it is newer than
 * what stands there. `done` comes back: how many of them stand as told.
 */
struct fl_told {
	struct fl_flow_key key;
	struct fl_flow flow;
};
_Static_assert(sizeof(struct fl_told) == 68, "fl_told");

#define FL_TOLD_SIZE (1 << 20) /* bytes of the ring buffer: 13 797 records */
#define FL_TAKE_RECORDS 47

struct fl_take {
	__u32 n; /* of records */
	__u32 done;
	struct fl_told records[FL_TAKE_RECORDS];
};
_Static_assert(sizeof(struct fl_take) == 8 + 68 * FL_TAKE_RECORDS, "fl_take");

/*
 * A flow of `nat_flows`: an entry with its key. Of full NAT, the client's entry with what is known of both:
 * FL_NAT_FIN is the client's, FL_NAT_FIN_OTHER the backend's; else the replies', as it is. In `told`, with the
 * gates `peers` and `nat`, larger than the records above: the flow goes on after its first answer, ends, or has come
 * here. As the frame of `nat_take`, like that of `flow_take`: `clashes` and `full` are those that were not
 * put, for this machine's flows that go on, and for want of room.
 */
struct fl_told_nat {
	struct fl_nat_key key;
	struct fl_nat_flow flow;
};
_Static_assert(sizeof(struct fl_told_nat) == 88, "fl_told_nat");

#define FL_NAT_TAKE_RECORDS 36

struct fl_nat_take {
	__u32 n; /* of records */
	__u32 done, clashes, full;
	struct fl_told_nat records[FL_NAT_TAKE_RECORDS];
};
_Static_assert(sizeof(struct fl_nat_take) == 16 + 88 * FL_NAT_TAKE_RECORDS, "fl_nat_take");

/*
 * What `nat_sweep` is run on: entries of `nat_flows` that the agent found to be past their time. One goes if
 * it still is what the agent has judged, and of a pair the replies' entry too: no packet has come meanwhile.
 */
struct fl_nat_past {
	struct fl_nat_key key;
	struct fl_nat_flow flow;
	__u32 back_seen_s; /* of the replies' entry of a pair */
	__u16 back_flags;
	__u16 paired; /* 1: `key` is the client's entry of a pair */
};
_Static_assert(sizeof(struct fl_nat_past) == 96, "fl_nat_past");

#define FL_NAT_SWEEP_KEYS 32

struct fl_nat_sweep {
	__u32 n; /* of entries */
	__u32 deleted; /* how many went, of a pair two */
	struct fl_nat_past past[FL_NAT_SWEEP_KEYS];
};
_Static_assert(sizeof(struct fl_nat_sweep) == 8 + 96 * FL_NAT_SWEEP_KEYS, "fl_nat_sweep");

#endif /* FAIRLEAD_ABI_FLOWS_H */
