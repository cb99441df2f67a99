/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h - the first step: from bytes to a struct pkt. */
#ifndef FAIRLEAD_BPF_PARSE_PARSE_H
#define FAIRLEAD_BPF_PARSE_PARSE_H

#include "parse/eth.h"
#include "parse/ip.h"
#include "parse/l4.h"

/* GO_ON for a whole TCP or UDP packet, otherwise why it is left to the kernel. */
static __always_inline int parse(struct xdp_md *ctx, struct pkt *p)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__be16 proto = 0;
	int v;

	v = parse_eth(data, end, p, &proto);
	if (v != GO_ON)
		return v;
	if (proto == bpf_htons(ETH_P_IP))
		v = parse_ipv4(data, end, p);
	else if (proto == bpf_htons(ETH_P_IPV6))
		v = parse_ipv6(data, end, p);
	else
		return FL_V_PASS_NOT_IP;
	if (v != GO_ON)
		return v;
	return parse_ports(data, end, p);
}

#endif
