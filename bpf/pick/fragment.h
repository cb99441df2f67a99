/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fragment.h - a datagram's fragments go where its first one went (RFC 791, RFC 8200 4.5). */
#ifndef FAIRLEAD_BPF_PICK_FRAGMENT_H
#define FAIRLEAD_BPF_PICK_FRAGMENT_H

#include "admit/admit.h"
#include "maps.h"
#include "pick/record.h"
#include "service/lookup.h"

static __always_inline void frag_key(struct fl_frag_key *k, const struct pkt *p,
				     const struct addr_words *src, const struct addr_words *dst)
{
	copy16(k->saddr, src->a);
	copy16(k->daddr, dst->a);
	k->id = p->frag_id;
	k->proto = p->v6 ? 0 : p->proto; /* RFC 8200 4.5: only the first one's counts */
	k->pad[0] = k->pad[1] = k->pad[2] = 0;
}

/* Remembers the way of a first fragment, before anything of it is rewritten. */
RARE int remember_fragment(const struct pkt *p, const struct target *t,
			   const struct addr_words *src, const struct addr_words *dst, __u32 way)
{
	struct fl_frag f = {.seen_s = coarse_s(), .way = (__u8)way};
	struct fl_frag_key k;

	if (!p || !t || !src || !dst || gate_explain)
		return 0;
	f.backend = t->index;
	f.service = t->id;
	f.hash = t->hash;
	frag_key(&k, p, src, dst);
	if (t->rewritten) {
		copy16(f.saddr, t->rw.src.a);
		copy16(f.daddr, t->rw.dst.a);
	}
	bpf_map_update_elem(&frags, &k, &f, BPF_ANY);
	return 0;
}

/* What is remembered of a later fragment's datagram, or NULL. */
static __always_inline const struct fl_frag *
recall_fragment(const struct pkt *p, const struct addr_words *src, const struct addr_words *dst)
{
	const struct fl_frag *f;
	struct fl_frag_key k;

	frag_key(&k, p, src, dst);
	f = bpf_map_lookup_elem(&frags, &k);
	return f && coarse_s() - f->seen_s <= FL_FRAG_LIFE_S ? f : NULL;
}

/*
 * GO_ON with the target of a later fragment to a backend, or a verdict. It is admitted as any packet: with
 * one first fragment there is no end to the later ones that could follow it.
 */
static __always_inline int pick_fragment(struct xdp_md *ctx, const struct pkt *p, struct target *t,
					 const struct addr_words *src, const struct fl_frag *f)
{
	static const __u8 stays[16];
	const struct fl_service *s = service_at(f->service);
	int v;

	t->id = f->service;
	t->index = f->backend;
	t->hash = f->hash;
	v = s ? admit(ctx, p, src, s, t->id) : FL_V_DROP_BUG;
	if (v != GO_ON)
		return v;
	if (!equal16(f->saddr, stays)) {
		copy16(t->rw.src.a, f->saddr);
		copy16(t->rw.dst.a, f->daddr);
		t->rewritten = 1;
	}
	return GO_ON;
}

#endif
