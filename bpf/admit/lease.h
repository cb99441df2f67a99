/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease.h - what happens to the packets of a service, or to a VIP, once the agent has not renewed its lease. */
#ifndef FAIRLEAD_BPF_ADMIT_LEASE_H
#define FAIRLEAD_BPF_ADMIT_LEASE_H

#include "gates.h"
#include "maps.h"
#include "parse/ours.h"
#include "pkt.h"

/*
 * `group`: the VIP is an address of a VRRP group, and so another machine's by now. It is not answered for
 * until the agent has caught up.
 */
static __always_inline int admit_group(__u32 group)
{
	const struct fl_ours *o;

	if (likely(!group))
		return GO_ON;
	o = what_is_ours();
	if (!o)
		return FL_V_DROP_BUG;
	return is_stale(o) ? FL_V_DROP_STALE : GO_ON;
}

static __always_inline int admit_lease(__u32 group)
{
	int v = admit_group(group);
	const struct fl_settings *s;
	const struct lease *l;
	__u32 zero = 0;

	if (v != GO_ON || !gate_lease)
		return v;
	l = bpf_map_lookup_elem(&lease, &zero);
	s = bpf_map_lookup_elem(&settings, &zero);
	if (!l || !s)
		return FL_V_DROP_BUG;
	if (!*(volatile const __u32 *)&l->lapsed || s->on_agent_loss == FL_LOSS_KEEP)
		return GO_ON;
	return s->on_agent_loss == FL_LOSS_PASS ? FL_V_PASS_AGENT_LOST : FL_V_DROP_AGENT_LOST;
}

#endif
