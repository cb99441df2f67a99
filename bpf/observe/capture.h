/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h - packets copied as they come and as they leave, with what became of them: docs/capture.md.
 *
 * A packet that fits what can be known of it as it comes in is copied to `caught`, and goes by the steps,
 * which know their verdict, not by the straight way, which does the same and knows none. At its end, if
 * service and verdict fit too, the copy goes to the agent with what the steps have told. Each CPU copies
 * no more than fl_capture says, so that a capture costs what it costs whatever comes in.
 */
#ifndef FAIRLEAD_BPF_OBSERVE_CAPTURE_H
#define FAIRLEAD_BPF_OBSERVE_CAPTURE_H

#include "admit/meter.h"
#include "observe/action.h"
#include "parse/parse.h"
#include "pick/move.h"
#include "pick/slot.h"
#include "service/lookup.h"

static __always_inline int is_within(const struct addr_words *a, const __u8 *of, const __u8 *mask)
{
	const __u32 *w = (const __u32 *)a, *o = (const __u32 *)of, *m = (const __u32 *)mask;

	return !((w[0] ^ o[0]) & m[0] || (w[1] ^ o[1]) & m[1] || (w[2] ^ o[2]) & m[2] ||
		 (w[3] ^ o[3]) & m[3]);
}

static __always_inline int is_any(const __u8 *mask)
{
	const __u32 *m = (const __u32 *)mask;

	return !(m[0] | m[1] | m[2] | m[3]);
}

/* Is it of a service that is not wanted? Without ports, or as a reply, it may yet turn out to be. */
static __always_inline int of_another(const struct fl_capture *c, const struct pkt *p,
				      const struct addr_words *dst)
{
	__u32 id = 0;

	if (!c->service || !p->ports)
		return 0;
	if (!find_service(dst, dest_port(p->ports), p->proto, &id))
		return !gate_nat;
	return id != c->service;
}

static __always_inline int fits_capture(struct xdp_md *ctx, const struct fl_capture *c)
{
	struct addr_words src, dst;
	struct pkt p = {};

	parse(ctx, &p, FULL);
	if (!p.l4)
		return !c->service && !c->proto && !c->port && is_any(c->source_mask) &&
		       is_any(c->dest_mask);
	if ((c->proto && c->proto != p.proto) || addresses(ctx, &p, &src, &dst))
		return 0;
	if (c->port && c->port != source_port(p.ports) && c->port != dest_port(p.ports))
		return 0;
	return is_within(&src, c->source, c->source_mask) &&
	       is_within(&dst, c->dest, c->dest_mask) && !of_another(c, &p, &dst);
}

_Static_assert(!(FL_CAPTURE_SNAP & (FL_CAPTURE_SNAP - 1)), "a power of two");

/* How many bytes are kept of a frame: 1..FL_CAPTURE_SNAP. 0: the agent has not said yet. */
static __always_inline int snap_of(const struct fl_capture *c, __u64 len, __u64 *n)
{
	__u64 most = len < c->snap ? len : c->snap;

	if (!most)
		return 0;
	/* As verifiers before 6.2 see it, too: a mask is what they know both bounds of. */
	most--;
	asm volatile("" : "+r"(most));
	*n = (most & (FL_CAPTURE_SNAP - 1)) + 1;
	return 1;
}

static __always_inline int copy_begin(struct xdp_md *ctx, const struct fl_capture *c,
				      struct fl_caught *h)
{
	__u64 len = frame_len(ctx), n;

	if (!snap_of(c, len, &n) || bpf_xdp_load_bytes(ctx, 0, h->bytes, (__u32)n))
		return 0;
	h->head.time_ns = bpf_ktime_get_ns();
	h->head.len = (__u32)len;
	h->head.kept = (__u32)n;
	h->head.ifindex = ctx->ingress_ifindex;
	h->pending = 1;
	return 1;
}

/*
 * 1: the packet is copied, and its way is the steps'. `late`: it did not go the straight way, and is looked
 * at now if only what the steps decide is wanted. With an agent that is gone nothing is.
 */
