/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fragment.h - a datagram's fragments go where its first one went (RFC 791, RFC 8200 4.5). */
#ifndef FAIRLEAD_BPF_PICK_FRAGMENT_H
#define FAIRLEAD_BPF_PICK_FRAGMENT_H

#include "admit/lease.h"
#include "maps.h"
#include "observe/count.h"
#include "pick/record.h"
#include "service/lookup.h"

static __always_inline void frag_key(struct fl_frag_key *k, const struct pkt *p,
				     const struct addr_words *src, const struct addr_words *dst)
{
	__builtin_memcpy(k->saddr, src->a, sizeof(k->saddr));
	__builtin_memcpy(k->daddr, dst->a, sizeof(k->daddr));
	k->id = p->frag_id;
	k->proto = p->proto;
	k->pad[0] = k->pad[1] = k->pad[2] = 0;
}

/* Remembers the way of a first fragment, before anything of it is rewritten. */
RARE int remember_fragment(struct xdp_md *ctx, const struct pkt *packet, const struct target *t,
			   enum fl_frag_way way)
{
	struct fl_frag f = {.seen_s = coarse_s(), .way = (__u8)way};
	struct pkt mine, *p = &mine;
	struct addr_words src, dst;
	struct fl_frag_key k;

	if (adopt(p, packet) || !t || addresses(ctx, p, &src, &dst))
		return -1;
	frag_key(&k, p, &src, &dst);
	f.backend = t->index;
	f.service = t->id;
	f.hash = t->hash;
	if (t->rewritten) {
		__builtin_memcpy(f.saddr, t->rw.src.a, sizeof(f.saddr));
		__builtin_memcpy(f.daddr, t->rw.dst.a, sizeof(f.daddr));
	}
	return (int)bpf_map_update_elem(&frags, &k, &f, BPF_ANY);
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

/* The target of a later fragment to a backend: GO_ON_ODD, or why there is none. */
static __always_inline int pick_fragment(struct target *t, const struct fl_frag *f, __u64 bytes)
{
	static const __u8 stays[16];
	int v;

	t->id = f->service;
	t->index = f->backend;
	t->hash = f->hash;
	count_service(t->id, bytes);
	v = admit_lease();
	if (v != GO_ON)
		return v;
	if (!equal16(f->saddr, stays)) {
		__builtin_memcpy(t->rw.src.a, f->saddr, 16);
		__builtin_memcpy(t->rw.dst.a, f->daddr, 16);
		t->rewritten = 1;
	}
	return GO_ON_ODD;
}

/* A later fragment goes where its datagram's first one went: GO_ON_ODD, TO_CLIENT, or a verdict. */
RARE int steer_fragment(struct xdp_md *ctx, const struct pkt *packet, struct target *t, __u64 bytes)
{
	struct pkt mine, *p = &mine;
	struct addr_words src, dst;
	const struct fl_frag *f;

	if (adopt(p, packet) || !t || addresses(ctx, p, &src, &dst))
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
	return TO_CLIENT;
}

#endif
