/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * move.h - what is known of a packet to a slot that is not clean, and of the slot: docs/transitions.md.
 *
 * One struct in the caller's memory goes from step to step. The steps are RARE, so that the packets of
 * clean slots pay for none of them, and each has a stack of its own: kernels before 6.2 take a map's key
 * from there only, and all that call each other share 512 bytes.
 */
#ifndef FAIRLEAD_BPF_PICK_MOVE_H
#define FAIRLEAD_BPF_PICK_MOVE_H

#include "fairlead/flowhash.h"
#include "maps.h"
#include "pick/record.h"

#define NO_INDEX 0xffffffffU /* a step has nothing to say of where the packet goes */

/* What a packet is to its flow. */
enum stage {
	STAGE_OTHER,
	STAGE_BEGINS, /* it asks for a new connection */
	STAGE_ANSWERS, /* it may be the one that completes a handshake, if `mark` says so */
};

/* What a record has to do with the packet, beside where it goes. */
#define RECORD_OVER 1 /* one that is over was passed by, and stands in the way */
#define RECORD_SEEN 2 /* it was seen for the first time in this second */

struct moving {
	struct fl_flow_key key; /* of the whole flow */
	__u32 l4; /* offset of the transport header */
	__u32 end; /* offset of the packet's end */
	__u32 slot; /* its number in the table */
	__u32 cur; /* index in the slot */
	__u8 affinity; /* enum fl_affinity */
	__u8 quic; /* of a service with FL_SVC_QUIC */
	/* what the steps find out */
	__u8 stage; /* enum stage */
	__u8 flags; /* of TCP; else 0 */
	__u32 mark; /* TCP: sequence number; SCTP: the INIT's tag; QUIC: hash of the client's id */
	__u32 now_s;
	__u32 record; /* RECORD_* */
	struct fl_fit fit; /* what a record of the flow begins with */
} __attribute__((aligned(8)));

/* Keys are copied by words, for which fl_flow_key by itself is not aligned. */
static __always_inline void copy_key(struct fl_flow_key *to, const struct moving *m)
{
	const __u64 *f = (const __u64 *)m;
	__u64 *t = (__u64 *)to;

	_Static_assert(__builtin_offsetof(struct moving, key) == 0, "key");
	for (int i = 0; i < 5; i++)
		t[i] = f[i];
}

#define FLOW_KEY(name) struct fl_flow_key name __attribute__((aligned(8)))

static __always_inline __u32 state_of(const struct fl_flow *f)
{
	return *(volatile const __u32 *)&f->state;
}

static __always_inline int is_dead(__u32 state)
{
	return (state & FL_FLOW_STATE) == FL_FLOW_DEAD;
}

static __always_inline int is_idle(const struct fl_flow *f, const struct fl_flow_key *k,
				   __u32 now_s)
{
	const struct fl_service *s = service_at(k->service);

	return s && now_s - f->seen_s > s->idle_s;
}

/* May another connection have the record's addresses and ports? */
static __always_inline int is_over(const struct fl_flow *f, __u32 state,
				   const struct fl_flow_key *k, __u32 now_s)
{
	if (state & (FL_FLOW_FIN | FL_FLOW_RST | FL_FLOW_PASSED))
		return 1;
	if (state & FL_FLOW_YOUNG && now_s - f->seen_s >= FL_TENTATIVE_S)
		return 1;
	return is_gone(f->backend) || is_idle(f, k, now_s);
}

/* Sequence numbers fit from the ISN, below which nothing is sent again, to a little beyond the highest. */
static __always_inline int fits(const struct fl_fit *f, __u32 seq)
{
	return seq - f->isn <= f->seq - f->isn + FL_FIT_BYTES;
}

static __always_inline int is_higher(const struct fl_fit *f, __u32 seq)
{
	return seq - f->isn > f->seq - f->isn;
}

/* One function a class, as in slot.h: each has a bound of its own. */
#define DEFINE_WORD_OF(class, n)                                           \
	static __always_inline __u32 word_of_##class(__u32 id, __u32 slot) \
	{                                                                  \
		__u32 zero = 0;                                            \
		void *inner = bpf_map_lookup_elem(&moves_##class, &id);    \
		moves_##class##_t *t;                                      \
                                                                           \
		if (!inner)                                                \
			return FL_MOVE_PINNED;                             \
		t = bpf_map_lookup_elem(inner, &zero);                     \
		if (!t)                                                    \
			return FL_MOVE_PINNED;                             \
		return *(volatile const __u32 *)&(*t)[slot & ((n)-1)];     \
	}

DEFINE_WORD_OF(4k, FL_SLOTS_4K_N)
DEFINE_WORD_OF(64k, FL_SLOTS_64K_N)
DEFINE_WORD_OF(1m, FL_SLOTS_1M_N)

/*
 * The slot's word of the move table. Where there is none, and where `prev` makes no difference, it
 * says PINNED: the packet is not harmed by what is missing.
 */
RARE __u32 move_word(__u32 id, __u32 slot, __u32 cur)
{
	const struct fl_service *s = service_at(id);
	__u32 word, prev;

	if (!s)
		return FL_MOVE_PINNED;
	if (s->slot_class == FL_SLOTS_64K)
		word = word_of_64k(id, slot);
	else if (s->slot_class == FL_SLOTS_4K)
		word = word_of_4k(id, slot);
	else
		word = word_of_1m(id, slot);
	prev = word & FL_MOVE_PREV;
	if (prev == cur || prev == FL_SLOT_NONE || !prev)
		word |= FL_MOVE_PINNED;
	return word;
}

/* Was a flow that was sighted so long ago sighted in udp_grace, after the slot last changed? */
static __always_inline int in_grace(__u32 word, const struct fl_service *s, __u32 now_s,
				    __u32 sighted_s)
{
	__u32 age = (now_s - (word >> FL_MOVE_SINCE_SHIFT)) & FL_MOVE_SINCE_MASK;

	return s && sighted_s <= age && age - sighted_s < s->udp_grace_s;
}

/*
 * Where a packet goes whose flow is not known, in the middle of a connection or without one. UDP has
 * udp_grace to be sighted in; `sighted_s` is how long ago it was, NO_INDEX: never.
 */
static __always_inline __u32 unknown_goes_to(__u32 word, __u32 cur, __u8 proto,
					     const struct fl_service *s, __u32 now_s,
					     __u32 sighted_s)
{
	if (word & FL_MOVE_PINNED)
		return cur;
	/* It is sighted now, too. */
	if (proto == IPPROTO_UDP && s && !in_grace(word, s, now_s, 0) &&
	    !in_grace(word, s, now_s, sighted_s))
		return cur;
	return word & FL_MOVE_PREV;
}

#endif
