/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lb.bpf.c - the packet's path: parse -> admit -> service -> pick -> forward -> verdict.
 *
 * Each step is a folder. A step returns GO_ON or a verdict (reasons.def); the verdict is counted and
 * becomes the XDP action here and nowhere else. A packet that is not for a service leaves untouched.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "admit/arm.h"
#include "admit/lease.h"
#include "forward/forward.h"
#include "maps.h"
#include "observe/count.h"
#include "parse/parse.h"
#include "pick/slot.h"
#include "service/lookup.h"

/* The path. *send: the XDP action of a SEND verdict, which depends on the port. */
static __always_inline int steer(struct xdp_md *ctx, __u64 bytes, int *send)
{
	struct fl_service *service = NULL;
	struct fl_backend *backend = NULL;
	__u32 id = 0, index = 0;
	struct pkt p = {};
	__u64 hash = 0;
	int v;

	v = parse(ctx, &p);
	if (v != GO_ON)
		return v;
	v = find_service(ctx, &p, &service, &id);
	if (v != GO_ON)
		return v;
	count_service(id, bytes);
	v = admit_lease();
	if (v != GO_ON)
		return v;
	v = pick_backend(ctx, &p, service, &hash, &backend, &index);
	if (v != GO_ON)
		return v;
	v = forward(ctx, &p, backend, hash, send);
	if (v == FL_V_SEND_L2 || v == FL_V_SEND_IPIP)
		count_backend(index, bytes);
	return v;
}

enum action { PASS, DROP, SEND };

static __always_inline enum action action_of(int verdict)
{
	switch (verdict) {
#define FL_VERDICT(name, action, text) \
	case FL_V_##name:              \
		return action;
#include "fairlead/reasons.def"
#undef FL_VERDICT
	default:
		return DROP;
	}
}

SEC("xdp")
int lb(struct xdp_md *ctx)
{
	__u64 bytes = ctx->data_end - ctx->data;
	int send = XDP_DROP;
	int v = steer(ctx, bytes, &send);

	count_verdict((__u32)v, bytes);
	switch (action_of(v)) {
	case PASS:
		return XDP_PASS;
	case SEND:
		return send;
	default:
		return XDP_DROP;
	}
}

/* Run by the agent, never attached: renews the lease. XDP_PASS when it did. */
SEC("xdp")
int lease_arm(struct xdp_md *ctx)
{
	return lease_renew() ? XDP_ABORTED : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
