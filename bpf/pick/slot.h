/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slot.h - flow -> hash -> slot -> backend. */
#ifndef FAIRLEAD_BPF_PICK_SLOT_H
#define FAIRLEAD_BPF_PICK_SLOT_H

#include "fairlead/flowhash.h"
#include "maps.h"
#include "pkt.h"

static __always_inline int hash_flow(struct xdp_md *ctx, const struct pkt *p, __u64 *hash)
{
	void *ip = frame(ctx) + p->l3, *end = frame_end(ctx);
	const struct fl_settings *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (!s)
		return FL_V_DROP_BUG;
	if (p->v6) {
		struct ipv6hdr *h = ip;
		__u64 saddr[2], daddr[2];

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		__builtin_memcpy(saddr, &h->saddr, 16);
		__builtin_memcpy(daddr, &h->daddr, 16);
		*hash = fl_flow_hash6(s->flow_key, saddr, daddr, p->ports, p->proto);
	} else {
		struct iphdr *h = ip;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		*hash = fl_flow_hash4(s->flow_key, h->saddr, h->daddr, p->ports, p->proto);
	}
	return GO_ON;
}

/* One function a class: each has a table type, and so an index bound, of its own. */
#define DEFINE_SLOT_OF(class, n)                                                        \
	static __always_inline int slot_of_##class(__u32 key, __u64 hash, __u16 * slot) \
	{                                                                               \
		__u32 zero = 0;                                                         \
		void *inner = bpf_map_lookup_elem(&slots_##class, &key);                \
		slots_##class##_t *t;                                                   \
                                                                                        \
		if (!inner)                                                             \
			return FL_V_DROP_BUG;                                           \
		t = bpf_map_lookup_elem(inner, &zero);                                  \
		if (!t)                                                                 \
			return FL_V_DROP_BUG;                                           \
		*slot = *(volatile __u16 *)&(*t)[hash & ((n)-1)];                       \
		return GO_ON;                                                           \
	}

DEFINE_SLOT_OF(4k, FL_SLOTS_4K_N)
DEFINE_SLOT_OF(64k, FL_SLOTS_64K_N)
DEFINE_SLOT_OF(1m, FL_SLOTS_1M_N)

/* GO_ON with the backend's entry and index, or why there is none. */
static __always_inline int pick_backend(struct xdp_md *ctx, const struct pkt *p,
					const struct fl_service *s, __u64 *hash,
					struct fl_backend **out, __u32 *index)
{
	__u32 live = *(volatile const __u32 *)&s->live;
	__u16 slot = 0;
	int v;

	v = hash_flow(ctx, p, hash);
	if (v != GO_ON)
		return v;
	if (s->slot_class == FL_SLOTS_64K)
		v = slot_of_64k(live, *hash, &slot);
	else if (s->slot_class == FL_SLOTS_4K)
		v = slot_of_4k(live, *hash, &slot);
	else
		v = slot_of_1m(live, *hash, &slot);
	if (v != GO_ON)
		return v;
	*index = slot & FL_SLOT_INDEX;
	if (*index == FL_SLOT_NONE)
		return FL_V_DROP_NO_BACKEND;
	*out = bpf_map_lookup_elem(&backends, index);
	return *out ? GO_ON : FL_V_DROP_BUG;
}

#endif
