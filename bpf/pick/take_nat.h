/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * take_nat.h - flows of NAT that peers have told of are put into `nat_flows`. The agent runs the program
 * with them; no packet does.
 *
 * The replies' entry first, and only where there is none, as record.h does it: no two flows have the same
 * source here either, whatever peers tell. What was seen when are whole seconds of two clocks, so a second
 * is no difference.
 */
#ifndef FAIRLEAD_BPF_PICK_TAKE_NAT_H
#define FAIRLEAD_BPF_PICK_TAKE_NAT_H

#include "pick/record.h"

/* What became of one. */
#define TAKEN 0
#define TAKE_OLD 1 /* what is here is newer */
#define TAKE_CLASH 2 /* a flow of this machine that goes on has its place */
#define TAKE_FULL 3

/* Both ends, or a reset; flags as struct fl_told_nat has them. */
static __always_inline int has_ended(__u16 flags)
{
	const __u16 fins = FL_NAT_FIN | FL_NAT_FIN_OTHER;

	return flags & FL_NAT_RST || (flags & fins) == fins;
}

/* How many seconds that is later than what was last seen of a flow, by both entries if there are two. */
static __always_inline __s32 newer_than(__u32 seen_s, const struct fl_nat_flow *f,
					const struct fl_nat_flow *o)
{
	__s32 newer = (__s32)(seen_s - f->seen_s), other = o ? (__s32)(seen_s - o->seen_s) : newer;

	return newer < other ? newer : other;
}

/*
 * Makes room at the key for a flow that was seen then: 1 if there is none now. One of this machine stays while it
 * goes on; of the `same` client's address and port, which has one connection at a time, the newer one does.
 */
RARE int make_room(const struct fl_nat_key *at, __u32 seen_s, int same)
{
	struct fl_nat_key k __attribute__((aligned(8))), turned;
	struct fl_nat_flow *f, *o;
	const struct fl_service *s;
	__s32 newer;
	__u16 flags;
	int over;

	if (!at)
		return 0;
	k = *at;
	f = bpf_map_lookup_elem(&nat_flows, &k);
	if (!f)
		return 1;
	reply_key(&turned, f, k.proto);
	o = partner_of(&turned, &k, f);
	flags = f->flags;
	newer = newer_than(seen_s, f, o);
	/* Of a pair half is left, and nobody's; by `nat` there is but one. */
	over = !o && !(flags & FL_NAT_BACK);
	if (o)
		flags = flags & FL_NAT_BACK ? pair_flags(o, f) : pair_flags(f, o);
	s = service_at(f->service);
	over |= has_ended(flags) || is_gone(f->backend) ||
		(s && (__s32)(coarse_s() - seen_s) + newer > (__s32)s->idle_s);
	if (!over && (flags & FL_NAT_HERE ? !same || newer <= 1 : newer < -1))
		return 0;
	if (!claim(o && f->flags & FL_NAT_BACK ? o : f))
		return 0;
	/* As everywhere, the client's first. */
	if (o && f->flags & FL_NAT_BACK)
		bpf_map_delete_elem(&nat_flows, &turned);
	bpf_map_delete_elem(&nat_flows, &k);
	if (o)
		bpf_map_delete_elem(&nat_flows, &turned);
	return 1;
}

/*
 * The entry is that flow's: it learns what the peer has seen, so much later. What packets or the peer have said
 * of it stands, unless the peer tells of what is more than a second newer: then it is the peer's, and so
 * refreshed by that alone; and if it has ended here and not there, or was the peer's before, as the peer has it.
 */
static __always_inline void learn_nat(struct fl_nat_flow *f, __u16 flags, __u32 seen_s, __s32 newer,
				      int afresh)
{
	union service_flags was, is;

	was.word = *(volatile __u32 *)&f->service;
	if (was.flags & FL_NAT_DEAD)
		return;
	is = was;
	is.flags = afresh && newer > 1 ? flags : was.flags | flags;
	if (newer > 1)
		is.flags &= ~FL_NAT_HERE;
	/* Lost to a packet: that has seen the flow now, and the peer tells of it again while it does, too. */
	if (is.word != was.word)
		__sync_val_compare_and_swap((__u32 *)&f->service, was.word, is.word);
	if ((__s32)(seen_s - f->seen_s) > 0)
		f->seen_s = seen_s;
}

static __always_inline int insert_nat(const struct fl_nat_key *k, const struct fl_nat_flow *f)
{
	/* Kernels before 6.4 leave the upper half of the result as it was. */
	int rc = (int)bpf_map_update_elem(&nat_flows, k, f, BPF_NOEXIST);

	return !rc ? TAKEN : rc == -EEXIST ? TAKE_OLD : TAKE_FULL;
}

