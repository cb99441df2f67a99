/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flows.h - the records of connections to slots that are not clean: `flows` and `tentative`.
 *
 * Packets of one flow may be on several CPUs, and the sweeper on another. A record's state is one word,
 * changed by compare-and-swap: who loses has seen what is no more, and lets it be or looks again. A
 * record that another one replaces is made DEAD first: who does that may write, and nobody else; the
 * sweeper deletes only what it made DEAD itself.
 */
#ifndef FAIRLEAD_BPF_PICK_FLOWS_H
#define FAIRLEAD_BPF_PICK_FLOWS_H

#include "observe/count.h"
#include "parse/l4.h"
#include "pick/move.h"
#include "pick/sight.h"
#include "pick/tell.h"

#define STATE_TRIES 3

/* --- clients -------------------------------------------------------------------------------------- */

/*
 * Affinity `source` and `source+port`: where a client's new connections go, NO_INDEX: not known. What is
 * known is brought up to date; `backend`, unless it is NO_INDEX, is where it has just got a record.
 */
RARE __u32 client_goes_to(const struct moving *m, __u32 backend)
{
	struct fl_flow made = {.state = FL_FLOW_ACTIVE, .backend = backend};
	FLOW_KEY(k) = {};
	struct fl_flow *f;
	__u32 state;

	if (!m || m->affinity == FL_AFF_FLOW)
		return NO_INDEX;
	copy16(k.saddr, m->key.saddr);
	k.sport = m->affinity == FL_AFF_SOURCE_PORT ? m->key.sport : 0;
	k.service = m->key.service;
	f = bpf_map_lookup_elem(&flows, &k);
	state = f ? state_of(f) : FL_FLOW_DEAD;
	if (!f || is_dead(state)) {
		made.slot = m->slot;
		made.seen_s = made.born_s = m->now_s;
		if (!gate_explain && !f && backend != NO_INDEX &&
		    !(int)bpf_map_update_elem(&flows, &k, &made, BPF_NOEXIST))
			tell_peers(&k, &made);
		return NO_INDEX;
	}
	if (is_gone(f->backend) || is_idle(f, &k, m->now_s)) {
		if (backend == NO_INDEX || gate_explain)
			return backend;
		f->backend = backend;
	}
	if (gate_explain)
		return f->backend;
	if (f->seen_s != m->now_s)
		f->seen_s = m->now_s;
	if (state != FL_FLOW_ACTIVE)
		__sync_val_compare_and_swap(&f->state, state, FL_FLOW_ACTIVE);
	return f->backend;
}

/* --- tentative records ------------------------------------------------------------------------------ */

static __always_inline int is_answer(const struct moving *m, const struct fl_tentative *t)
{
	if (m->stage != STAGE_ANSWERS || m->now_s - t->seen_s >= FL_TENTATIVE_S)
		return 0;
	if (m->key.proto == IPPROTO_TCP)
		return m->mark != t->fit.isn && fits(&t->fit, m->mark);
	return m->key.proto == IPPROTO_SCTP || m->mark == t->fit.isn;
}

/* The backend of a beginning that was seen before, NO_INDEX: it was not. `anew`: its age starts anew. */
RARE __u32 begun_at(const struct moving *m, __u32 anew)
{
	struct fl_tentative *t;
	FLOW_KEY(k);

	if (!m)
		return NO_INDEX;
	copy_key(&k, m);
	t = bpf_map_lookup_elem(&tentative, &k);
	if (!t || t->fit.isn != m->mark || m->now_s - t->seen_s >= FL_TENTATIVE_S)
		return NO_INDEX;
	if (!gate_explain && anew && t->seen_s != m->now_s)
		t->seen_s = m->now_s;
	return t->backend;
}

RARE int make_tentative(const struct moving *m, __u32 backend)
{
	struct fl_tentative t = {.backend = backend};
	FLOW_KEY(k);

	if (!m)
		return 0;
	copy_key(&k, m);
	t.slot = m->slot;
	t.seen_s = m->now_s;
	t.fit.isn = t.fit.seq = m->mark;
	if (!gate_explain)
		bpf_map_update_elem(&tentative, &k, &t, BPF_ANY);
	count_note(FL_N_TENTATIVE);
	return 0;
}

