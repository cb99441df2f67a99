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

/* GO_ON with the backend of a packet that the service admits, GO_ON_ODD, or a verdict. */
static __always_inline int pick(struct xdp_md *ctx, const struct pkt *p, struct target *t,
				const struct fl_service *s, const struct addr_words *src,
				const struct addr_words *dst, struct fl_backend **b)
{
	int v, full = gate_nat && s->flags & FL_SVC_FULLNAT;

	t->hash = hash_flow(p, src, dst, p->ports, s->affinity);
	v = slot_of(s, t->hash, &t->index);
	if (v != GO_ON)
		return v;
	if (!full) {
		v = backend_of(t->index, b);
		if (v != GO_ON || !gate_nat || (*b)->mode != FL_FWD_NAT)
			return v;
		if (!((*b)->flags & FL_BE_RECORD))
			return GO_ON_ODD;
	}
	v = full ? pick_fullnat(ctx, p, t) : record_nat(ctx, p, t);
	return v == GO_ON ? GO_ON_ODD : v;
}

/* Packets with ports: GO_ON with their backend, GO_ON_ODD, TO_CLIENT, or a verdict. */
static __always_inline int resolve(struct xdp_md *ctx, struct pkt *p, struct target *t, __u64 bytes,
				   struct fl_backend **b)
{
	struct fl_service *s = NULL;
	struct addr_words src, dst;
	int v, first;

	if (addresses(ctx, p, &src, &dst))
		return FL_V_DROP_BUG;
	if (!(p->v6 && unlikely(is_mapped(&dst))))
		s = find_service(&dst, dest_port(p->ports), p->proto, &t->id);
	if (unlikely(!s)) {
		t->id = 0;
		if (!gate_nat && !p->frag)
			return FL_V_PASS_NOT_SERVICE;
		v = not_for_service(ctx, p, t);
		/* The verifier has to see that no backend is looked for. */
		return v == GO_ON ? FL_V_DROP_BUG : v;
	}
	count_service(t->id, bytes);
	first = starts_flow(ctx, p);
	v = admit_lease();
	if (v == GO_ON)
		v = admit_source(&src, s, t->id);
	if (v == GO_ON)
		v = admit_rate(ctx, p, &src, s, t->id);
	if (v == GO_ON)
		v = pick(ctx, p, t, s, &src, &dst, b);
	if (v != GO_ON && v != GO_ON_ODD)
		return v;
	if (unlikely(p->frag)) {
		remember_fragment(ctx, p, t, FL_FRAG_SEND);
		v = GO_ON_ODD;
	}
	return first && report_flow(ctx, p, t) ? GO_ON_ODD : v;
}

/* To the client, as t->rw says. */
static __always_inline int reply(struct xdp_md *ctx, const struct pkt *p, struct target *t)
{
	int icmp = is_icmp(p), v = find_way(ctx, p, t);

	if (v == GO_ON && icmp)
		v = turn_quote(ctx, p, t, 1);
	return v == GO_ON ? send_reply(ctx, p, t) : v;
}

static __always_inline int steer(struct xdp_md *ctx, struct pkt *p, struct target *t, __u64 bytes)
{
	int v = parse(ctx, p);
	struct fl_backend *b;

	if (likely(v == GO_ON)) {
		v = resolve(ctx, p, t, bytes, &b);
		if (likely(v == GO_ON))
			v = deliver(ctx, p, t, b, bytes, 0);
	} else if (v == ODD) {
		v = p->frag ? steer_fragment(ctx, p, t, bytes) : steer_icmp(ctx, p, t, bytes);
	}
	if (v == GO_ON_ODD)
		v = deliver_odd(ctx, p, t, bytes);
	if (v == TOO_BIG) {
		t->send = XDP_TX;
		return too_big(ctx, p, t->mtu);
	}
	return gate_nat && v == TO_CLIENT ? reply(ctx, p, t) : v;
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
