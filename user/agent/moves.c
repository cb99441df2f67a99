/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * moves.c - slots that change owner, on the agent's side: docs/transitions.md, user/move/.
 *
 * A service is `settling` from a swap until a grace period has passed: until then packets may read
 * either half, and nothing of it changes. What is due meanwhile is done then, together.
 *
 * What moves needs records, and `flows` has a bound. How many a slot needs is measured while slots
 * move; changes that can wait begin to move only as many slots as half of the map will do for.
 */
#include "agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "move/ramp.h"

/* Between two swaps for the sake of records of peers, for each slot: 33 ms of 65 536. */
#define PIN_PAUSE_NS 512ull

int moves__init(struct agent *a, struct err *err)
{
	struct moves *m = &a->moves;

	/* FL_SLOT_NONE has a place in them, too. */
	m->facts = calloc(FL_MAX_BACKENDS + 1, sizeof(*m->facts));
	m->owned = calloc(FL_MAX_BACKENDS + 1, sizeof(*m->owned));
	m->leaving = calloc(FL_MAX_BACKENDS + 1, sizeof(*m->leaving));
	m->ids = calloc(FL_MAX_SERVICES, sizeof(*m->ids));
	return m->facts && m->owned && m->leaving && m->ids
		       ? 0
		       : err__set(err, -ENOMEM, "out of memory");
}

void moves__free(struct agent *a)
{
	free(a->moves.facts);
	free(a->moves.owned);
	free(a->moves.leaving);
	free(a->moves.ids);
}

/* --- what is known of the members --------------------------------------------------------------- */

struct move_fact moves__fact(const struct member *m)
{
	const struct health *h = &m->health;
	struct move_fact f = {0};

	if (member__is_lost(m))
		return (struct move_fact){
			.flags = MOVE_DOWN,
			.down_s = m->dropped ? m->retired_s : m->lost_s,
		};
	if (h->ruled != FL_HEALTH_SUSPECT)
		f.flags |= MOVE_STAYS;
	if (m->parts && m->weight && !m->retired)
		f.flags |= MOVE_ACCEPTS;
	return f;
}

/* Those that are configured come last: theirs is the word on a backend that has left and come back. */
static void for_members(struct service *s, void (*each)(struct moves *v, struct member *m))
{
	struct moves *v = &s->agent->moves;
	struct member *m;

	TAILQ_FOREACH (m, &s->retired, retired_entry)
		each(v, m);
	for (size_t i = 0; i < s->n_members; i++)
		each(v, s->members[i]);
}

static void state_fact(struct moves *v, struct member *m)
{
	v->facts[m->target->index] = moves__fact(m);
}

static void forget_fact(struct moves *v, struct member *m)
{
	v->facts[m->target->index] = (struct move_fact){0};
}

static void clear_count(struct moves *v, struct member *m)
{
	v->owned[m->target->index] = v->leaving[m->target->index] = 0;
}

static void take_count(struct moves *v, struct member *m)
{
	m->slots = v->owned[m->target->index];
	m->leaving = v->leaving[m->target->index];
	m->target->used |= m->slots != 0;
}

struct move_table moves__table(const struct service *s, const struct move_fact *facts)
{
	const struct config_service *c = s->config;

	return (struct move_table){
		.live = s->slots,
		.words = s->words,
		.n = plane__slots(s->slot_class),
		.facts = facts,
		.now_s = agent__coarse_s(),
		.hold_s = c ? c->hold_ms / 1000 : 0,
		.down_hold_s = c ? c->down_hold_ms / 1000 : 0,
		.full_s = s->agent->moves.pressure.full_s,
		.frozen_s = s->agent->moves.pressure.frozen_s,
		.pin = s->pins,
		.stateless = s->forward == CONFIG_FWD_FULLNAT,
	};
}

static struct move_table table_of(const struct service *s)
{
	return moves__table(s, s->agent->moves.facts);
}

/* Before anything is said to be over. */
static void look_for_pressure(struct agent *a)
{
	int rc = plane__pressure(a->plane, &a->moves.pressure);

	if (rc)
		log_error("cannot read the map 'pressure': %s", strerror(-rc));
}

void moves__recount(struct service *s)
{
	struct moves *v = &s->agent->moves;
	struct move_table t = table_of(s);

	for_members(s, clear_count);
	v->owned[FL_SLOT_NONE] = 0;
	move__count(&t, v->owned, v->leaving);
	for_members(s, take_count);
	s->unserved = v->owned[FL_SLOT_NONE];
}

/* --- how much may move at once ------------------------------------------------------------------ */

/* After each change of what this is made of. */
static void expect(struct service *s)
{
	double was = s->expected, slots = (double)s->sums.moving + (double)s->sums.pinned;

	s->expected = s->per_slot * slots;
	if (s->expected < (double)s->records)
		s->expected = s->records;
	s->agent->moves.expected += s->expected - was;
}

