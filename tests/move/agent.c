/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agent.c - the agent's side: what changes, in which order it is written, and the sweep.
 *
 * Each call of mv_agent__step() is one write to the maps; packets and kills come between any two. A
 * change takes the verdicts as they are when it begins; what comes meanwhile waits for the next one.
 */
#include <stddef.h>
#include <string.h>

#include "fairlead/abi.h"
#include "model.h"

#define FIN_S 60 /* a record's time after FIN, */
#define RST_S 10 /* and RST */

bool mv_agent__accepts(const struct mv_agent *a, uint8_t backend)
{
	return backend && !a->known.down[backend] && !a->known.drained[backend];
}

static uint8_t owner(const struct mv_agent *a, uint32_t slot)
{
	for (int i = 0; i < MV_CANDIDATES; i++) {
		if (mv_agent__accepts(a, a->known.order[slot][i]))
			return a->known.order[slot][i];
	}
	return 0;
}

void mv_agent__kill(struct mv_agent *a)
{
	memset(&a->stage, 0, sizeof(*a) - offsetof(struct mv_agent, stage));
	a->stage = MV_ADOPT;
}

void mv_agent__verdict(struct mv_agent *a, struct mv *m, uint8_t backend, bool down)
{
	if (down && !a->known.down[backend])
		a->known.down_since[backend] = m->now;
	/*
	 * The agent reads records and has them ended in one slice, of milliseconds: no backend comes back and is
	 * lost again in between. The program knows only that it is lost.
	 */
	for (uint32_t f = 0; !down && f < MV_RECORDS; f++)
		a->ends[f] &= a->mark_backend[f] != backend;
	a->known.down[backend] = down;
	m->gone[backend] = down;
}

static uint32_t latest(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static bool hold_is_over(const struct mv_agent *a, const struct mv *m, uint32_t slot)
{
	const struct mv_word *w = &m->word[slot];
	uint32_t from = w->since, hold = m->hold;

	if (m->broken == MV_HOLD_SHORT)
		hold /= 2;
	if (m->broken != MV_HOLD_FROZEN)
		from = latest(from, latest(m->frozen_s, m->full_s));
	if (a->known.down[w->prev]) {
		uint32_t down = m->broken == MV_HOLD_DOWN ? w->since : a->known.down_since[w->prev];

		if (m->now - down > m->down_hold)
			return true;
	}
	return m->now - from > hold;
}

/* PINNED may end: no tentative record can be left, and no record is. */
static bool may_be_clean(const struct mv *m, uint32_t slot)
{
	const struct mv_word *w = &m->word[slot];

	if (!mv__live(m, slot).dirty || !w->pinned)
		return false;
	if (m->broken == MV_CLEAN_EARLY)
		return true;
	return m->now - latest(w->since, m->full_s) > FL_TENTATIVE_S && !m->slot_records[slot];
}

/* Is there anything to change? Fixes what this change is about. */
static bool decide(struct mv_agent *a, const struct mv *m)
{
	bool any = false;

	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		a->target[s] = owner(a, s);
		a->clean[s] = a->target[s] == mv__live(m, s).cur && may_be_clean(m, s);
		any |= a->clean[s] || a->target[s] != mv__live(m, s).cur;
	}
	return any;
}

/* The word of one slot before the swap. */
static void write_word(const struct mv_agent *a, struct mv *m, uint32_t slot)
{
	const struct mv_slot old = m->half[m->broken == MV_WORDS_LATE ? !m->live : m->live][slot];
	struct mv_word *w = &m->word[slot];

	if (a->target[slot] == old.cur || !old.cur)
		return;
	if (old.dirty && !w->pinned && m->broken != MV_PREV_REPLACED) {
		w->since = m->now;
		w->accepts = mv_agent__accepts(a, w->prev);
		if (m->broken == MV_BACK_EARLY && a->target[slot] == w->prev)
			w->pinned = true;
		return;
	}
	*w = (struct mv_word){
		.prev = old.cur, .since = m->now, .accepts = mv_agent__accepts(a, old.cur)};
}

static void fill_idle_half(const struct mv_agent *a, struct mv *m)
{
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		struct mv_slot old = mv__live(m, s);
		bool moves = a->target[s] != old.cur && old.cur;

		m->half[!m->live][s] = (struct mv_slot){
			.cur = a->target[s],
			.dirty = (old.dirty || moves) && !a->clean[s],
		};
	}
}

/* The swap may have come long after the words: hold runs from now. */
static void stamp(const struct mv_agent *a, struct mv *m, bool all)
{
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		bool moved = m->half[!m->live][s].cur != m->half[m->live][s].cur;

		if (m->broken != MV_STALE && mv__live(m, s).dirty && !m->word[s].pinned &&
		    (all || moved)) {
			m->word[s].since = m->now;
			m->word[s].accepts = mv_agent__accepts(a, m->word[s].prev);
		}
	}
}

