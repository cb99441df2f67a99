/* SPDX-License-Identifier: GPL-2.0-or-later */
/* count.h - per-CPU counters of services, backends, verdicts and notes. */
#ifndef FAIRLEAD_BPF_OBSERVE_COUNT_H
#define FAIRLEAD_BPF_OBSERVE_COUNT_H

#include "observe/tell.h"

static __always_inline void add(struct fl_count *c, __u64 bytes)
{
	if (!c)
		return;
	c->packets++;
	c->bytes += bytes;
}

/* One function a map: a call site that knows its map is a load, one that does not is a call. */
static __always_inline void count_service(__u32 id, __u64 bytes)
{
	add(bpf_map_lookup_elem(&svc_stats, &id), bytes);
}

static __always_inline void count_backend(__u32 index, __u64 bytes)
{
	add(bpf_map_lookup_elem(&be_stats, &index), bytes);
}

static __always_inline void count_verdict(__u32 verdict, __u64 bytes)
{
	add(bpf_map_lookup_elem(&verdicts, &verdict), bytes);
}

static __always_inline void count_note(__u32 note)
{
	tell_note(note);
	add(bpf_map_lookup_elem(&notes, &note), 0);
}

#endif
