/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lb.bpf.c - the packet's path: parse -> admit -> service -> pick -> forward -> verdict.
 *
 * Each step is a folder. A step returns GO_ON or a verdict (reasons.def); the verdict is counted and
 * becomes the XDP action here and nowhere else. A packet that is not for a service leaves untouched.
 * docs/datapath.md says what happens to which packet.
 *
 * `lb` itself is the straight way (lean.h). What it meets and does not know it has not touched or
 * counted, and hands over by a tail call to the steps, which are there three times: `lb_fast` has whole
 * packets with ports, tunnels and MAC rewriting, all of it in registers; what that does not know goes on
 * to `lb_icmp` if it is ICMP, else to `lb_full`, which knows fragments, extension headers and NAT and
 * keeps a packet's facts in memory.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "admit/admit.h"
#include "admit/arm.h"
#include "forward/forward.h"
#include "forward/reply.h"
#include "lean6.h"
#include "maps.h"
#include "observe/action.h"
#include "observe/capture.h"
#include "observe/count.h"
#include "observe/event.h"
#include "observe/passive.h"
#include "observe/tell.h"
#include "parse/parse.h"
#include "pick/fragment.h"
#include "pick/icmp.h"
#include "pick/moving.h"
#include "pick/record.h"
#include "pick/slot.h"
#include "pick/sweep.h"
#include "pick/sweep_nat.h"
#include "pick/take.h"
#include "pick/take_nat.h"
#include "probe.h"
#include "service/lookup.h"

/* --- verdict ---------------------------------------------------------------------------------- */

static __always_inline int sent_to_backend(int v)
{
	return v == FL_V_SEND_L2 || v == FL_V_SEND_IPIP || v == FL_V_SEND_GUE ||
	       v == FL_V_SEND_NAT || v == FL_V_SEND_FULLNAT;
}

/* The end of the packet's way. */
static __always_inline void tell_verdict(struct xdp_md *ctx, const struct target *t, __u32 verdict)
{
	if (!gate_told)
		return;
	if (gate_explain)
		explain_verdict(t, verdict);
	if (gate_capture)
		capture_end(ctx, t->hash, t->id | (__u64)t->index << 32,
			    verdict | (__u32)t->send << 8 | (__u32)t->reply << 16);
}

/* The one exit: counters and action. */
static __always_inline int finish(struct xdp_md *ctx, const struct target *t, __u64 bytes, int v)
{
	if (t->id && !t->reply)
		count_service(t->id, bytes);
	if (likely(sent_to_backend(v)))
		count_backend(t->index, bytes);
	count_verdict((__u32)v, bytes);
	tell_verdict(ctx, t, (__u32)v);
	switch (action_of(v)) {
	case PASS:
		return XDP_PASS;
	case SEND:
		return t->send;
	default:
		report_drop(ctx, t, (__u32)v);
		return XDP_DROP;
	}
}

/* --- the fast path ------------------------------------------------------------------------------ */

