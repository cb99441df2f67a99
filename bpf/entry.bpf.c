/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * entry.bpf.c - the trampoline that stands in libxdp's dispatcher in lb's stead.
 *
 * libxdp's links into the dispatcher cannot be given another program; this one stays, and an update
 * is one store into entry_prog.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} entry_prog SEC(".maps");

struct {
	__uint(priority, 50);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(fairlead);

SEC("xdp")
int fairlead(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &entry_prog, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