RARE int capture_begin(struct xdp_md *ctx, __u32 late)
{
	const struct fl_capture *c;
	const struct lease *l;
	struct fl_caught *h;
	__u32 zero = 0;

	if (!gate_capture)
		return 0;
	l = bpf_map_lookup_elem(&lease, &zero);
	if (!l || *(volatile const __u32 *)&l->lapsed)
		return 0;
	c = bpf_map_lookup_elem(&capture, &zero);
	h = bpf_map_lookup_elem(&caught, &zero);
	if (!c || !h)
		return 0;
	if (!late) {
		h->pending = 0;
		h->head.notes = 0;
	}
	/* Early if what the straight way sends is wanted, else late. */
	if (!late == !(c->flags & FL_CAPTURE_SENT))
		return 0;
	if (!fits_capture(ctx, c))
		return 0;
	h->seen++;
	if (meter_take(&h->tat, bpf_ktime_get_coarse_ns(), c->gap_ns, c->burst_ns)) {
		h->skipped++;
		return 0;
	}
	return copy_begin(ctx, c, h);
}

static __always_inline void copy_end(struct xdp_md *ctx, const struct fl_capture *c,
				     struct fl_caught *h)
{
	__u64 len = frame_len(ctx), at = h->head.kept, n;

	asm volatile("" : "+r"(at));
	if (at > FL_CAPTURE_SNAP || !snap_of(c, len, &n) ||
	    bpf_xdp_load_bytes(ctx, 0, h->bytes + at, (__u32)n))
		return;
	h->head.out_ns = bpf_ktime_get_ns();
	h->head.out_len = (__u32)len;
	h->head.out_kept = (__u32)n;
}

/*
 * The slot as it is now, a moment after it was asked. One that is clean and not the backend's has changed
 * hands in that moment: of that nothing is said.
 */
static __always_inline void tell_slot(struct fl_captured *to)
{
	const struct fl_service *s = service_at(to->service);
	__u32 says = 0;

	if (!s || !to->hash || to->flags & FL_CAPTURED_REPLY ||
	    slot_of(s, to->hash, &says) != GO_ON)
		return;
	to->slot = (__u32)to->hash & s->slot_mask;
	to->says = says;
	if (says & FL_SLOT_DIRTY) {
		to->word = move_word(to->service, to->slot, says & FL_SLOT_INDEX);
		to->flags |= FL_CAPTURED_SLOT | FL_CAPTURED_WORD;
	} else if (says == to->backend) {
		to->flags |= FL_CAPTURED_SLOT;
	}
}

/* `where`: service, and the backend above 32 bits. `how`: verdict | what SEND means << 8 | reply << 16. */
RARE int capture_end(struct xdp_md *ctx, __u64 hash, __u64 where, __u32 how)
{
	__u32 zero = 0, verdict = how & 0xff;
	const struct fl_capture *c;
	struct fl_captured *to;
	struct fl_caught *h;
	enum action action;
	__u64 size;

	if (!gate_capture)
		return 0;
	c = bpf_map_lookup_elem(&capture, &zero);
	h = bpf_map_lookup_elem(&caught, &zero);
	if (!c || !h || !h->pending)
		return 0;
	h->pending = 0;
	if (!(c->verdicts >> (verdict & 63) & 1) || (c->service && c->service != (__u32)where))
		return 0;
	action = action_of((int)verdict);
	to = &h->head;
	to->hash = hash;
	to->service = (__u32)where;
	to->backend = where >> 32;
	to->verdict = (__u8)verdict;
	to->action = action == PASS ? XDP_PASS : action == SEND ? how >> 8 & 0xff : XDP_DROP;
	to->flags = how >> 16 ? FL_CAPTURED_REPLY : 0;
	to->out_ns = 0;
	to->out_len = 0;
	to->out_kept = 0;
	if (action == SEND)
		copy_end(ctx, c, h);
	tell_slot(to);
	size = sizeof(*to) + (__u64)to->kept + to->out_kept;
	asm volatile("" : "+r"(size));
	if (size > sizeof(*to) + sizeof(h->bytes) || bpf_ringbuf_output(&captured, to, size, 0))
		h->lost++;
	return 0;
}

#endif
