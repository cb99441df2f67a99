/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tell.h - records that the peers are to know of, for the agent: the ring buffer `told`. */
#ifndef FAIRLEAD_BPF_PICK_TELL_H
#define FAIRLEAD_BPF_PICK_TELL_H

#include "gates.h"
#include "maps.h"
#include "observe/count.h"

static __always_inline void tell_peers(const struct fl_flow_key *k, const struct fl_flow *f)
{
	struct fl_told *t;

	if (!gate_peers || gate_explain)
		return;
	t = bpf_ringbuf_reserve(&told, sizeof(*t), 0);
	if (!t) {
		count_note(FL_N_UNTOLD);
		return;
	}
	__builtin_memcpy(&t->key, k, sizeof(t->key));
	__builtin_memcpy(&t->flow, f, sizeof(t->flow));
	bpf_ringbuf_submit(t, 0);
}

#endif
