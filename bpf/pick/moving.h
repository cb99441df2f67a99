/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * moving.h - a packet to a slot that is not clean: docs/transitions.md, in its order.
 *
 * Most such packets are of connections that have a record and were seen in this second already: they
 * are looked for first.
 */
#ifndef FAIRLEAD_BPF_PICK_MOVING_H
#define FAIRLEAD_BPF_PICK_MOVING_H

#include "pick/flows.h"
#include "pick/move.h"
#include "pick/second.h"
#include "pick/sight.h"
#include "pick/slot.h"
#include "pick/stage.h"

/* A new connection. */
static __always_inline __u32 begin(struct moving *m, __u32 word)
{
	__u32 prev = word & FL_MOVE_PREV, pinned = word & FL_MOVE_PINNED, to;
	int note = 1;

	to = begun_at(m, !pinned);
	if (to != NO_INDEX)
		return to;
	to = client_goes_to(m, NO_INDEX);
	if (to != NO_INDEX) {
		;
	} else if (pinned) {
		to = m->cur;
		note = 0;
	} else if (sighted_ago(m) < FL_SIGHTED_S && !is_gone(prev)) {
		to = prev;
	} else if (under_pressure(m->now_s) && word & FL_MOVE_ACCEPTS) {
		note_frozen(m->now_s);
		to = prev;
		note = 0;
	} else {
		to = m->cur;
	}
	/* A record that is over would decide again about the next packet, which is not a beginning. */
	if ((note || m->record & RECORD_OVER) && to != FL_SLOT_NONE)
		make_tentative(m, to);
	return to;
}

/* May it have a record of where it was before? */
static __always_inline int record_old(struct moving *m, __u32 to)
{
	const __u32 *n = source_cell(&m->key);

	m->fit.isn = m->fit.seq = m->mark;
	if (!n || *(volatile const __u32 *)n < FL_SRC_FLOWS)
		return make_record(m, to, FL_FLOW_OLD);
	count_note(FL_N_SOURCE_FULL);
	return 0;
}

/*
 * A flow without a record has gone to `to`: so it shall go on, once it is seen again. `keep`: its sighting
 * says more than that it was there.
 */
static __always_inline void remember_old(struct moving *m, __u32 to, int keep)
{
	if (!sight(m, SIGHT))
		return;
	if (record_old(m, to)) {
		count_note(FL_N_OLD_FLOW);
		sight(m, SIGHT_FORGET);
		client_goes_to(m, to);
	} else if (!keep) {
		/* Tried again in a second. */
		sight(m, SIGHT_RESTART);
	}
}

/* Neither a beginning nor known. */
static __always_inline __u32 other(struct moving *m, __u32 word)
{
	__u32 udp = m->key.proto == IPPROTO_UDP, client = NO_INDEX, to;
	__u32 sighted_s = udp ? sighted_ago(m) : NO_INDEX;
	const struct fl_service *s = service_at(m->key.service);

	to = unknown_goes_to(word, m->cur, m->key.proto, s, m->now_s, sighted_s);
	/* Without connections (QUIC has some) there is nothing old about an unknown flow of a known client. */
	if (udp && !m->quic)
		client = client_goes_to(m, NO_INDEX);
	if (client != NO_INDEX)
		to = client;
	if (!(word & FL_MOVE_PINNED) && to != FL_SLOT_NONE)
		remember_old(m, to, udp && in_grace(word, s, m->now_s, sighted_s));
	return to;
}

/* It completes a handshake, or its tentative record has to do. */
static __always_inline __u32 answered(struct moving *m, __u32 to)
{
	int recorded = !promotion_waits(m->now_s) && make_record(m, to, FL_FLOW_YOUNG);

	settle_tentative(m, (__u32)recorded);
	if (recorded) {
		count_note(FL_N_PROMOTED);
		client_goes_to(m, to);
	}
	return to;
}

/* All that is not settled by a look. */
RARE __u32 pick_unsettled(struct xdp_md *ctx, struct moving *m)
{
	__u32 to, word;

	if (!m)
		return FL_SLOT_NONE;
	m->now_s = this_second();
	find_stage(ctx, m);
	to = by_record(m);
	if (to != NO_INDEX) {
		if (m->record & RECORD_SEEN)
			client_goes_to(m, NO_INDEX);
		return to;
	}
	if (m->stage == STAGE_ANSWERS)
		to = answered_at(m);
	if (to != NO_INDEX)
		return answered(m, to);
	word = move_word(m->key.service, m->slot, m->cur);
	return m->stage == STAGE_BEGINS ? begin(m, word) : other(m, word);
}

/* The flow's key, read from the packet. 0, or -1 if it is not there any more. */
static __always_inline int read_key(const struct xdp_md *ctx, struct fl_flow_key *k, __u64 where,
				    __u64 what)
{
	void *ip = at(ctx, where & 0xffff), *end = frame_end(ctx);
	__be32 *ports = at(ctx, where >> 16 & 0xffff);

	if (what >> 32 & 1) {
		struct ipv6hdr *h = ip;

		if ((void *)(h + 1) > end)
			return -1;
		copy16(k->saddr, &h->saddr);
		copy16(k->daddr, &h->daddr);
	} else {
		struct iphdr *h = ip;

		if ((void *)(h + 1) > end)
			return -1;
		map_ipv4((struct addr_words *)k->saddr, h->saddr);
		map_ipv4((struct addr_words *)k->daddr, h->daddr);
	}
	if ((void *)(ports + 1) > end)
		return -1;
	/* Source and destination port; service, protocol and padding. */
	*(__be32 *)&k->sport = *ports;
	*(__u32 *)&k->service = (__u32)what & 0xffffff;
	return 0;
}

