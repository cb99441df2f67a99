/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h - the first step: from bytes to a struct pkt. */
#ifndef FAIRLEAD_BPF_PARSE_PARSE_H
#define FAIRLEAD_BPF_PARSE_PARSE_H

#include "gates.h"
#include "parse/eth.h"
#include "parse/ip.h"
#include "parse/l4.h"

/*
 * GO_ON for a packet, or a datagram's first fragment, with ports; ODD for ICMP and later fragments;
 * otherwise why it is left to the kernel.
 */
static __always_inline int parse(struct xdp_md *ctx, struct pkt *p)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__be16 proto = 0;
	__u64 len;
	int v;

	v = parse_eth(data, end, p, &proto);
	if (v != GO_ON)
		return v;
	len = frame_len(ctx) - p->l3;
	if (likely(proto == bpf_htons(ETH_P_IP))) {
		if (unlikely(to_group(data)))
			return FL_V_PASS_GROUP;
		v = parse_ipv4(data, end, len, p);
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		if (unlikely(to_group(data)))
			return FL_V_PASS_GROUP;
		v = parse_ipv6(ctx, data, end, len, p);
	} else {
		return FL_V_PASS_NOT_IP;
	}
	if (v != GO_ON)
		return v;
	return parse_ports(ctx, p);
}

#endif
