/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi_members.h - the part of abi.h that is the agent's memory. */
#ifndef FAIRLEAD_ABI_MEMBERS_H
#define FAIRLEAD_ABI_MEMBERS_H

/* Health as probes see it, and what the operator asked for. */
enum fl_health { FL_HEALTH_UNKNOWN, FL_HEALTH_UP, FL_HEALTH_DOWN, FL_HEALTH_SUSPECT };
enum fl_admin { FL_ADMIN_NONE, FL_ADMIN_DRAIN, FL_ADMIN_DISABLE };

/*
 * `members`: the agent's memory of each backend of each service, so that a restart goes on from
 * the same verdicts and the same operator's word; never read by the program.
 */
struct fl_member_key {
	__u32 service; /* id in `services` */
	__u32 backend; /* index in `backends` */
};

struct fl_member {
	__u8 health; /* enum fl_health: what the probes say */
	__u8 admin; /* enum fl_admin */
	__u8 parts; /* of 20: how much of its weight it takes now */
	__u8 percent; /* of its weight that the operator gives it, 0..100 */
	__u32 weight; /* configured weight */
	__u64 since; /* when what holds or admin last changed, CLOCK_REALTIME, ns */
	__u8 asked; /* percent of its weight that it asks for by its probe */
	__u8 flaps; /* how often it has fallen of late */
	__u8 ramping; /* 1: slow start goes on, since `turned` */
	__u8 cap; /* of 20: the most that its limit of new connections leaves it */
	__u8 full; /* 1: at its limit of connections */
	__u8 given_up; /* it has left the file, and its connections are to go */
	__u8 ruled; /* enum fl_health + 1: what holds by a quorum of peers; 0: what the probes say */
	__u8 word; /* number of what operators have said of it last (peer/word.h); 0: nothing */
	__u64 turned; /* when it fell, came up, or was let in by the operator, as `since` */
};
_Static_assert(sizeof(struct fl_member) == 32, "fl_member");

#endif /* FAIRLEAD_ABI_MEMBERS_H */