/* A connection's begin and end, and what may be a beginning, are not for seen_before(). */
static __always_inline int is_plain(const struct xdp_md *ctx, __u64 where, __u64 what)
{
	__u8 *h = at(ctx, where >> 16 & 0xffff);
	__u8 proto = (__u8)(what >> 16);

	if (proto != IPPROTO_TCP)
		return proto == IPPROTO_UDP && !(what >> 33 & 1);
	return (void *)(h + TCP_FLAGS + 1) <= frame_end(ctx) &&
	       !(h[TCP_FLAGS] & (TCP_SYN | TCP_FIN | TCP_RST));
}

/*
 * The backend of a flow that has a record and was seen in this second already: most packets, and for
 * them a look is all there is. NO_INDEX: pick_moving() is to decide.
 */
RARE __u32 seen_before(struct xdp_md *ctx, __u64 where, __u64 what)
{
	const struct fl_flow *f;
	FLOW_KEY(k);

	if (!is_plain(ctx, where, what) || read_key(ctx, &k, where, what))
		return NO_INDEX;
	f = bpf_map_lookup_elem(&flows, &k);
	if (f && (state_of(f) & ~FL_FLOW_OLD) == FL_FLOW_ACTIVE && f->seen_s == this_second() &&
	    !is_gone(f->backend))
		return f->backend;
	return NO_INDEX;
}

/* All other packets. `slot` is the slot's number, and what it says above 32 bits. */
RARE __u32 pick_moving(struct xdp_md *ctx, __u64 where, __u64 what, __u64 slot)
{
	struct moving m = {
		.l4 = where >> 16 & 0xffff,
		.end = where >> 32,
		.slot = (__u32)slot,
		.cur = slot >> 32 & FL_SLOT_INDEX,
		.affinity = (__u8)(what >> 24),
		.quic = what >> 33 & 1,
	};

	if (read_key(ctx, &m.key, where, what))
		return m.cur;
	return pick_unsettled(ctx, &m);
}

static __always_inline __u64 dirty_where(__u64 l3, __u64 l4, __u32 l3_len)
{
	return l3 | l4 << 16 | (l3 + l3_len) << 32;
}

static __always_inline __u64 dirty_what(const struct fl_service *s, __u32 id, __u32 proto, int v6)
{
	__u64 quic = proto == IPPROTO_UDP && s->flags & FL_SVC_QUIC;

	return id | proto << 16 | (__u32)s->affinity << 24 | (__u64) !!v6 << 32 | quic << 33;
}

/*
 * The index of the backend for a packet whose slot is not clean; may be FL_SLOT_NONE. All in numbers
 * (RARE in pkt.h), by dirty_where() and dirty_what(), and one function after the other: nested, they
 * would need more stack than there is.
 */
static __always_inline __u32 pick_dirty_slot(struct xdp_md *ctx, __u64 where, __u64 what,
					     __u64 slot)
{
	__u32 index = seen_before(ctx, where, what);

	return likely(index != NO_INDEX) ? index : pick_moving(ctx, where, what, slot);
}

/* The same of a packet as the steps know it. `says`: FL_SLOT_DIRTY and the index of `cur`. */
static __always_inline __u32 pick_dirty(struct xdp_md *ctx, const struct pkt *p,
					const struct target *t, const struct fl_service *s,
					__u32 says)
{
	return pick_dirty_slot(ctx, dirty_where(p->l3, p->l4, p->l3_len),
			       dirty_what(s, t->id, p->proto, p->v6),
			       ((__u32)t->hash & s->slot_mask) | (__u64)says << 32);
}

/*
 * Where an ICMP error goes that is about a packet from `src` to `dst` which a backend has sent: as the
 * client's packets, but it changes nothing. `says_proto`: the slot, and the protocol above 16 bits.
 */
RARE __u32 pick_dirty_error(const struct addr_words *src, const struct addr_words *dst,
			    __u32 turned, __u32 says_proto, __u64 slot_id)
{
	__u32 id = slot_id >> 32, cur = says_proto & FL_SLOT_INDEX, word;
	__u8 proto = (__u8)(says_proto >> 16);
	const struct fl_flow *f;
	FLOW_KEY(k) = {};

	if (!src || !dst)
		return FL_SLOT_NONE;
	copy16(k.saddr, dst->a);
	copy16(k.daddr, src->a);
	k.sport = source_port(turned);
	k.dport = dest_port(turned);
	k.service = (__u16)id;
	k.proto = proto;
	f = bpf_map_lookup_elem(&flows, &k);
	if (f && !is_dead(state_of(f)))
		return f->backend;
	word = move_word(id, (__u32)slot_id, cur);
	return unknown_goes_to(word, cur, proto, service_at(id), coarse_s(), NO_INDEX);
}

#endif
