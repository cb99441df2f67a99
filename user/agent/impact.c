/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/impact_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/apply.h"

void impact__free(struct impact *i)
{
	if (!i)
		return;
	table_seats__free(i->before);
	free(i->live);
	free(i->want);
	free(i->later);
	free(i->next);
	free(i->words);
	free(i->facts);
	free(i->shares);
	free(i->takers);
	free(i->taken);
	free(i->rows);
	free(i);
}

/* --- members as they would be --------------------------------------------------------------------- */

/* What stands for members while it is worked out what would become of them. */
struct cast {
	struct agent *agent;
	struct impact *i;
	struct stage st; /* finds those that there are */
	struct service service; /* with the next rules */
	struct member *members; /* as they would be, in the order of i->c->backends */
	bool *fresh; /* that one is nobody's successor */
	bool *claimed; /* by index: one that goes on under the same id */
	uint32_t unused; /* below it, no index is free */
	struct health_time now;
	uint32_t now_s;
};

/* An index that nobody has, for an entry that is not there yet. */
static uint16_t invent(struct cast *k)
{
	while (k->unused < FL_MAX_BACKENDS &&
	       (k->agent->by_index[k->unused] || k->claimed[k->unused]))
		k->unused++;
	if (k->unused == FL_MAX_BACKENDS)
		return 0;
	return (uint16_t)k->unused++;
}

/* One backend of the next configuration, as commit.c would have it. */
static int cast_one(struct cast *k, const struct config *next, size_t at, struct err *err)
{
	const struct config_service *c = k->i->c;
	const struct config_backend *b = &c->backends[at];
	const struct member *like = stage__like(&k->st, b);
	const struct target *t = target__foresee(k->agent, next, c, b, like ? like->target : NULL);
	struct member *m = &k->members[at];
	struct impact_row *row = &k->i->rows[k->i->n_rows++];

	k->fresh[at] = !like;
	m->percent = m->asked = 100;
	m->cap = TABLE_PARTS;
	if (like)
		*m = *like;
	else
		health__begin(&m->health, c->health.start, &k->now);
	m->service = &k->service;
	m->retired = m->dropped = false;
	stage__adapt(m, c, b);
	row->now = t ? (uint16_t)t->index : invent(k);
	if (!row->now)
		return err__set(err, -ENOSPC,
				"the map 'backends' has no room for what would be new: %d entries "
				"are in use",
				FL_MAX_BACKENDS - 1);
	/* Of a service that is another one for packets, a backend is the same if its id and address are. */
	if (like && k->i->effect == REPLACED)
		row->now = (uint16_t)like->target->index;
	row->old = like ? (uint16_t)like->target->index : row->now;
	row->effect = !like ? ADDED : row->old == row->now ? KEPT : REPLACED;
	if (like)
		row->records = flow_sweep__records(k->agent, like);
	memcpy(row->id, b->id, sizeof(row->id));
	k->claimed[row->old] = k->claimed[row->now] = true;
	k->i->takers[at].index = k->i->taken[at].index = row->now;
	return 0;
}

/* Those that leave, or have left and are not done yet. */
static void cast_leaver(struct cast *k, const struct member *m, bool now)
{
	struct impact *i = k->i;
	struct member as = *m;
	struct impact_row *row;

	as.parts = 0;
	if (!m->retired)
		as.retired_s = k->now_s;
	as.retired = true;
	as.dropped |= now;
	i->facts[m->target->index] = moves__fact(&as);
	if (k->claimed[m->target->index])
		return;
	row = &i->rows[i->n_rows++];
	*row = (struct impact_row){
		.effect = REMOVED,
		.old = (uint16_t)m->target->index,
		.now = (uint16_t)m->target->index,
		.records = flow_sweep__records(k->agent, m),
	};
	memcpy(row->id, member__id(m), sizeof(row->id));
	k->claimed[row->old] = true;
}