/* Is what a peer has of a flow, when it is newer, all there is to know of it? */
static __always_inline int begins_afresh(__u16 flags, __u16 theirs)
{
	return !(flags & FL_NAT_HERE) || (has_ended(flags) && !has_ended(theirs));
}

/* Full NAT: `from` is the client's entry. */
RARE int take_pair(const struct fl_told_nat *from)
{
	struct fl_nat_key k __attribute__((aligned(8))), turned;
	__u16 theirs, of_client, of_back, here;
	struct fl_nat_flow made, *f, *o;
	int afresh, rc;
	__s32 newer;

	if (!from)
		return TAKE_OLD;
	k = from->key;
	made = from->flow;
	theirs = made.flags;
	of_client = (theirs & (FL_NAT_FIN | FL_NAT_RST)) |
		    (theirs & FL_NAT_SEEN_OTHER ? FL_NAT_SEEN : 0);
	of_back = FL_NAT_BACK | (theirs & (FL_NAT_SEEN | FL_NAT_RST)) |
		  (theirs & FL_NAT_FIN_OTHER ? FL_NAT_FIN : 0);
	made.flags = of_client;
	reply_key(&turned, &made, k.proto);
	f = bpf_map_lookup_elem(&nat_flows, &k);
	o = f && !(f->flags & FL_NAT_BACK) && equal16(f->saddr, made.saddr) &&
			    equal16(f->daddr, made.daddr) && f->sport == made.sport &&
			    f->dport == made.dport && f->backend == made.backend
		    ? partner_of(&turned, &k, f)
		    : NULL;
	if (f && o) {
		here = pair_flags(f, o);
		newer = newer_than(made.seen_s, f, o);
		/* There is but one connection with that source: its end may be told late. */
		if (newer < -1 && (has_ended(here) || !has_ended(theirs)))
			return TAKE_OLD;
		afresh = begins_afresh(here, theirs);
		learn_nat(o, of_back, made.seen_s, newer, afresh);
		learn_nat(f, of_client, made.seen_s, newer, afresh);
		return TAKEN;
	}
	if (!make_room(&turned, made.seen_s, 0) || !make_room(&k, made.seen_s, 1))
		return TAKE_CLASH;
	made.flags = of_back;
	copy16(made.saddr, k.daddr);
	copy16(made.daddr, k.saddr);
	made.sport = k.dport;
	made.dport = k.sport;
	rc = insert_nat(&turned, &made);
	if (rc != TAKEN)
		return rc;
	made.flags = of_client;
	copy16(made.saddr, turned.daddr);
	copy16(made.daddr, turned.saddr);
	made.sport = turned.dport;
	made.dport = turned.sport;
	rc = insert_nat(&k, &made);
	if (rc != TAKEN)
		bpf_map_delete_elem(&nat_flows, &turned);
	return rc;
}

/* `nat`: `from` is the replies' entry, which stands alone. */
RARE int take_lone(const struct fl_told_nat *from)
{
	struct fl_nat_key k __attribute__((aligned(8)));
	struct fl_nat_flow made, *f;
	__s32 newer;

	if (!from)
		return TAKE_OLD;
	k = from->key;
	made = from->flow;
	made.flags &= ~FL_NAT_HERE;
	f = bpf_map_lookup_elem(&nat_flows, &k);
	if (!f || !(f->flags & FL_NAT_BACK) || !equal16(f->saddr, made.saddr) ||
	    !equal16(f->daddr, made.daddr) || f->sport != made.sport || f->dport != made.dport) {
		if (!make_room(&k, made.seen_s, 0))
			return TAKE_CLASH;
		return insert_nat(&k, &made);
	}
	newer = newer_than(made.seen_s, f, NULL);
	/* Of the same addresses and ports there was another connection before, whose end says nothing of this one. */
	if (newer < -1)
		return TAKE_OLD;
	learn_nat(f, made.flags, made.seen_s, newer, begins_afresh(f->flags, made.flags));
	return TAKEN;
}

/* 0, with the counts in the frame; -1: the frame is no struct fl_nat_take. */
static __always_inline int take_nat(struct xdp_md *ctx)
{
	__u32 counts[4] = {};
	struct fl_nat_take *t = frame(ctx);
	struct fl_told_nat one __attribute__((aligned(8)));
	int rc;

	if (!gate_nat || (void *)(t + 1) > frame_end(ctx) || t->n > FL_NAT_TAKE_RECORDS)
		return -1;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < FL_NAT_TAKE_RECORDS; i++) {
		if (i >= t->n)
			break;
		__builtin_memcpy(&one, &t->records[i], sizeof(one));
		rc = one.flow.flags & FL_NAT_BACK ? take_lone(&one) : take_pair(&one);
		counts[rc & 3]++;
	}
	t->done = counts[TAKEN];
	t->clashes = counts[TAKE_CLASH];
	t->full = counts[TAKE_FULL];
	return 0;
}

#endif
