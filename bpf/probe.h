/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - the way out of probes that go by the clients' path.
 *
 * The agent sends a probe to its backend's stand-in, an address that leads to a pair of devices; at the
 * other end of the pair the packet is given the VIP that the stand-in is for, and from then on it is
 * forwarded by the very code, entry and next hop that send a client's packet to that backend. It passes
 * no list and no limit, and is counted with no service and no backend: only its verdict is.
 *
 * The answer comes in by another device, to an address of this machine: what it will look like is
 * written down here, and probe.bpf.c, there, gives it back to the agent in the stand-in's name.
 */
#ifndef FAIRLEAD_BPF_PROBE_H
#define FAIRLEAD_BPF_PROBE_H

#include "forward/forward.h"
#include "pick/record.h"

/* What tells an echo from another: its identifier, which the reply has too (RFC 792, RFC 4443 4.1). */
#define ECHO_ID 4

/* Where the packet goes and what it looks like there: GO_ON with f->t.rw, or a verdict. */
static __always_inline int aim_probe(struct xdp_md *ctx, struct full *f, const struct fl_backend *b,
				     int echo)
{
	struct target *t = &f->t;
	__u32 index = t->index;
	int v;

	if (b->mode == FL_FWD_FULLNAT && !echo) {
		v = pick_fullnat(ctx, &f->p, t, &f->src, &f->dst);
		/* A record that another connection left. */
		if (v == GO_ON && t->index != index)
			return FL_V_DROP_NAT_UNKNOWN;
		return v;
	}
	t->rw.src = f->src;
	t->rw.dst = f->dst;
	t->rw.sport = source_port(f->p.ports);
	t->rw.dport = dest_port(f->p.ports);
	if (is_nat(b->mode)) {
		copy16(t->rw.dst.a, b->addr);
		if (b->port && !echo)
			t->rw.dport = b->port;
	}
	t->rewritten = 1;
	return GO_ON;
}

/* How the answer to what is sent now will be known, and what it becomes. 0, or -1. */
static __always_inline int expect_answer(struct xdp_md *ctx, const struct full *f,
					 const struct fl_probe_key *stand_in, int echo)
{
	const struct rewrite *r = &f->t.rw;
	struct fl_probe_flow flow = {};
	struct fl_nat_key k = {};
	__be16 *id = at(ctx, f->p.l4 + ECHO_ID);

	copy16(flow.saddr, stand_in->stand_in);
	copy16(flow.daddr, f->src.a);
	if (echo) {
		if ((void *)(id + 1) > frame_end(ctx))
			return -1;
		nat_key(&k, r->dst.a, r->src.a, *id, 0, f->p.proto);
	} else {
		flow.sport = dest_port(f->p.ports);
		flow.dport = source_port(f->p.ports);
		nat_key(&k, r->dst.a, r->src.a, r->dport, r->sport, f->p.proto);
	}
	return (int)bpf_map_update_elem(&probe_flows, &k, &flow, BPF_ANY) ? -1 : 0;
}

static __always_inline int steer_probe(struct xdp_md *ctx, struct full *f)
{
	struct fl_probe_key stand_in = {};
	int v = parse(ctx, &f->p, FULL), echo = v == TO_ICMP;
	const struct fl_probe *probe;
	const struct fl_backend *b;

	if ((v != GO_ON && !echo) || f->p.frag)
		return FL_V_PASS_NOT_SERVICE;
	if (addresses(ctx, &f->p, &f->src, &f->dst))
		return FL_V_DROP_BUG;
	copy16(stand_in.stand_in, f->dst.a);
	probe = bpf_map_lookup_elem(&probes, &stand_in);
	if (!probe)
		return FL_V_PASS_NOT_SERVICE;
	copy16(f->dst.a, probe->vip);
	f->t.id = probe->service;
	f->t.index = probe->backend;
	f->t.hash = hash_flow(&f->p, &f->src, &f->dst, f->p.ports, FL_AFF_FLOW);
	b = backend_at(f->t.index);
	if (!b)
		return FL_V_DROP_BUG;
	v = aim_probe(ctx, f, b, echo);
	if (v != GO_ON)
		return v;
	if (expect_answer(ctx, f, &stand_in, echo))
		return FL_V_DROP_BUG;
	if (!is_nat(b->mode))
		v = rewrite_packet(ctx, &f->p, &f->t.rw);
	return v == GO_ON ? forward(ctx, &f->p, &f->t, ICMP) : v;
}

#endif
