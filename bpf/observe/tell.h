/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tell.h - what the agent is told of a packet that it had explained (gate_explain): `explained`. */
#ifndef FAIRLEAD_BPF_OBSERVE_TELL_H
#define FAIRLEAD_BPF_OBSERVE_TELL_H

#include "gates.h"
#include "maps.h"

static __always_inline void tell_note(__u32 note)
{
	struct fl_explained *e;
	__u32 zero = 0;

	if (!gate_explain)
		return;
	e = bpf_map_lookup_elem(&explained, &zero);
	if (e)
		e->notes |= 1U << note;
}

/* The end of the packet's way. */
static __always_inline void tell_verdict(const struct target *t, __u32 verdict)
{
	struct fl_explained *e;
	__u32 zero = 0;

	if (!gate_explain)
		return;
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
