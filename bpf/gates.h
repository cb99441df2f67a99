/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gates.h - features that the agent turns on before loading; off means not in the JITed code.
 */
#ifndef FAIRLEAD_BPF_GATES_H
#define FAIRLEAD_BPF_GATES_H

#include "pkt.h"

/* on_agent_loss is not `keep`: the path reads the lease. */
const volatile __u8 gate_lease = 0;

/* Some service has a range of ports, any port, or a prefix of addresses: `vips` is asked for it. */
const volatile __u8 gate_wild = 0;

/* `sources` has entries. */
const volatile __u8 gate_sources = 0;

/* Some service has limits. */
const volatile __u8 gate_limits = 0;

/* Some service forwards by nat or fullnat: their forwarding, and replies are looked for. */
const volatile __u8 gate_nat = 0;

/* An interface takes frames of several buffers: the frame's length is asked for. */
const volatile __u8 gate_jumbo = 0;

/* First packets of flows become events. */
const volatile __u8 gate_events = 0;

/* Some service has `passive: true`: its new connections are watched for an answer. */
const volatile __u8 gate_passive = 0;

/* There are peers, which are told of records. */
const volatile __u8 gate_peers = 0;

/*
 * The program is not attached anywhere: the agent runs it to learn what would become of a packet. It reads
 * the live maps and writes to none of them, but tells of what it found in `explained`. Its counters
 * and `picked`, which a packet leaves for itself, are maps of its own.
 */
const volatile __u8 gate_explain = 0;

/* `fairlead capture` runs: packets are copied by `lb_copy` and in the steps. */
const volatile __u8 gate_capture = 0;

/* One of these two: a single look where most packets come by. */
const volatile __u8 gate_told = 0;

/*
 * Key of fl_flow_hash(): settings.flow_key, which cannot change in a running instance. Here it is
 * known to the verifier, and so an immediate in the code.
 */
const volatile __u64 flow_key[4] = {};

/* Bytes of the whole frame. */
static __always_inline __u64 frame_len(struct xdp_md *ctx)
{
	if (gate_jumbo)
		return bpf_xdp_get_buff_len(ctx);
	/* 64 bits wide, and so are its uses: 32-bit arithmetic on pointers is refused. */
	return (__u64)(frame_end(ctx) - frame(ctx));
}

#endif
