/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slot.h - flow -> hash -> slot -> index of a backend. */
#ifndef FAIRLEAD_BPF_PICK_SLOT_H
#define FAIRLEAD_BPF_PICK_SLOT_H

#include "gates.h"
#include "fairlead/flowhash.h"
#include "maps.h"
#include "service/key.h"

/*
 * The hash that decides the slot. A service with an affinity leaves out what must not matter: the
 * same client then has the same slot in all services with that affinity.
 */
static __always_inline __u64 hash_flow(const struct pkt *p, const struct addr_words *src,
				       const struct addr_words *dst, __u32 ports, __u8 affinity)
{
	__u64 key[4] = {flow_key[0], flow_key[1], flow_key[2], flow_key[3]};
	struct addr_words to = *dst;
	__u32 proto = p->proto;

	if (unlikely(affinity != FL_AFF_FLOW)) {
		ports = affinity == FL_AFF_SOURCE ? 0 : join_ports(source_port(ports), 0);
		to.a[0] = to.a[1] = 0;
		proto = 0;
		if (!p->v6)
			return fl_flow_hash4(key, ipv4_of(src), 0, ports, 0);
	}
	if (p->v6)
		return fl_flow_hash6(key, src->a, to.a, ports, proto);
	return fl_flow_hash4(key, ipv4_of(src), ipv4_of(&to), ports, proto);
}

/*
 * What `lb` picked for a packet that it then cannot forward is kept for `lb_fast`: to pick twice would note
 * and count twice. A packet stays on its CPU, and lb_fast takes what is there before anything else.
 */
RARE int keep_pick(__u32 index)
{
	__u32 zero = 0, *kept = bpf_map_lookup_elem(&picked, &zero);

	if (kept)
		*kept = index;
	return 0;
}

/* That; 0: nothing was kept. */
static __always_inline __u32 take_pick(void)
{
	__u32 zero = 0, *kept = bpf_map_lookup_elem(&picked, &zero), index = kept ? *kept : 0;

	if (unlikely(index))
		*kept = 0;
	return index;
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

/*
 * GO_ON with what the slot says: the index of its backend, which may be FL_SLOT_NONE: forward() looks;
 * or with FL_SLOT_DIRTY the one of `cur`: pick/moving.h knows more.
 */
static __always_inline int slot_of(const struct fl_service *s, __u64 hash, __u32 *says)
{
	__u32 live = *(volatile const __u32 *)&s->live;
	__u16 slot = 0;
	int v;

	if (s->slot_class == FL_SLOTS_64K)
		v = slot_of_64k(live, hash, &slot);
	else if (s->slot_class == FL_SLOTS_4K)
		v = slot_of_4k(live, hash, &slot);
	else
		v = slot_of_1m(live, hash, &slot);
	*says = slot;
	return v;
}

#endif
