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
static __always_inline int resolve_odd(struct xdp_md *ctx, struct pkt *p, struct target *t)
{
	struct addr_words src, dst;
	const struct fl_frag *f;

	if (p->frag == FRAG_NONE)
		return resolve_icmp(ctx, p, t);
	if (addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	if (looks_mapped(p, &src, &dst))
		return FL_V_PASS_NOT_SERVICE;
	f = recall_fragment(p, &src, &dst);
	if (!f)
		return find_vip(&dst) ? FL_V_DROP_FRAGMENT : FL_V_PASS_FRAGMENT;
	if (f->way == FL_FRAG_SEND)
		return pick_fragment(t, f);
	if (f->way != FL_FRAG_REPLY || !gate_nat)
		return FL_V_PASS_FRAGMENT;
	t->reply = 1;
	copy16(t->rw.src.a, f->saddr);
	copy16(t->rw.dst.a, f->daddr);
	return send_to_client(ctx, p, t);
}

/* The backend of a packet that the service admits. */
static __always_inline int pick(struct xdp_md *ctx, const struct pkt *p, struct target *t,
				const struct fl_service *s, const struct addr_words *src,
				const struct addr_words *dst)
{
	const struct fl_backend *b;
	int v;

	t->hash = hash_flow(p, src, dst, p->ports, s->affinity);
	v = slot_of(s, t->hash, &t->index);
	if (v != GO_ON || !gate_nat)
		return v;
	if (s->flags & FL_SVC_FULLNAT)
		return pick_fullnat(ctx, p, t, src, dst);
	b = bpf_map_lookup_elem(&backends, &t->index);
	if (b && b->mode == FL_FWD_NAT && b->flags & FL_BE_RECORD)
		return record_nat(ctx, p, t, src, dst);
	return GO_ON;
}

/* Packets with ports: GO_ON with their target, or a verdict. */
static __always_inline int resolve(struct xdp_md *ctx, struct pkt *p, struct target *t)
{
	struct fl_service *s;
	struct addr_words src, dst;
	int v;

	if (addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	if (looks_mapped(p, &src, &dst))
		return FL_V_PASS_NOT_SERVICE;
	s = find_service(&dst, dest_port(p->ports), p->proto, &t->id);
	if (unlikely(!s)) {
		t->id = 0;
		if (!gate_nat && !p->frag)
			return FL_V_PASS_NOT_SERVICE;
		return not_for_service(ctx, p, t, &src, &dst);
	}
	v = admit_lease();
	if (v == GO_ON)
		v = admit_source(&src, s, t->id);
	if (v == GO_ON)
		v = admit_rate(ctx, p, &src, s, t->id);
	if (v == GO_ON)
		v = pick(ctx, p, t, s, &src, &dst);
	if (v != GO_ON)
		return v;
	if (unlikely(p->frag))
		remember_fragment(p, t, &src, &dst, FL_FRAG_SEND);
	report_flow(ctx, p, t);
	return GO_ON;
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

static __always_inline int sent_to_backend(int v)
{
	return v == FL_V_SEND_L2 || v == FL_V_SEND_IPIP || v == FL_V_SEND_GUE ||
	       v == FL_V_SEND_NAT || v == FL_V_SEND_FULLNAT;
}

/* The last two steps: forward, if `v` is GO_ON, then the verdict's counters and action. */
static __always_inline int finish(struct xdp_md *ctx, struct pkt *p, struct target *t, __u64 bytes,
				  int v, const int odd)
{
	if (v == GO_ON)
		v = forward(ctx, p, t, odd);
	if (t->id && !t->reply)
		count_service(t->id, bytes);
	if (sent_to_backend(v))
		count_backend(t->index, bytes);
	count_verdict((__u32)v, bytes);
	switch (action_of(v)) {
	case PASS:
		return XDP_PASS;
	case SEND:
		return t->send;
	default:
		report_drop(ctx, p, t, (__u32)v);
		return XDP_DROP;
	}
}

SEC("xdp")
int lb(struct xdp_md *ctx)
{
	__u64 bytes = frame_len(ctx);
	struct target t = {.send = XDP_DROP};
	struct pkt p = {};
	int v = parse(ctx, &p);

	if (likely(v == GO_ON)) {
		v = resolve(ctx, &p, &t);
	} else if (v == ODD) {
		bpf_tail_call(ctx, &steps, FL_STEP_ODD);
		v = FL_V_DROP_BUG;
	}
	return finish(ctx, &p, &t, bytes, v, 0);
}

/* Goes on with what lb has found to be odd. */
SEC("xdp")
int lb_odd(struct xdp_md *ctx)
{
	__u64 bytes = frame_len(ctx);
	struct target t = {.send = XDP_DROP};
	struct pkt p = {};
	int v = parse(ctx, &p);

	if (v == ODD)
		v = resolve_odd(ctx, &p, &t);
	else
		v = FL_V_DROP_BUG;
	return finish(ctx, &p, &t, bytes, v, 1);
}

/* Run by the agent, never attached: renews the lease. XDP_PASS when it did. */
SEC("xdp")
int lease_arm(struct xdp_md *ctx)
{
	return lease_renew() ? XDP_ABORTED : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