void moves__measure(struct service *s, uint32_t records)
{
	uint32_t slots = s->sums.moving + s->sums.pinned;
	double per_slot = slots ? (double)records / slots : 0;

	s->records = records;
	/* Records gather slowly and go slowly: the most that there were is what the next slot needs. */
	if (per_slot > s->per_slot)
		s->per_slot = per_slot;
	expect(s);
}

uint32_t moves__budget(const struct service *s, double expected)
{
	/* What was moving when the agent began has records, and nobody has counted them yet. */
	if (!s->agent->flow_sweep.counted && s->sums.moving + s->sums.pinned)
		return 0;
	return ramp__budget(s->per_slot, expected);
}

static uint32_t budget(const struct service *s)
{
	return moves__budget(s, s->agent->moves.expected);
}

uint32_t moves__ramp_s(const struct service *s)
{
	const struct config_service *c = s->config;

	/* A slot makes room for another when its connections have been seen, and have ended. */
	return ramp__seconds(s->sums.waiting, s->per_slot,
			     (c->hold_ms + c->idle_ms) / 1000.0 + FL_TENTATIVE_S);
}

/* --- move tables -------------------------------------------------------------------------------- */

static void begin_installing(struct agent *a);

static void install(uv_work_t *work)
{
	struct agent *a = work->data;
	struct moves *v = &a->moves;

	v->rc = plane__moves_install(a->plane, v->ids, v->busy, &v->err);
}

static void installed(uv_work_t *work, int status)
{
	struct agent *a = work->data;
	struct moves *v = &a->moves;

	if (status)
		return; /* cancelled: the agent is stopping */
	if (v->rc) {
		log_error("%s; their services' tables stay as they are; next try in 1 s",
			  v->err.text);
		v->busy = 0;
		return;
	}
	for (uint32_t i = 0; i < v->busy; i++) {
		struct service *s = a->by_id[v->ids[i]];

		s->making = false;
		s->words = plane__moves(a->plane, s->id);
	}
	memmove(v->ids, v->ids + v->busy, (v->n - v->busy) * sizeof(*v->ids));
	v->n -= v->busy;
	v->busy = 0;
	begin_installing(a);
}

static void begin_installing(struct agent *a)
{
	struct moves *v = &a->moves;

	if (v->busy || !v->n)
		return;
	v->work.data = a;
	v->busy = v->n;
	if (uv_queue_work(&a->loop, &v->work, install, installed))
		v->busy = 0;
}

/* Has the move table made, for which the service waits. */
static int make_table(struct service *s, struct err *err)
{
	struct agent *a = s->agent;
	int rc = plane__moves_make(a->plane, s->id, err);

	if (rc)
		return rc;
	a->moves.ids[a->moves.n++] = s->id;
	s->making = true;
	begin_installing(a);
	return 0;
}

/* --- turns -------------------------------------------------------------------------------------- */

static void settled(void *ctx, uint32_t id)
{
	struct agent *a = ctx;
	struct service *s = a->by_id[id];

	if (!s)
		return;
	s->settling = false;
	/* What has gone back to its old owner waits for just this. */
	if (s->sums.moving && !s->sums.next_s)
		s->due_s = agent__coarse_s();
}

void moves__settle(struct service *s)
{
	s->settling = true;
	s->changed_s = agent__coarse_s();
	grace__after(s->agent->grace, settled, s->agent, s->id);
}

static void take_sums(struct service *s, const struct move_sums *sums)
{
	uint32_t waiting = s->sums.waiting;

	s->sums = *sums;
	if (sums->waiting && !waiting)
		log_info("service %s: %" PRIu32 " slots wait to move until others are done: their "
			 "connections would need more records than half of the map 'flows' holds",
			 s->name, sums->waiting);
	s->settle_s = agent__coarse_s() + sums->settle_s;
	s->due_s = sums->next_s == UINT32_MAX ? UINT32_MAX : agent__coarse_s() + sums->next_s;
	expect(s);
	moves__recount(s);
}

/*
 * A machine that takes over from another has the connections of that one, which were established by the
 * table that both have when nothing moves, not by what this one had while its backends came up. Once they have had
 * the same table (`shared`), what it changes to here moves as it does there.
 */
bool moves__is_fresh(const struct service *s)
{
	struct fl_count c;

	return s->config && s->agent->config->n_peers && !s->shared &&
	       !plane__count(s->agent->plane, PLANE_SERVICE, s->id, &c) && !c.packets;
}

/* What is in `next` becomes live; it has the old slots then. False in *swapped: they were equal. */
static int swap_in(struct service *s, uint16_t **next, bool *swapped, struct err *err)
{
	struct agent *a = s->agent;
	uint16_t *old = s->slots;
	int rc;

	*swapped = memcmp(*next, old, plane__slots(s->slot_class) * sizeof(*old)) != 0;
	if (!*swapped)
		return 0;
	rc = plane__slots_write(a->plane, s->id, *next, err);
	if (rc)
		return rc;
	plane__slots_swap(a->plane, s->id);
	a->moves.swapped_ns = uv_hrtime();
	s->slots = *next;
	*next = old;
	s->generation++;
	moves__settle(s);
	return 0;
}