/* The backend of the tentative record that a later packet fits, with m->fit; NO_INDEX: there is none. */
RARE __u32 answered_at(struct moving *m)
{
	struct fl_tentative *t;
	FLOW_KEY(k);

	if (!m)
		return NO_INDEX;
	copy_key(&k, m);
	t = bpf_map_lookup_elem(&tentative, &k);
	if (!t || !is_answer(m, t))
		return NO_INDEX;
	if (!gate_explain && k.proto == IPPROTO_TCP && is_higher(&t->fit, m->mark))
		t->fit.seq = m->mark;
	m->fit = t->fit;
	return t->backend;
}

/* The tentative record became a record; or it could not, and goes on deciding, its age begun anew. */
RARE int settle_tentative(const struct moving *m, __u32 recorded)
{
	struct fl_tentative *t;
	FLOW_KEY(k);

	if (!m || gate_explain)
		return 0;
	copy_key(&k, m);
	if (recorded) {
		bpf_map_delete_elem(&tentative, &k);
		return 0;
	}
	t = bpf_map_lookup_elem(&tentative, &k);
	if (t && t->seen_s != m->now_s)
		t->seen_s = m->now_s;
	return 0;
}

/* --- making records --------------------------------------------------------------------------------- */

/* A record that is over becomes the one given; 1: it did. */
static __always_inline int replace(const struct fl_flow_key *k, struct fl_flow *f, __u32 state,
				   const struct fl_flow *made)
{
	__u32 dead = (state & ~FL_FLOW_STATE) | FL_FLOW_DEAD;

	if (gate_explain)
		return 1;
	if (__sync_val_compare_and_swap(&f->state, state, dead) != state)
		return 0;
	f->backend = made->backend;
	f->slot = made->slot;
	f->seen_s = made->seen_s;
	f->born_s = made->born_s;
	f->fit = made->fit;
	/* A compare-and-swap comes after the stores before it, on every machine. */
	__sync_val_compare_and_swap(&f->state, dead, made->state);
	if (made->state & FL_FLOW_OLD && !(state & FL_FLOW_OLD))
		source_gains(k);
	else if (state & FL_FLOW_OLD && !(made->state & FL_FLOW_OLD))
		source_loses(k);
	return 1;
}

/* What stands there becomes the record given if it is over; or it says the same already. */
static __always_inline int put_over(const struct fl_flow_key *k, struct fl_flow *f,
				    const struct fl_flow *made)
{
	__u32 state = state_of(f), next;

	if (is_dead(state))
		return 0;
	if (is_over(f, state, k, made->seen_s))
		return replace(k, f, state, made);
	if (!(made->state & FL_FLOW_OLD) || f->backend != made->backend)
		return 0;
	if (gate_explain)
		return 1;
	/* A handshake's record, whose flow was sighted twice where it says. */
	f->seen_s = made->seen_s;
	next = (state & ~(FL_FLOW_STATE | FL_FLOW_YOUNG)) | FL_FLOW_ACTIVE;
	return __sync_val_compare_and_swap(&f->state, state, next) == state;
}

/*
 * A record of where the flow goes. `flags`: FL_FLOW_YOUNG after a handshake, FL_FLOW_OLD for what was
 * there before. 1: it has one; 0: another stands there that is not over, or there is no room.
 */
RARE int make_record(const struct moving *m, __u32 backend, __u32 flags)
{
	struct fl_flow made = {.state = FL_FLOW_ACTIVE | flags, .backend = backend};
	struct fl_flow *f;
	FLOW_KEY(k);
	int rc, stands;

	if (!m)
		return 0;
	copy_key(&k, m);
	made.slot = m->slot;
	made.seen_s = made.born_s = m->now_s;
	made.fit = m->fit;
	if (m->flags & TCP_FIN)
		made.state |= FL_FLOW_FIN;
	if (m->flags & TCP_RST)
		made.state |= FL_FLOW_RST;
	f = bpf_map_lookup_elem(&flows, &k);
	if (f) {
		stands = put_over(&k, f, &made);
	} else if (gate_explain) {
		stands = 1;
	} else {
		/* Kernels before 6.4 leave the upper half of the result as it was. */
		rc = (int)bpf_map_update_elem(&flows, &k, &made, BPF_NOEXIST);
		if (rc && rc != -EEXIST)
			note_full(m->now_s, FL_N_FLOWS_FULL);
		if (!rc && flags & FL_FLOW_OLD)
			source_gains(&k);
		stands = !rc;
	}
	if (stands)
		tell_peers(&k, &made);
	return stands;
}

