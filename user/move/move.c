/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "move/move.h"

#include <string.h>

uint32_t move__since(uint32_t word, uint32_t now_s)
{
	return (now_s - (word >> FL_MOVE_SINCE_SHIFT)) & FL_MOVE_SINCE_MASK;
}

static uint32_t word_of(uint32_t prev, uint32_t flags, uint32_t now_s)
{
	return prev | flags | (now_s & FL_MOVE_SINCE_MASK) << FL_MOVE_SINCE_SHIFT;
}

static uint32_t accepts(const struct move_table *t, uint32_t prev)
{
	return t->facts[prev].flags & MOVE_ACCEPTS ? FL_MOVE_ACCEPTS : 0;
}

static void store(const struct move_table *t, uint32_t slot, uint32_t word)
{
	if (t->words && t->words[slot] != word)
		__atomic_store_n(&t->words[slot], word, __ATOMIC_RELEASE);
}

static bool is_dirty(const struct move_table *t, uint32_t slot)
{
	return t->words && t->live[slot] & FL_SLOT_DIRTY;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Seconds since something happened; for ever if it never has. */
static uint32_t elapsed(uint32_t at_s, uint32_t now_s)
{
	return at_s ? now_s - at_s : UINT32_MAX;
}

/* A time is over when more seconds than it has have passed: both ends were cut off to whole ones. */
static uint32_t rest(uint32_t age, uint32_t time)
{
	return age > time ? 0 : time + 1 - age;
}

/* Seconds that a MOVING slot has left. */
static uint32_t left(const struct move_table *t, uint32_t word)
{
	const struct move_fact *prev = &t->facts[word & FL_MOVE_PREV];
	uint32_t age = move__since(word, t->now_s), seconds;

	/* What began at prev without a record, or found no room for one, has all of hold, too. */
	age = least(age, elapsed(t->full_s, t->now_s));
	age = least(age, elapsed(t->frozen_s, t->now_s));
	seconds = rest(age, t->hold_s);
	if (prev->flags & MOVE_DOWN)
		seconds = least(seconds, rest(t->now_s - prev->down_s, t->down_hold_s));
	return seconds;
}

static void count_state(const struct move_table *t, uint16_t slot, uint32_t word,
			struct move_sums *sums)
{
	uint32_t seconds;

	if (!(slot & FL_SLOT_DIRTY))
		return;
	if (word & FL_MOVE_PINNED) {
		sums->pinned++;
		return;
	}
	sums->moving++;
	/* Back at prev: to be PINNED as soon as nobody reads the other half. */
	seconds = (slot & FL_SLOT_INDEX) == (word & FL_MOVE_PREV) ? 0 : left(t, word);
	if (seconds < sums->next_s)
		sums->next_s = seconds;
	if (seconds > sums->settle_s)
		sums->settle_s = seconds;
}

/* The word of a slot that goes from `cur` to `want`; its present one does if nothing else is said. */
static uint32_t moved(const struct move_table *t, uint32_t word, bool dirty, uint32_t cur,
		      uint32_t want)
{
	uint32_t prev = word & FL_MOVE_PREV;

	if (!dirty || word & FL_MOVE_PINNED)
		/* Nothing was established where there was nobody. */
		return cur == FL_SLOT_NONE ? word : word_of(cur, accepts(t, cur), t->now_s);
	/* With prev as the new owner it becomes PINNED, but not before the swap (move__age()). */
	return want == prev ? word : word_of(prev, accepts(t, prev), t->now_s);
}

/* Whether the slot's state is such that it costs records to move it, which it does not yet. */
static bool begins(uint32_t word, bool dirty, uint32_t cur)
{
	return cur != FL_SLOT_NONE && (!dirty || word & FL_MOVE_PINNED);
}

static bool may_clean(const struct move_table *t, const struct move_count *count, uint32_t slot,
		      uint32_t word)
{
	/* Seconds between the last change and the count: it has to have been PINNED all the time. */
	uint32_t age = move__since(word, t->now_s), passed = t->now_s - count->began_s;

	/* Where `flows` was full, a handshake that has ended is tentative still. */
	age = least(age, elapsed(t->full_s, t->now_s));
	return word & FL_MOVE_PINNED && age > passed && age - passed > FL_TENTATIVE_S &&
	       !move__held(count->held, slot);
}

/* One slot that stays with its owner. */
static uint16_t stay(const struct move_table *t, const struct move_count *count, uint32_t slot,
		     uint32_t word, struct move_sums *sums)
{
	uint16_t live = t->words ? t->live[slot] : t->live[slot] & FL_SLOT_INDEX;

	if (live & FL_SLOT_DIRTY && count && may_clean(t, count, slot, word)) {
		sums->cleaned++;
		return live & FL_SLOT_INDEX;
	}
	return live;
}

static bool is_to_be_pinned(const struct move_table *t, uint32_t slot)
{
	return t->pin && !t->stateless && !is_dirty(t, slot) && move__held(t->pin, slot);
}

/* A CLEAN one of which a peer has told records. */
static uint16_t pin(const struct move_table *t, uint32_t slot, uint32_t owner, uint32_t *word,
		    struct move_sums *sums)
{
	/* Without words there must be some first. */
	sums->begin += !t->words;
	*word = word_of(owner, FL_MOVE_PINNED, t->now_s);
	store(t, slot, *word);
	return (uint16_t)(owner | FL_SLOT_DIRTY);
}

void move__plan(const struct move_table *t, const uint16_t *want, const struct move_count *count,
		uint32_t budget, uint16_t *out, struct move_sums *sums)
{
	*sums = (struct move_sums){.next_s = UINT32_MAX};
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t cur = t->live[i] & FL_SLOT_INDEX, word = t->words ? t->words[i] : 0;
		bool dirty = is_dirty(t, i), starts = begins(word, dirty, cur);

		if (!want || want[i] == cur) {
			out[i] = is_to_be_pinned(t, i) ? pin(t, i, cur, &word, sums)
						       : stay(t, count, i, word, sums);
			count_state(t, out[i], word, sums);
			continue;
		}
		if (t->stateless) {
			out[i] = want[i];
			continue;
		}
		if ((!dirty && cur == FL_SLOT_NONE) || (t->fresh && starts)) {
			out[i] = is_to_be_pinned(t, i)
					 ? pin(t, i, want[i], &word, sums)
					 : (uint16_t)(want[i] | (dirty ? FL_SLOT_DIRTY : 0));
			count_state(t, out[i], word, sums);
			continue;
		}
		if (starts && t->facts[cur].flags & MOVE_STAYS) {
			if (!budget) {
				sums->waiting++;
				out[i] = stay(t, count, i, word, sums);
				count_state(t, out[i], word, sums);
				continue;
			}
			budget--;
		}
		sums->begin += starts;
		word = moved(t, word, dirty, cur, want[i]);
		store(t, i, word);
		out[i] = want[i] | FL_SLOT_DIRTY;
		count_state(t, out[i], word, sums);
	}
}

