/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tell.h - what is told of a packet on its way, to the agent that had it explained (gate_explain:
 * `explained`) or captures it (gate_capture: `caught`).
 */
#ifndef FAIRLEAD_BPF_OBSERVE_TELL_H
#define FAIRLEAD_BPF_OBSERVE_TELL_H

#include "gates.h"
#include "maps.h"

static __always_inline void tell_note(__u32 note)
{
	struct fl_explained *e;
	struct fl_caught *c;
	__u32 zero = 0;

	if (!gate_told)
		return;
	if (gate_explain) {
		e = bpf_map_lookup_elem(&explained, &zero);
		if (e)
			e->notes |= 1U << note;
	}
	if (gate_capture) {
		c = bpf_map_lookup_elem(&caught, &zero);
		if (c)
			c->head.notes |= 1U << note;
	}
}

static __always_inline void explain_verdict(const struct target *t, __u32 verdict)
{
	struct fl_explained *e;
	__u32 zero = 0;

	e = bpf_map_lookup_elem(&explained, &zero);
	if (!e)
		return;
	e->hash = t->hash;
	e->verdict = verdict;
	e->service = t->id;
	e->backend = t->index;
	e->reply = t->reply;
	e->told = 1;
}

#endif
