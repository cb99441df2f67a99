/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checks.h - the checks, in the order of doctor.c's table. Each adds its findings to the report. */
#ifndef FAIRLEAD_DOCTOR_CHECKS_H
#define FAIRLEAD_DOCTOR_CHECKS_H

#include "doctor/doctor.h"

/* judge_machine.c: the agent and the machine that it runs on */
void doctor_check__agent(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__config(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__kernel(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__capabilities(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__limits(const struct doctor_facts *f, struct doctor_report *r);

/* judge_clock.c: the clock, and those of the peers */
void doctor_check__clock(const struct doctor_facts *f, struct doctor_report *r);

/* judge_alerts.c: whether alerts arrive */
void doctor_check__alerts(const struct doctor_facts *f, struct doctor_report *r);

/* judge_token.c: whether anything can be changed */
void doctor_check__token(const struct doctor_facts *f, struct doctor_report *r);
/* judge_bgp.c: whether routing daemons can be asked */
void doctor_check__bgp(const struct doctor_facts *f, struct doctor_report *r);

/* judge_plane.c: what is pinned */
void doctor_check__bpffs(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__pins(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__lease(const struct doctor_facts *f, struct doctor_report *r);

/* judge_device.c: the interfaces that the program is attached to */
void doctor_check__interface(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__xdp(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__offloads(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__checksums(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__rings(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__queues(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__rss(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__interrupts(const struct doctor_facts *f, struct doctor_report *r);

/* judge_way.c: the ways to the backends */
void doctor_check__nexthops(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__neighbour_table(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__mtu(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__egress(const struct doctor_facts *f, struct doctor_report *r);

/* judge_sysctl.c: the kernel's settings for networks */
void doctor_check__forwarding(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__redirects(const struct doctor_facts *f, struct doctor_report *r);
void doctor_check__rp_filter(const struct doctor_facts *f, struct doctor_report *r);

/* judge_vmac.c: devices of virtual MAC addresses */
void doctor_check__virtual_mac(const struct doctor_facts *f, struct doctor_report *r);

#endif