/* `hold` runs from the swap: an agent that stood still before it has its words say so. */
static void stamp_if_late(struct service *s, uint32_t planned_s, const uint16_t *before)
{
	struct move_table t = table_of(s);

	if (t.now_s - planned_s > 1)
		move__stamp(&t, before);
}

void moves__adopt(struct service *s)
{
	struct move_table t = table_of(s);

	/* When the last swap was, nobody knows. */
	move__stamp(&t, NULL);
	moves__settle(s);
	moves__recount(s);
}

int moves__turn(struct service *s, const uint16_t *want, const struct move_count *count,
		struct err *err)
{
	uint16_t *next = malloc(plane__slots(s->slot_class) * sizeof(*next));
	bool ages = want && s->words, swapped = false;
	struct move_sums sums, aged;
	struct move_table t;
	struct err why;
	int rc = 0;

	if (!next)
		return err__set(err, -ENOMEM, "out of memory");
	if (count || ages)
		look_for_pressure(s->agent);
	t = table_of(s);
	t.fresh = moves__is_fresh(s);
	for_members(s, state_fact);
	if (ages) {
		move__age(&t, &aged);
		aged.waiting = s->sums.waiting;
		s->changed_s = t.now_s;
	}
	move__plan(&t, want, count, budget(s), next, &sums);
	if (!t.words && sums.begin) {
		rc = make_table(s, &why);
		if (!rc) {
			rc = -EINPROGRESS;
			goto cleanup;
		}
		/* Rather a service without its old connections than one with dead backends. */
		log_error("%s; the connections of slots that move are not kept", why.text);
		t.stateless = true;
		move__plan(&t, want, count, UINT32_MAX, next, &sums);
	}
	s->agent->moves.planned_ns = uv_hrtime();
	rc = swap_in(s, &next, &swapped, err);
	if (!rc) {
		if (swapped)
			stamp_if_late(s, t.now_s, next);
		/* Where owners stay, those that wait to have another wait on. */
		if (!want)
			sums.waiting = s->sums.waiting;
		take_sums(s, &sums);
		free(s->pins);
		s->pins = NULL;
	} else if (ages) {
		take_sums(s, &aged);
	}
cleanup:
	for_members(s, forget_fact);
	free(next);
	return rc;
}

void moves__pin(struct service *s, uint32_t slot)
{
	uint32_t n = plane__slots(s->slot_class);
	struct move_table t;

	if (slot >= n || s->forward == CONFIG_FWD_FULLNAT)
		return;
	if (s->words && s->slots[slot] & FL_SLOT_DIRTY) {
		t = table_of(s);
		move__touch(&t, slot);
		return;
	}
	if (!s->pins)
		s->pins = calloc((n + 63) / 64, sizeof(*s->pins));
	/* Without memory the record is told again later. */
	if (s->pins)
		move__hold(s->pins, slot);
}

/* The larger the table, the longer it takes, and the more records may come together. */
static bool may_pin(const struct service *s)
{
	return s->pins && !s->settling && !s->making && !s->dismissed_s && s->slots &&
	       uv_hrtime() - s->pinned_ns > plane__slots(s->slot_class) * PIN_PAUSE_NS;
}

bool moves__pin_all(struct agent *a)
{
	struct service *s;
	struct err err;
	bool left = false;
	int rc;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (may_pin(s)) {
			rc = moves__turn(s, NULL, NULL, &err);
			s->pinned_ns = uv_hrtime();
			if (rc && rc != -EINPROGRESS)
				log_error(
					"%s; records of peers are not looked for yet; next try soon",
					err.text);
		}
		left |= s->pins != NULL;
	}
	return left;
}

void moves__age(struct service *s)
{
	struct move_table t;
	uint32_t waiting = s->sums.waiting;
	struct move_sums sums;

	if (!s->words)
		return;
	look_for_pressure(s->agent);
	t = table_of(s);
	for_members(s, state_fact);
	move__age(&t, &sums);
	for_members(s, forget_fact);
	s->changed_s = t.now_s;
	sums.waiting = waiting;
	take_sums(s, &sums);
}

void moves__tick(struct agent *a)
{
	uint32_t now_s = agent__coarse_s();
	struct service *s;

	begin_installing(a);
	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++) {
		/* Time alone makes a leftover one that is gone. */
		if (a->by_index[i])
			target__judge(a, a->by_index[i]);
	}
	TAILQ_FOREACH (s, &a->services, entry) {
		if (s->config && !s->settling && now_s >= s->due_s)
			moves__age(s);
		if (s->sums.waiting && budget(s))
			service__touch(s);
	}
}
