/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.h - the port that leads to the backend. */
#ifndef FAIRLEAD_BPF_FORWARD_PORT_H
#define FAIRLEAD_BPF_FORWARD_PORT_H

#include "maps.h"
#include "pkt.h"

/*
 * The way out, chosen before anything is rewritten: *action is XDP_TX for the port that the packet came
 * from, XDP_REDIRECT for another one. A port that left the machine is in `tx_ports` no more.
 */
static __always_inline int choose_port(const struct xdp_md *ctx, __u32 port, int *action)
{
	if (unlikely(!port))
		return FL_V_DROP_NO_NEXTHOP;
	*action = XDP_TX;
	if (unlikely(port != ctx->ingress_ifindex))
		*action = (int)bpf_redirect_map(&tx_ports, port, XDP_DROP);
	return unlikely(*action == XDP_DROP) ? FL_V_DROP_NO_NEXTHOP : GO_ON;
}

#endif