/* Who takes how much, at once and once all that are new are well. */
static int decide(struct cast *k)
{
	const struct config_service *c = k->i->c;
	size_t n = c->n_backends;
	struct pool_member *list = calloc(n + 1, sizeof(*list));
	uint8_t *parts = calloc(n + 1, sizeof(*parts));
	uint64_t mono_ns = uv_hrtime();

	for (size_t j = 0; list && parts && j < n; j++)
		list[j] = verdict__seen(&k->members[j], mono_ns);
	if (list && parts) {
		pool__decide(list, n, c->health.panic_pct, parts);
		for (size_t j = 0; j < n; j++) {
			k->members[j].parts = k->i->takers[j].parts = parts[j];
			list[j].well |= k->fresh[j];
			list[j].unsure &= !k->fresh[j];
		}
		pool__decide(list, n, c->health.panic_pct, parts);
		for (size_t j = 0; j < n; j++)
			k->i->taken[j].parts = parts[j];
	}
	free(parts);
	free(list);
	return list && parts ? 0 : -ENOMEM;
}

/* All of them, and what is known of each. */
static int cast_all(struct cast *k, const struct config *next, bool now, struct err *err)
{
	const struct service *old = k->st.old;
	struct impact *i = k->i;
	const struct member *m;
	int rc = 0;

	for (size_t j = 0; j < i->c->n_backends && !rc; j++)
		rc = cast_one(k, next, j, err);
	if (rc)
		return rc;
	if (decide(k))
		return err__set(err, -ENOMEM, "out of memory");
	if (!old)
		return 0;
	for (size_t j = 0; j < old->n_members; j++)
		cast_leaver(k, old->members[j], now);
	TAILQ_FOREACH (m, &old->retired, retired_entry)
		cast_leaver(k, m, now);
	/* Last, as theirs is the word on an entry that is left and goes on. */
	for (size_t j = 0; j < i->c->n_backends; j++)
		i->facts[i->takers[j].index] = moves__fact(&k->members[j]);
	return 0;
}

/* --- looking ------------------------------------------------------------------------------------ */

double impact__opened_per_s(const struct service *s)
{
	double sum = 0;

	for (size_t j = 0; j < s->n_members; j++)
		sum += passive__opened_per_s(s->members[j]->target);
	return sum;
}

/* What is measured of the service that runs. */
static void measure(struct impact *i, const struct service *old)
{
	i->per_slot = old->per_slot;
	i->expected = old->expected;
	i->packets_per_s = old->rate.packets_per_s;
	i->watched = old->watch != NULL;
	i->opened_per_s = i->watched ? impact__opened_per_s(old) : 0;
	for (uint32_t slot = 0; i->comparable && slot < i->n; slot++)
		i->served += (i->live[slot] & FL_SLOT_INDEX) != FL_SLOT_NONE;
}

static int copy_table(struct impact *i, const struct service *old, double expected)
{
	if (old && old->seats) {
		i->before = table_seats__copy(old->seats);
		if (!i->before)
			return -ENOMEM;
	}
	if (i->comparable)
		memcpy(i->live, old->slots, i->n * sizeof(*i->live));
	for (uint32_t slot = 0; !i->comparable && slot < i->n; slot++)
		i->live[slot] = FL_SLOT_NONE;
	i->t = (struct move_table){
		.live = i->live, .n = i->n, .facts = i->facts, .stateless = true};
	if (i->effect == KEPT) {
		if (old->words)
			memcpy(i->words, old->words, i->n * sizeof(*i->words));
		i->t = moves__table(old, i->facts);
		i->t.live = i->live;
		i->t.pin = NULL;
		i->t.fresh = moves__is_fresh(old);
		i->budget = moves__budget(old, expected);
	}
	i->t.words = i->words;
	i->t.hold_s = i->c->hold_ms / 1000;
	i->t.down_hold_s = i->c->down_hold_ms / 1000;
	return 0;
}

