/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.h - the backend's way of getting packets. */
#ifndef FAIRLEAD_BPF_FORWARD_FORWARD_H
#define FAIRLEAD_BPF_FORWARD_FORWARD_H

#include "gates.h"
#include "forward/nat.h"
#include "forward/port.h"
#include "forward/toobig.h"
#include "forward/tunnel.h"
#include "maps.h"

static __always_inline int is_nat(__u8 mode)
{
	return mode == FL_FWD_NAT || mode == FL_FWD_FULLNAT;
}

/*
 * Rewrites the frame for the backend t->index. A SEND verdict with t->send, or why it is dropped. NAT
 * is for the full path.
 */
static __always_inline int forward(struct xdp_md *ctx, struct pkt *p, struct target *t,
				   const enum part part)
{
	const struct fl_backend *b;
	const struct fl_hop *hop;
	__u8 mode;
	int v;

	if (unlikely(t->index == FL_SLOT_NONE))
		return FL_V_DROP_NO_BACKEND;
	b = bpf_map_lookup_elem(&backends, &t->index);
	if (unlikely(!b))
		return FL_V_DROP_BUG;
	mode = b->mode;
	if (unlikely(mode == FL_FWD_NONE || (is_nat(mode) && (part == FAST || !gate_nat))))
		return FL_V_DROP_BUG;
	hop = &b->hop[*(volatile const __u32 *)&b->hop_live & 1];
	v = choose_port(ctx, hop->ifindex, &t->send);
	if (v != GO_ON)
		return v;
	if (unlikely(p->ttl <= 1 && mode != FL_FWD_L2))
		return FL_V_DROP_TTL;
	if (unlikely(hop->mtu && p->l3_len + tunnel_overhead(mode) > hop->mtu))
		return part == ICMP ? FL_V_DROP_TOO_BIG
				    : tell_too_big(ctx, p, t, hop->mtu, tunnel_overhead(mode));
	if (mode == FL_FWD_L2) {
		v = frame_for(ctx, p, hop, 0, type_of(p));
		return v == GO_ON ? FL_V_SEND_L2 : v;
	}
	if (part != FAST && gate_nat && is_nat(mode))
		return forward_nat(ctx, p, t, b, hop);
	return forward_tunnel(ctx, p, b, hop, t->hash, mode);
}

#endif
