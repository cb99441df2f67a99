/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tell.h - what is told of a packet on its way: to the agent that had it explained (gate_explain:
 * `explained`), and with the copy of one that is captured (gate_capture: `caught`).
 */
#ifndef FAIRLEAD_BPF_OBSERVE_TELL_H
#define FAIRLEAD_BPF_OBSERVE_TELL_H

#include "gates.h"
#include "maps.h"

static __always_inline struct fl_caught *caught_here(void)
{
	__u32 zero = 0;

	return gate_capture ? bpf_map_lookup_elem(&caught, &zero) : NULL;
}

static __always_inline void tell_note(__u32 note)
{
	struct fl_caught *c = caught_here();
	struct fl_explained *e;
	__u32 zero = 0;

	if (c)
		c->head.notes |= 1U << note;
	if (!gate_explain)
		return;
	e = bpf_map_lookup_elem(&explained, &zero);
	if (e)
		e->notes |= 1U << note;
}

/* The slot that is asked, and what it says. */
static __always_inline void tell_slot(__u32 slot, __u32 says)
{
	struct fl_caught *c = caught_here();

	if (!c)
		return;
	c->head.slot = slot | FL_CAPTURED_SLOT;
	c->head.says = says;
}

/* Its word of the move table. */
static __always_inline void tell_word(__u32 word)
{
	struct fl_caught *c = caught_here();

	if (!c)
		return;
	c->head.word = word;
	c->head.flags |= FL_CAPTURED_WORD;
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