static bool allocate(struct impact *i, size_t n_rows)
{
	size_t n = i->c->n_backends;

	i->live = calloc(i->n, sizeof(*i->live));
	i->want = calloc(i->n, sizeof(*i->want));
	i->later = calloc(i->n, sizeof(*i->later));
	i->next = calloc(i->n, sizeof(*i->next));
	i->words = calloc(i->n, sizeof(*i->words));
	i->facts = calloc(FL_SLOT_NONE + 1, sizeof(*i->facts));
	i->shares = calloc(FL_SLOT_NONE + 1, sizeof(*i->shares));
	i->takers = calloc(n + 1, sizeof(*i->takers));
	i->taken = calloc(n + 1, sizeof(*i->taken));
	i->rows = calloc(n + n_rows + 1, sizeof(*i->rows));
	return i->live && i->want && i->later && i->next && i->words && i->facts && i->shares &&
	       i->takers && i->taken && i->rows;
}

static size_t count_members(const struct service *s)
{
	size_t n = s ? s->n_members : 0;
	const struct member *m;

	if (s)
		TAILQ_FOREACH (m, &s->retired, retired_entry)
			n++;
	return n;
}

static int look(struct cast *k, const struct config *next, bool now, double expected,
		struct err *err)
{
	struct impact *i = k->i;
	const struct service *old;
	int rc = stage__find(k->agent, &k->st, i->c);

	old = k->st.old;
	k->members = calloc(i->c->n_backends + 1, sizeof(*k->members));
	k->fresh = calloc(i->c->n_backends + 1, sizeof(*k->fresh));
	k->claimed = calloc(FL_SLOT_NONE + 1, sizeof(*k->claimed));
	if (rc || !k->members || !k->fresh || !k->claimed || !allocate(i, count_members(old)))
		return err__set(err, -ENOMEM, "out of memory");
	i->effect = !old ? ADDED : stage__keeps(old, i->c) ? KEPT : REPLACED;
	i->comparable = old && old->slot_class == i->c->slot_class;
	i->idle_s = service__idle_s(i->c);
	if (copy_table(i, old, expected))
		return err__set(err, -ENOMEM, "out of memory");
	if (old)
		measure(i, old);
	return cast_all(k, next, now, err);
}

int impact__look(struct agent *a, const struct config *next, const struct config_service *c,
		 bool now, double expected, struct impact **out, struct err *err)
{
	struct impact *i = calloc(1, sizeof(*i));
	struct cast k = {
		.agent = a,
		.i = i,
		.service = {.agent = a, .health = c->health},
		.unused = 1,
		.now = agent__now(),
		.now_s = agent__coarse_s(),
	};
	int rc;

	if (!i)
		return err__set(err, -ENOMEM, "out of memory");
	i->c = c;
	i->n = plane__slots(c->slot_class);
	rc = look(&k, next, now, expected, err);
	free(k.members);
	free(k.fresh);
	free(k.claimed);
	free(k.st.by_id);
	if (rc) {
		impact__free(i);
		return err__prefix(err, rc, "service '%s'", c->name);
	}
	*out = i;
	return 0;
}

/* --- computing ---------------------------------------------------------------------------------- */

int impact__compute(struct impact *i, struct ledger *const *offers, size_t n_offers,
		    struct err *err)
{
	struct layout layout = {0};
	int rc = apply__lay_out(i->before, i->c, offers, n_offers, &layout, err);

	if (!rc) {
		rc = service__owners(layout.seats, layout.base, i->takers, i->want);
		rc = rc ? rc : service__owners(layout.seats, layout.base, i->taken, i->later);
		if (rc)
			err__set(err, rc, "service '%s': out of memory", i->c->name);
	}
	if (!rc) {
		forecast__share(&i->t, i->want, i->later, i->shares);
		forecast__make(&i->t, i->want, i->later, i->budget, i->next, &i->forecast);
	}
	table_seats__free(layout.seats);
	table_base__free(layout.base);
	return rc;
}

double impact__expects(const struct impact *i)
{
	const struct move_sums *sums = &i->forecast.sums;
	double expected = i->per_slot * ((double)sums->moving + (double)sums->pinned);

	return i->effect == KEPT && expected > i->expected ? expected - i->expected : 0;
}