/* --- following records ------------------------------------------------------------------------------ */

static __always_inline __u32 next_state(const struct moving *m, const struct fl_flow *f,
					__u32 state)
{
	__u32 next = (state & ~(FL_FLOW_STATE | FL_FLOW_COPY)) | FL_FLOW_ACTIVE;

	/* Anybody can send an RST; who goes on after it did not. */
	next = m->flags & TCP_RST ? next | FL_FLOW_RST : next & ~FL_FLOW_RST;
	if (m->flags & TCP_FIN)
		next |= FL_FLOW_FIN;
	if (m->now_s - f->born_s >= FL_REAPPEAR_S)
		next &= ~FL_FLOW_YOUNG;
	return next;
}

static __always_inline __u32 follow(struct moving *m, const struct fl_flow_key *k,
				    struct fl_flow *f, __u32 state)
{
	__u32 backend = *(volatile __u32 *)&f->backend, next, was;

	if (gate_explain)
		return backend;
	if (f->seen_s != m->now_s) {
		*(volatile __u32 *)&f->seen_s = m->now_s;
		m->record |= RECORD_SEEN;
	}
	if (state & FL_FLOW_YOUNG && m->key.proto == IPPROTO_TCP && m->stage != STAGE_OTHER &&
	    is_higher(&f->fit, m->mark))
		*(volatile __u32 *)&f->fit.seq = m->mark;
#pragma clang loop unroll(disable)
	for (int i = 0; i < STATE_TRIES; i++) {
		next = next_state(m, f, state);
		if (next == state)
			break;
		was = __sync_val_compare_and_swap(&f->state, state, next);
		if (was == state) {
			/* Peers have a number of its first second, beyond which it may be soon. */
			if (state & ~next & FL_FLOW_YOUNG)
				tell_peers(k, f);
			break;
		}
		if (is_dead(was))
			return NO_INDEX;
		state = was;
	}
	return backend;
}

/* Does another connection come after a record that is over? */
static __always_inline int is_passed(const struct moving *m, const struct fl_flow_key *k)
{
	const struct fl_tentative *t;

	if (m->stage == STAGE_BEGINS)
		return 1;
	if (m->stage != STAGE_ANSWERS)
		return 0;
	t = bpf_map_lookup_elem(&tentative, k);
	return t && is_answer(m, t);
}

/* Where the flow's record says; NO_INDEX: there is none, or none for this packet. Sets m->record. */
RARE __u32 by_record(struct moving *m)
{
	struct fl_flow *f;
	__u32 state;
	FLOW_KEY(k);

	if (!m)
		return NO_INDEX;
	copy_key(&k, m);
	f = bpf_map_lookup_elem(&flows, &k);
	if (!f)
		return NO_INDEX;
	state = state_of(f);
	if (is_dead(state))
		return NO_INDEX;
	if (is_over(f, state, &k, m->now_s) && is_passed(m, &k)) {
		m->record = RECORD_OVER;
		if (!gate_explain && m->stage == STAGE_BEGINS && !(state & FL_FLOW_PASSED))
			__sync_val_compare_and_swap(&f->state, state, state | FL_FLOW_PASSED);
		return NO_INDEX;
	}
	if (state & FL_FLOW_YOUNG && k.proto == IPPROTO_TCP && m->stage != STAGE_OTHER &&
	    !fits(&f->fit, m->mark)) {
		count_note(FL_N_YOUNG_MISFIT);
		return NO_INDEX;
	}
	return follow(m, &k, f, state);
}

#endif
