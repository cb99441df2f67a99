/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xdp_pass.bpf.c - the far end of the balancer's virtual cable.
 *
 * veth wakes the receiver of frames that XDP has sent back (XDP_TX) only if the receiver runs an XDP
 * program too (drivers/net/veth.c, veth_xdp_flush()); a physical switch needs nothing of the kind. It
 * takes frames of several buffers, so that the cable may carry jumbo frames.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