static __always_inline int steer_fast(struct xdp_md *ctx, struct pkt *p, struct target *t)
{
	struct addr_words src, dst;
	struct fl_service *s;
	int v;

	v = parse(ctx, p, FAST);
	if (v != GO_ON)
		return v;
	if (addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	if (looks_mapped(p, &src, &dst))
		return FL_V_PASS_NOT_SERVICE;
	s = find_service(&dst, dest_port(p->ports), p->proto, &t->id);
	if (unlikely(!s)) {
		t->id = 0;
		return gate_nat ? TO_FULL : FL_V_PASS_NOT_SERVICE;
	}
	if (gate_nat && s->flags & FL_SVC_NAT)
		return TO_FULL;
	v = admit(ctx, p, &src, s, t->id);
	if (v != GO_ON)
		return v;
	t->hash = hash_flow(p, &src, &dst, p->ports, s->affinity);
	if (likely(!t->index)) {
		v = slot_of(s, t->hash, &t->index);
		if (v != GO_ON)
			return v;
		if (unlikely(t->index & FL_SLOT_DIRTY))
			t->index = pick_dirty(ctx, p, t, s, t->index);
		see_packet(ctx, p, t, s);
	}
	report_flow(ctx, p, t);
	return forward(ctx, p, t, FAST);
}

SEC("xdp")
int lb_fast(struct xdp_md *ctx)
{
	__u64 bytes = frame_len(ctx);
	struct target t = {.send = XDP_DROP, .index = take_pick()};
	struct pkt p = {};
	int v = steer_fast(ctx, &p, &t);

	if (unlikely(v < 0)) {
		bpf_tail_call(ctx, &steps, v == TO_ICMP ? FL_STEP_ICMP : FL_STEP_FULL);
		v = FL_V_DROP_BUG;
	}
	return finish(ctx, &t, bytes, v);
}

/* --- the straight way, where every packet begins ------------------------------------------------- */

SEC("xdp")
int lb(struct xdp_md *ctx)
{
	int v = lean(ctx);

	if (likely(v >= 0))
		return v;
	/* Two calls, each with a number that is known: they become jumps. */
	if (v == TO_FULL)
		bpf_tail_call(ctx, &steps, FL_STEP_FULL);
	else
		bpf_tail_call(ctx, &steps, FL_STEP_FAST);
	count_verdict(FL_V_DROP_BUG, frame_len(ctx));
	return XDP_DROP;
}

/* In its place while packets are captured. */
SEC("xdp")
int lb_copy(struct xdp_md *ctx)
{
	int copied = capture_begin(ctx, 0);
	int v = copied ? NOT_LEAN : lean(ctx);

	if (likely(v >= 0))
		return v;
	if (!copied)
		capture_begin(ctx, 1);
	/* Which hands on what only the full path knows. */
	bpf_tail_call(ctx, &steps, FL_STEP_FAST);
	count_verdict(FL_V_DROP_BUG, frame_len(ctx));
	return XDP_DROP;
}

/* --- the full path ------------------------------------------------------------------------------ */

/* The backend of a packet that the service admits, and what NAT makes of it. */
static __always_inline int pick(struct xdp_md *ctx, struct full *f, const struct fl_service *s)
{
	struct target *t = &f->t;
	const struct fl_backend *b;
	int v;

	t->hash = hash_flow(&f->p, &f->src, &f->dst, f->p.ports, s->affinity);
	v = slot_of(s, t->hash, &t->index);
	if (v != GO_ON)
		return v;
	if (gate_nat && s->flags & FL_SVC_FULLNAT)
		t->index &= FL_SLOT_INDEX;
	else if (t->index & FL_SLOT_DIRTY)
		t->index = pick_dirty(ctx, &f->p, t, s, t->index);
	see_packet(ctx, &f->p, t, s);
	if (!gate_nat)
		return GO_ON;
	if (s->flags & FL_SVC_FULLNAT)
		return pick_fullnat(ctx, &f->p, t, &f->src, &f->dst);
	b = backend_at(t->index);
	if (b && b->mode == FL_FWD_NAT && b->flags & FL_BE_RECORD)
		return record_nat(ctx, &f->p, t, &f->src, &f->dst);
	return GO_ON;
}

/* Packets with ports: GO_ON with their target, or a verdict. */
static __always_inline int resolve(struct xdp_md *ctx, struct full *f)
{
	struct target *t = &f->t;
	struct pkt *p = &f->p;
	struct fl_service *s;
	int v;

	s = find_service(&f->dst, dest_port(p->ports), p->proto, &t->id);
	if (!s) {
		t->id = 0;
		return not_for_service(ctx, p, t, &f->src, &f->dst);
	}
	v = admit(ctx, p, &f->src, s, t->id);
	if (v == GO_ON)
		v = pick(ctx, f, s);
	if (v != GO_ON)
		return v;
	if (p->frag)
		remember_fragment(p, t, &f->src, &f->dst, FL_FRAG_SEND);
	report_flow(ctx, p, t);
	return GO_ON;
}

/* Later fragments: the same, by what is remembered of the first. */
static __always_inline int resolve_fragment(struct xdp_md *ctx, struct full *f)
{
	const struct fl_frag *way = recall_fragment(&f->p, &f->src, &f->dst);
	struct target *t = &f->t;

	if (!way)
		return hold_fragment(ctx, f);
	if (way->way == FL_FRAG_SEND)
		return pick_fragment(ctx, &f->p, t, &f->src, way);
	if (way->way != FL_FRAG_REPLY || !gate_nat)
		return FL_V_PASS_FRAGMENT;
	t->reply = 1;
	copy16(t->rw.src.a, way->saddr);
	copy16(t->rw.dst.a, way->daddr);
	return send_to_client(ctx, &f->p, t);
}

static __always_inline int steer_full(struct xdp_md *ctx, struct full *f)
{
	int v = parse(ctx, &f->p, FULL);
	/* Of IPv6 the later fragments may hide that they are of no protocol that is steered. */
	int hidden = v == FL_V_PASS_FRAGMENT && f->p.v6 && f->p.frag == FRAG_FIRST;

	if (v != GO_ON && !hidden)
		return v;
	if (addresses(ctx, &f->p, &f->src, &f->dst))
		return FL_V_DROP_BUG;
	if (looks_mapped(&f->p, &f->src, &f->dst))
		return hidden ? v : FL_V_PASS_NOT_SERVICE;
	if (hidden)
		return pass_fragment(&f->p, &f->t, &f->src, &f->dst);
	v = f->p.frag == FRAG_LATER ? resolve_fragment(ctx, f) : resolve(ctx, f);
	return v == GO_ON ? forward(ctx, &f->p, &f->t, FULL) : v;
}

SEC("xdp")
int lb_full(struct xdp_md *ctx)
{
	struct full f = {.t = {.send = XDP_DROP}};
	__u64 bytes = frame_len(ctx);
	int v = steer_full(ctx, &f);

	/* Behind extension headers. */
	if (v == TO_ICMP) {
		bpf_tail_call(ctx, &steps, FL_STEP_ICMP);
		v = FL_V_DROP_BUG;
	}
	return finish(ctx, &f.t, bytes, v);
}

/* --- ICMP --------------------------------------------------------------------------------------- */

SEC("xdp")
int lb_icmp(struct xdp_md *ctx)
{
	struct target t = {.send = XDP_DROP};
	__u64 bytes = frame_len(ctx);
	struct pkt p = {};
	int v = parse(ctx, &p, FULL);

	v = v == TO_ICMP ? resolve_icmp(ctx, &p, &t) : FL_V_DROP_BUG;
	if (v == GO_ON)
		v = forward(ctx, &p, &t, ICMP);
	return finish(ctx, &t, bytes, v);
}

/* --- probes by the clients' path ------------------------------------------------------------------ */

/* At the far end of the agent's pair of devices: what is there for nobody ends there. */
SEC("xdp")
int probe_out(struct xdp_md *ctx)
{
	struct full f = {.t = {.send = XDP_DROP}};
	__u64 bytes = frame_len(ctx);
	int v = steer_probe(ctx, &f);

	if (v == FL_V_PASS_NOT_SERVICE)
		return XDP_DROP;
	count_verdict((__u32)v, bytes);
	return action_of(v) == SEND ? f.t.send : XDP_DROP;
}

/* --- the lease ---------------------------------------------------------------------------------- */

/* Run by the agent, never attached: renews the lease. XDP_PASS when it did. */
SEC("xdp")
int lease_arm(struct xdp_md *ctx)
{
	return lease_renew() ? XDP_ABORTED : XDP_PASS;
}

/* --- the sweeper -------------------------------------------------------------------------------- */

/* Run by the agent, never attached: ends records that are past their time. XDP_PASS when it could. */
SEC("xdp")
int flow_sweep(struct xdp_md *ctx)
{
	return sweep(ctx) ? XDP_ABORTED : XDP_PASS;
}

/* Likewise, entries of `nat_flows`. */
SEC("xdp")
int nat_sweep(struct xdp_md *ctx)
{
	return sweep_nat(ctx) ? XDP_ABORTED : XDP_PASS;
}

/* --- records of peers ---------------------------------------------------------------------------- */

/* Run by the agent, never attached: puts what peers have told into `flows`. XDP_PASS when it could. */
SEC("xdp")
int flow_take(struct xdp_md *ctx)
{
	return take(ctx) ? XDP_ABORTED : XDP_PASS;
}

/* Likewise, of flows of NAT, into `nat_flows`. */
SEC("xdp")
int nat_take(struct xdp_md *ctx)
{
	return take_nat(ctx) ? XDP_ABORTED : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
