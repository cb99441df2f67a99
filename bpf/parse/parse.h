/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h - the first step: from bytes to a struct pkt. */
#ifndef FAIRLEAD_BPF_PARSE_PARSE_H
#define FAIRLEAD_BPF_PARSE_PARSE_H

#include "gates.h"
#include "parse/eth.h"
#include "parse/ip.h"
#include "parse/l4.h"
#include "parse/ours.h"

/*
 * Whether an IP packet's frame was sent to this machine alone: GO_ON or a verdict. Later steps do not ask
 * again, so that they agree with the first one.
 */
static __always_inline int to_whom(const struct fl_ours *o, const void *data, const enum part part)
{
	if (unlikely(to_group(data)))
		return FL_V_PASS_GROUP;
	return part != FAST || likely(is_ours(o, data)) ? GO_ON : FL_V_PASS_OTHER_HOST;
}

/*
 * GO_ON for a packet with ports, TO_ICMP for ICMP; for fragments and packets with IPv6 extension
 * headers TO_FULL on the fast path, and GO_ON on the full one, where a later fragment has no ports.
 * Otherwise why it is left to the kernel.
 */
static __always_inline int parse(struct xdp_md *ctx, struct pkt *p, const enum part part)
{
	const struct fl_ours *o = part == FAST ? what_is_ours() : NULL;
	void *data = frame(ctx), *end = frame_end(ctx);
	__be16 proto = 0;
	__u64 len;
	int v;

	if (part == FAST && !o)
		return FL_V_DROP_BUG;
	v = parse_eth(data, end, p, &proto);
	if (v != GO_ON)
		return v;
	if (unlikely(proto != bpf_htons(ETH_P_IP) && proto != bpf_htons(ETH_P_IPV6)))
		return FL_V_PASS_NOT_IP;
	v = to_whom(o, data, part);
	if (v != GO_ON)
		return v;
	len = frame_len(ctx) - p->l3;
	if (likely(proto == bpf_htons(ETH_P_IP)))
		v = parse_ipv4(data, end, len, p);
	else
		v = parse_ipv6(ctx, data, end, len, p, part);
	if (v != GO_ON)
		return v;
	if (part == FAST && unlikely(p->frag))
		return TO_FULL;
	return parse_ports(ctx, p);
}

#endif