void move__age(const struct move_table *t, struct move_sums *sums)
{
	*sums = (struct move_sums){.next_s = UINT32_MAX};
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t cur = t->live[i] & FL_SLOT_INDEX, word, prev;

		if (!is_dirty(t, i))
			continue;
		word = t->words[i];
		prev = word & FL_MOVE_PREV;
		if (!(word & FL_MOVE_PINNED)) {
			if (prev == cur || !left(t, word))
				word = word_of(prev, FL_MOVE_PINNED, t->now_s);
			else
				word = (word & ~FL_MOVE_ACCEPTS) | accepts(t, prev);
			store(t, i, word);
		}
		count_state(t, t->live[i], word, sums);
	}
}

void move__stamp(const struct move_table *t, const uint16_t *before)
{
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t word;

		if (!is_dirty(t, i) || t->words[i] & FL_MOVE_PINNED ||
		    (before && (before[i] ^ t->live[i]) % FL_SLOT_DIRTY == 0))
			continue;
		word = t->words[i];
		store(t, i, word_of(word & FL_MOVE_PREV, word & FL_MOVE_ACCEPTS, t->now_s));
	}
}

void move__touch(const struct move_table *t, uint32_t slot)
{
	uint32_t word = t->words[slot];

	if (word & FL_MOVE_PINNED)
		store(t, slot,
		      word_of(word & FL_MOVE_PREV, word & (FL_MOVE_PINNED | FL_MOVE_ACCEPTS),
			      t->now_s));
}

void move__count(const struct move_table *t, uint32_t *owned, uint32_t *leaving)
{
	for (uint32_t i = 0; i < t->n; i++) {
		owned[t->live[i] & FL_SLOT_INDEX]++;
		if (is_dirty(t, i) && !(t->words[i] & FL_MOVE_PINNED))
			leaving[t->words[i] & FL_MOVE_PREV]++;
	}
}