/* After the grace period: a slot that has got prev back. */
static void write_back(struct mv *m, uint32_t slot)
{
	struct mv_word *w = &m->word[slot];

	if (!mv__live(m, slot).dirty || w->pinned || w->prev != mv__live(m, slot).cur)
		return;
	w->pinned = true;
	w->since = m->now;
}

/* Words that change by time or a verdict alone, one store each. */
static void keep_words(const struct mv_agent *a, struct mv *m)
{
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		struct mv_word *w = &m->word[s];

		if (!mv__live(m, s).dirty || w->pinned)
			continue;
		w->accepts = mv_agent__accepts(a, w->prev);
		if (!hold_is_over(a, m, s))
			continue;
		w->pinned = true;
		w->since = m->now;
		return;
	}
}

static void next(struct mv_agent *a, enum mv_stage stage)
{
	a->stage = stage;
	a->at = 0;
}

/* One slot of a stage that goes over all slots; after the last one comes `then`. */
static uint32_t next_slot(struct mv_agent *a, enum mv_stage then)
{
	uint32_t slot = a->at++;

	if (a->at == MV_SLOTS)
		next(a, then);
	return slot;
}

void mv_agent__step(struct mv_agent *a, struct mv *m)
{
	bool late = m->broken == MV_WORDS_LATE;

	switch (a->stage) {
	case MV_ADOPT:
		stamp(a, m, true);
		next(a, MV_IDLE);
		break;
	case MV_IDLE:
		if (decide(a, m)) {
			next(a, late ? MV_FILL : MV_WORDS);
			break;
		}
		keep_words(a, m);
		/* What a killed agent left: MOVING with cur = prev. */
		for (uint32_t s = 0; s < MV_SLOTS; s++)
			write_back(m, s);
		break;
	case MV_WORDS:
		write_word(a, m, next_slot(a, late ? MV_BACK : MV_FILL));
		break;
	case MV_FILL:
		fill_idle_half(a, m);
		next(a, MV_SWAP);
		break;
	case MV_SWAP:
		m->live = !m->live;
		next(a, MV_GRACE);
		break;
	case MV_GRACE:
		stamp(a, m, false);
		next(a, late ? MV_WORDS : MV_BACK);
		break;
	case MV_BACK:
		write_back(m, next_slot(a, MV_IDLE));
		break;
	}
}

static bool past_its_time(const struct mv_agent *a, const struct mv *m, const struct mv_record *r)
{
	uint32_t limit = m->idle, from = r->seen_s;

	if (r->rst)
		limit = RST_S;
	else if (r->fin)
		limit = FIN_S;
	if (m->now - from > limit)
		return true;
	if (!a->known.down[r->backend])
		return false;
	if (m->broken != MV_SWEEP_DOWN)
		from = latest(from, a->known.down_since[r->backend]);
	return m->now - from > m->down_hold;
}

/* UDP: whoever sends is not told that nobody is there. */
static bool has_lost(const struct mv_agent *a, const struct mv *m, const struct mv_record *r)
{
	return m->proto != MV_TCP && (r->life == MV_ACTIVE || r->life == MV_DYING) &&
	       a->known.down[r->backend] && m->now - a->known.down_since[r->backend] > m->down_hold;
}

void mv_sweep__read(struct mv_agent *a, const struct mv *m)
{
	for (uint32_t f = 0; f < MV_RECORDS; f++) {
		const struct mv_record *r = &m->record[f];

		a->ends[f] = f < MV_FLOWS && has_lost(a, m, r);
		a->marks[f] = r->life == MV_ACTIVE && !a->ends[f] && past_its_time(a, m, r);
		a->deletes[f] = r->life == MV_DEAD ||
				(r->life == MV_DYING && !a->ends[f] && past_its_time(a, m, r));
		a->mark_seen_s[f] = r->seen_s;
		a->mark_backend[f] = r->backend;
	}
}

void mv_sweep__apply(struct mv_agent *a, struct mv *m)
{
	for (uint32_t f = 0; f < MV_RECORDS; f++) {
		struct mv_record *r = &m->record[f];
		bool blind = m->broken == MV_SWEEP_BLIND;
		bool same = blind || r->seen_s == a->mark_seen_s[f];

		if (a->marks[f] && r->life == MV_ACTIVE && same)
			r->life = MV_DYING;
		if (a->deletes[f] &&
		    (r->life == MV_DYING || r->life == MV_DEAD || (blind && r->life != MV_NONE))) {
			r->life = MV_DEAD;
			a->erases[f] = true;
		}
		if (a->ends[f] && has_lost(a, m, r) && r->backend == a->mark_backend[f]) {
			r->life = MV_DEAD;
			a->erases[f] = true;
		}
		a->marks[f] = a->deletes[f] = a->ends[f] = false;
	}
}

void mv_sweep__erase(struct mv_agent *a, struct mv *m)
{
	for (uint32_t f = 0; f < MV_RECORDS; f++) {
		if (a->erases[f])
			mv__forget(m, f);
		a->erases[f] = false;
	}
}
