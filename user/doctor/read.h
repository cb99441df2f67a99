/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.h - where facts come from. What can't be read is left as unknown. */
#ifndef FAIRLEAD_DOCTOR_READ_H
#define FAIRLEAD_DOCTOR_READ_H

#include <stdio.h>

#include "doctor/doctor.h"

/* --- read_device.c: drivers, by ethtool's ioctl --- */

/* Driver, offloads, rings, queues and RSS. */
void doctor_read__ethtool(struct doctor_device *d);

/* --- read_xdp.c --- */

/* What drivers can do, of all devices (the kernel's "netdev" family of generic netlink). */
void doctor_read__features(struct doctor_facts *f);

/* --- read_proc.c --- */

/* The number that a file below /proc/sys holds, or DOCTOR_UNKNOWN. */
int doctor_read__sysctl(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Of the process f->agent.pid: namespace, capabilities, limits. */
void doctor_read__process(struct doctor_agent *a);

/* Whether a process of that name runs. */
bool doctor_read__runs(const char *name);

/* Interrupts of the device's queues, and the CPUs that serve them. */
void doctor_read__interrupts(struct doctor_device *d);

/* --- read_bgp.c --- */

/* The sockets of the routing daemons that the configuration names; the agent was read before. */
void doctor_read__bgp(struct doctor_facts *f);

/* The package that brings this distribution's newest kernel; untouched if it is not known. */
void doctor_read__image(struct doctor_kernel *k);

/* --- parse.c: pure --- */

/* The package that brings the newest kernel, if that is the line of /etc/os-release that tells; else NULL. */
const char *doctor_parse__image(const char *line);

/*
 * The number of an interrupt if a line of /proc/interrupts is of that device: its action names the
 * interface ("eth0-TxRx-3") or its address on the bus ("mlx5_comp3@pci:0000:01:00.0"); else -1.
 */
int doctor_parse__interrupt(const char *line, const char *ifname, const char *bus);

/* Marks the CPUs of a list ("0-3,8") in cpus[n]; 0 or -EINVAL, when some may be marked. */
int doctor_parse__cpus(const char *list, bool *cpus, size_t n);

/* "CapEff:\t..." of /proc/PID/status, in hexadecimal. 0 or -EINVAL: it is another line. */
int doctor_parse__capabilities(const char *line, uint64_t *out);

/*
 * The limits of that name in a line of /proc/PID/limits; INT64_MAX: unlimited. 0, or -EINVAL: it is
 * another line.
 */
int doctor_parse__limit(const char *line, const char *name, int64_t *soft, int64_t *hard);

/* "Uid:\t...", "Gid:\t..." or "Groups:\t..." of /proc/PID/status, added to the agent. 0 or -EINVAL: another line. */
int doctor_parse__identity(const char *line, struct doctor_agent *a);

/*
 * Whether the agent has the rights `want` (1: enter, 2: write) to a file of that mode and owners, as
 * path_resolution(7) says.
 */
bool doctor_parse__may(const struct doctor_agent *a, unsigned int mode, unsigned int uid,
		       unsigned int gid, unsigned int want);

#endif
