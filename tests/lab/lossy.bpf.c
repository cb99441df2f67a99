/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lossy.bpf.c - a cable that loses one frame in twenty; and like xdp_pass.bpf.c otherwise. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int lossy(struct xdp_md *ctx)
{
	return bpf_get_prandom_u32() % 20 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
