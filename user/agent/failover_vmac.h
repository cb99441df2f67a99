/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failover_vmac.h - devices of virtual MAC addresses: what is left of them, what is shown of them. */
#ifndef FAIRLEAD_AGENT_FAILOVER_VMAC_H
#define FAIRLEAD_AGENT_FAILOVER_VMAC_H

#include <jansson.h>

#include "vip/vrrp.h"

struct agent;

/*
 * Once, with the first configuration: devices of this instance that no group of it has with virtual_mac are
 * removed. Those that one has are its business. What could not be is in the log.
 */
void failover_vmac__sweep(struct agent *a);

/* Of a group: its virtual MAC address and device, null where it has none, and what is wrong with it. */
void failover_vmac__show(const struct agent *a, const struct vrrp_status *s, json_t *group);

#endif
