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
static __noinline void remember_fragment(const struct pkt *p, const struct target *t,
					 const struct addr_words *src, const struct addr_words *dst,
					 enum fl_frag_way way)
{
	struct fl_frag f = {
		.seen_s = coarse_s(),
		.way = (__u8)way,
		.backend = t->index,
		.service = t->id,
		.hash = t->hash,
	};
	struct fl_frag_key k;

	frag_key(&k, p, src, dst);
	if (t->rewritten) {
		__builtin_memcpy(f.saddr, t->rw.src.a, sizeof(f.saddr));
		__builtin_memcpy(f.daddr, t->rw.dst.a, sizeof(f.daddr));
	}
	bpf_map_update_elem(&frags, &k, &f, BPF_ANY);
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

/* GO_ON with the target of a later fragment to a backend, or why there is none. */
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
	return backend_of(t->index, &t->backend);
}

#endif
