/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.h - samples of what happens, for people: the ring buffer `events`. */
#ifndef FAIRLEAD_BPF_OBSERVE_EVENT_H
#define FAIRLEAD_BPF_OBSERVE_EVENT_H

#include "gates.h"
#include "maps.h"
#include "observe/count.h"
#include "parse/parse.h"
#include "service/key.h"

/* One in `every`; 0: none. */
static __always_inline int sampled(__u32 every)
{
	return every && bpf_get_prandom_u32() % every == 0;
}

/*
 * Reads the packet anew: kept from the first time, what it says would have to be carried along the
 * whole path for the few that come here.
 */
RARE int report(struct xdp_md *ctx, __u32 kind, __u32 verdict, __u32 service, __u32 backend)
{
	struct pkt p = {};
	struct fl_event *e;

	if (gate_explain)
		return 0;
	parse(ctx, &p, FULL);
	if (!p.l3)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_note(FL_N_EVENT_LOST);
		return 0;
	}
	/* Not by way of the stack, which lb_icmp has filled (kernels round each frame up to 32). */
	if (addresses(ctx, &p, (void *)e->saddr, (void *)e->daddr)) {
		bpf_ringbuf_discard(e, 0);
		return 0;
	}
	e->time_ns = bpf_ktime_get_coarse_ns();
	e->kind = (__u8)kind;
	e->verdict = (__u8)verdict;
	e->proto = p.proto;
	e->tcp_flags = tcp_flags(ctx, &p);
	e->len = (__u32)frame_len(ctx);
	e->sport = source_port(p.ports);
	e->dport = dest_port(p.ports);
	e->ifindex = ctx->ingress_ifindex;
	e->service = service;
	e->backend = backend;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Before anything is rewritten: the packet opens a connection, or has none (UDP). */
static __always_inline void report_flow(struct xdp_md *ctx, const struct pkt *p,
					const struct target *t)
{
	const struct fl_settings *s;
	__u32 zero = 0;

	if (!gate_events || t->index == FL_SLOT_NONE ||
	    (p->proto != IPPROTO_UDP && !opens_connection(ctx, p)))
		return;
	s = bpf_map_lookup_elem(&settings, &zero);
	if (s && sampled(s->flow_event_every))
		report(ctx, FL_EVENT_FLOW, 0, t->id, t->index);
}

static __always_inline void report_drop(struct xdp_md *ctx, const struct target *t, __u32 verdict)
{
	const struct fl_settings *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (s && sampled(s->drop_event_every))
		report(ctx, FL_EVENT_DROP, verdict, t->id, t->index);
}

/* The agent is to ask the kernel for the neighbour on the way to `addr`. */
static __always_inline void want_neighbour(const struct addr_words *addr, __u32 ifindex)
{
	struct fl_event *e;

	if (gate_explain)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_note(FL_N_EVENT_LOST);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time_ns = bpf_ktime_get_coarse_ns();
	e->kind = FL_EVENT_NEIGH;
	e->ifindex = ifindex;
	copy16(e->daddr, addr->a);
	bpf_ringbuf_submit(e, 0);
}

#endif
