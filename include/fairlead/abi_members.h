/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi_members.h - the part of abi.h that is the agent's memory. */
#ifndef FAIRLEAD_ABI_MEMBERS_H
#define FAIRLEAD_ABI_MEMBERS_H

/* Health as probes see it, and what the operator asked for. */
enum fl_health { FL_HEALTH_UNKNOWN, FL_HEALTH_UP, FL_HEALTH_DOWN, FL_HEALTH_SUSPECT };
enum fl_admin { FL_ADMIN_NONE, FL_ADMIN_DRAIN };

/*
 * `members`: the agent's memory of each backend of each service, so that a restart goes on from
 * the same verdicts and the same operator's word; never read by the program.
 */
struct fl_member_key {
	__u32 service; /* id in `services` */
	__u32 backend; /* index in `backends` */
};

struct fl_member {
	__u8 health; /* enum fl_health */
	__u8 admin; /* enum fl_admin */
	__u8 given_up; /* it has left the file, and its connections are to go */
	__u8 pad;
	__u32 weight; /* configured weight */
	__u64 since; /* when health or admin last changed, CLOCK_REALTIME, ns */
};
_Static_assert(sizeof(struct fl_member) == 16, "fl_member");

#endif /* FAIRLEAD_ABI_MEMBERS_H */
