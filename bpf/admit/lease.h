/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease.h - what happens to a service's packets once the agent has not renewed its lease. */
#ifndef FAIRLEAD_BPF_ADMIT_LEASE_H
#define FAIRLEAD_BPF_ADMIT_LEASE_H

#include "gates.h"
#include "maps.h"
#include "pkt.h"

static __always_inline int admit_lease(void)
{
	const struct fl_settings *s;
	const struct lease *l;
	__u32 zero = 0;

	if (!gate_lease)
		return GO_ON;
	l = bpf_map_lookup_elem(&lease, &zero);
	s = bpf_map_lookup_elem(&settings, &zero);
	if (!l || !s)
		return FL_V_DROP_BUG;
	if (!*(volatile const __u32 *)&l->lapsed || s->on_agent_loss == FL_LOSS_KEEP)
		return GO_ON;
	return s->on_agent_loss == FL_LOSS_PASS ? FL_V_PASS_AGENT_LOST : FL_V_DROP_AGENT_LOST;
}

#endif
