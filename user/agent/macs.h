/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macs.h - which MAC addresses frames for this machine are sent to.
 *
 * Those of the interfaces where the program is attached, and of what stands on them in this network
 * namespace: VLAN devices and macvlans, the bridge, bond or VRF that one is part of; and of a bond's own
 * parts, where it is the bond that the program is attached to. Not those of our virtual routers' devices
 * (net/vmac.h), which are ours while their group is active: plane__virtual_mac().
 */
#ifndef FAIRLEAD_AGENT_MACS_H
#define FAIRLEAD_AGENT_MACS_H

#include <stdbool.h>

struct agent;
struct config;

struct macs {
	bool too_many; /* more than the program can tell apart, which was said in the log */
};

/*
 * Tells the program those of the interfaces of `c` and of the configuration that runs. Before an
 * interface is attached, after one no longer is, and when links change.
 */
void macs__sync(struct agent *a, const struct config *c);

#endif
