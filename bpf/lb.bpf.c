/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lb.bpf.c - the packet's path: parse -> admit -> service -> pick -> forward -> verdict.
 *
 * Each step is a folder. A step returns GO_ON or a verdict (reasons.def); the verdict is counted and
 * becomes the XDP action here and nowhere else. A packet that is not for a service leaves untouched.
 * docs/datapath.md says what happens to which packet.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "admit/arm.h"
#include "admit/lease.h"
#include "admit/limits.h"
#include "admit/sources.h"
#include "forward/forward.h"
#include "forward/reply.h"
#include "maps.h"
#include "observe/count.h"
#include "observe/event.h"
#include "parse/parse.h"
#include "pick/fragment.h"
#include "pick/icmp.h"
#include "pick/record.h"
#include "pick/slot.h"
#include "service/lookup.h"

/* ICMP and later fragments: GO_ON with the target of what is to be forwarded, or a verdict. */
static __noinline int resolve_odd(struct xdp_md *ctx, struct pkt *p, struct target *t, __u64 bytes)
{
	struct addr_words src, dst;
	const struct fl_frag *f;

	if (p->frag == FRAG_NONE)
		return resolve_icmp(ctx, p, t, bytes);
	if (addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	f = recall_fragment(p, &src, &dst);
	if (!f)
		return !(p->v6 && is_mapped(&dst)) && find_vip(&dst) ? FL_V_DROP_FRAGMENT
								     : FL_V_PASS_FRAGMENT;
	if (f->way == FL_FRAG_SEND)
		return pick_fragment(t, f, bytes);
	if (f->way != FL_FRAG_REPLY || !gate_nat)
		return FL_V_PASS_FRAGMENT;
	__builtin_memcpy(t->rw.src.a, f->saddr, 16);
	__builtin_memcpy(t->rw.dst.a, f->daddr, 16);
	return send_to_client(ctx, p, t);
}

/* The backend of a packet that the service admits. */
static __always_inline int pick(struct xdp_md *ctx, const struct pkt *p, struct target *t,
				const struct addr_words *src, const struct addr_words *dst)
{
	int v;

	t->hash = hash_flow(p, src, dst, p->ports, t->service->affinity);
	v = slot_of(t->service, t->hash, &t->index);
	if (v != GO_ON)
		return v;
	if (gate_nat && t->service->flags & FL_SVC_FULLNAT)
		return pick_fullnat(ctx, p, t, src, dst);
	v = backend_of(t->index, &t->backend);
	if (v == GO_ON && gate_nat && t->backend->mode == FL_FWD_NAT &&
	    t->backend->flags & FL_BE_RECORD)
		v = record_nat(ctx, p, t, src, dst);
	return v;
}

/* Packets with ports: GO_ON with their target, or a verdict. */
static __always_inline int resolve(struct xdp_md *ctx, struct pkt *p, struct target *t, __u64 bytes)
{
	struct addr_words src, dst;
	int v;

	if (addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	if (!(p->v6 && unlikely(is_mapped(&dst))))
		t->service = find_service(&dst, dest_port(p->ports), p->proto, &t->id);
	if (unlikely(!t->service)) {
		t->id = 0;
		if (!gate_nat && !p->frag)
			return FL_V_PASS_NOT_SERVICE;
		return not_for_service(ctx, p, t, &src, &dst);
	}
	count_service(t->id, bytes);
	v = admit_lease();
	if (v == GO_ON)
		v = admit_source(&src, t->service, t->id);
	if (v == GO_ON)
		v = admit_rate(ctx, p, &src, t->service, t->id);
	if (v == GO_ON)
		v = pick(ctx, p, t, &src, &dst);
	if (v != GO_ON)
		return v;
	if (unlikely(p->frag))
		remember_fragment(p, t, &src, &dst, FL_FRAG_SEND);
	report_flow(ctx, p, t);
	return GO_ON;
}

static __always_inline int steer(struct xdp_md *ctx, struct pkt *p, struct target *t, __u64 bytes)
{
	int v = parse(ctx, p);

	if (likely(v == GO_ON))
		v = resolve(ctx, p, t, bytes);
	else if (v == ODD)
		v = resolve_odd(ctx, p, t, bytes);
	if (v != GO_ON)
		return v;
	if (!t->backend)
		return FL_V_DROP_BUG;
	v = forward(ctx, p, t);
	if (v == FL_V_SEND_L2 || v == FL_V_SEND_IPIP || v == FL_V_SEND_GUE || v == FL_V_SEND_NAT ||
	    v == FL_V_SEND_FULLNAT)
		count_backend(t->index, bytes);
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
	default:
		return DROP;
	}
}

SEC("xdp")
int lb(struct xdp_md *ctx)
{
	__u64 bytes = frame_len(ctx);
	struct target t = {.send = XDP_DROP};
	struct pkt p = {};
	int v = steer(ctx, &p, &t, bytes);

	count_verdict((__u32)v, bytes);
	switch (action_of(v)) {
	case PASS:
		return XDP_PASS;
	case SEND:
		return t.send;
	default:
		report_drop(ctx, &p, &t, (__u32)v);
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
