/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bare.bpf.c - lb's straight way with a flow table as simple as can be: a packet to a slot that is not
 * clean is looked up in `flows` and goes where that says, and nothing is asked or noted.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "pick/moving.h"

RARE __u32 bare_pick(struct xdp_md *ctx, __u64 where, __u64 what, __u64 slot)
{
	const struct fl_flow *f;
	FLOW_KEY(k);

	if (read_key(ctx, &k, where, what))
		return FL_SLOT_NONE;
	f = bpf_map_lookup_elem(&flows, &k);
	return f ? f->backend : slot >> 32 & FL_SLOT_INDEX;
}

#define pick_dirty_slot bare_pick
#include "lean6.h"
#include "bench/no_steps.h"

SEC("xdp")
int bare(struct xdp_md *ctx)
{
	int v = lean(ctx);

	return v >= 0 ? v : XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
