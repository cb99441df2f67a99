/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes of the rules of peer/seats.h: machines that get changes of the configuration early, late and
 * by other ways, start again with and without what they had, and hear of each other in parts, late, or not.
 */
#include <errno.h>

#include "peer/seats.h"
#include "table_fleet.h"

#define MAX_MACHINES 4
#define SLOTS 4096

struct machine {
	struct fleet *f; /* configuration, seats and table */
	struct ledger *ours, *heard[MAX_MACHINES];
	bool tables; /* is computed with each change, which takes its time */
	uint64_t moved; /* slots, by all that happened */
	unsigned int takeovers; /* seats that became others without a change of the configuration */
};

struct world {
	struct machine list[MAX_MACHINES];
	size_t n;
	bool cut[MAX_MACHINES][MAX_MACHINES];
	struct fleet *wanted; /* what the operator wants them all to have */
	uint64_t seed;
};

static struct ledger *nothing(void)
{
	struct ledger *l = ledger__new();

	assert_non_null(l);
	return l;
}

static void set_config(struct fleet *f, const struct fleet *like)
{
	while (f->n)
		fleet__remove(f, 0);
	for (size_t i = 0; i < like->n; i++)
		fleet__add(f, like->ids[i], like->members[i].weight);
}

static struct peer_seats seats_of(const struct machine *m)
{
	return peer_seats__of(m->f->seats);
}

/* What it has, or is to have, with all that it has heard. */
static struct table_seats *decide(const struct machine *m)
{
	struct ledger *heard[MAX_MACHINES];
	struct table_seats *s;
	size_t n = 0;

	for (size_t i = 0; i < MAX_MACHINES; i++) {
		if (m->heard[i])
			heard[n++] = m->heard[i];
	}
	assert_int_equal(peer_seats__next(m->f->seats, m->f->members, m->f->n, SLOTS, "web", heard,
					  n, &s, NULL),
			 0);
	return s;
}

static void sit(struct machine *m, struct table_seats *s)
{
	char(*before)[FL_ID_LEN] = m->tables && m->f->seats ? note_owners(m->f) : NULL;

	table_seats__free(m->f->seats);
	m->f->seats = s;
	if (m->tables)
		fill(m->f);
	if (before)
		m->moved += moved(m->f, before);
	assert_int_equal(peer_seats__tell(m->ours, "web", s), 0);
}

/* Its configuration has changed, or it has just started. */
static void apply(struct machine *m)
{
	sit(m, decide(m));
}

/* It looks at what it has heard; true: its seats are others now. */
static bool follow(struct machine *m)
{
	struct peer_seats was = seats_of(m), is;
	struct table_seats *s = decide(m);

	is = peer_seats__of(s);
	if (peer_seats__compare(&is, &was) == 0) {
		table_seats__free(s);
		return false;
	}
	/* Never back: so there is an end to it. */
	assert_true(peer_seats__compare(&is, &was) > 0);
	assert_true(is.members == was.members);
	m->takeovers++;
	sit(m, s);
	return true;
}

static void drop_some(struct ledger *l, uint64_t *seed)
{
	if (chance_below(seed, 2))
		ledger__remove(l,
			       "tweb\0"
			       "0",
			       6);
	else
		ledger__remove(l, "eweb", 4);
}

/* What `from` tells comes to `to`, all or a part of it. */
static void deliver(struct world *w, size_t from, size_t to, bool whole)
{
	struct machine *m = &w->list[to];

	if (from == to || w->cut[from][to])
		return;
	ledger__free(m->heard[from]);
	m->heard[from] = peer_seats__extract(w->list[from].ours);
	if (!whole)
		drop_some(m->heard[from], &w->seed);
}

static void forget(struct machine *m)
{
	for (size_t i = 0; i < MAX_MACHINES; i++) {
		ledger__free(m->heard[i]);
		m->heard[i] = NULL;
	}
	ledger__free(m->ours);
	m->ours = nothing();
}

/* A start after a kill, over what is pinned: nothing may change by it. */
static void restart(struct machine *m)
{
	struct peer_seats was = seats_of(m), is;
	struct table_seats *s;

	assert_int_equal(table_seats__from(m->f->seats->rows, m->f->seats->n, &s, NULL), 0);
	s->epoch = m->f->seats->epoch;
	table_seats__free(m->f->seats);
	m->f->seats = s;
	forget(m);
	apply(m);
	is = seats_of(m);
	assert_int_equal(peer_seats__compare(&is, &was), 0);
}

/* A start on an empty machine. */
static void start_anew(struct machine *m)
{
	table_seats__free(m->f->seats);
	m->f->seats = NULL;
	forget(m);
	apply(m);
}

static struct world *new_world(size_t machines, size_t backends, uint64_t seed, bool tables)
{
	struct world *w = calloc(1, sizeof(*w));

	w->n = machines;
	w->seed = seed * 2 + 1;
	w->wanted = fleet__new(backends, SLOTS);
	for (size_t i = 0; i < machines; i++) {
		w->list[i].ours = nothing();
		w->list[i].tables = tables;
		w->list[i].f = fleet__new(0, SLOTS);
		set_config(w->list[i].f, w->wanted);
		start_anew(&w->list[i]);
	}
	return w;
}

static void free_world(struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		forget(&w->list[i]);
		ledger__free(w->list[i].ours);
		fleet__free(w->list[i].f);
	}
	fleet__free(w->wanted);
	free(w);
}

static void change_wish(struct world *w)
{
	struct fleet *f = w->wanted;
	uint64_t what = chance_below(&w->seed, 8);
	size_t i = f->n ? chance_below(&w->seed, f->n) : 0;

	if (what < 3 && f->n > 1)
		fleet__remove(f, i);
	else if (what < 6 && f->n < 30)
		fleet__born(f, chance_below(&w->seed, 4) ? 100 : 50);
	else if (what == 6 && f->n > 1) {
		fleet__remove(f, i);
		fleet__born(f, 100);
	} else if (f->n)
		f->members[i].weight = (uint32_t)chance_below(&w->seed, 3) * 100;
}

static bool has(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->ids[i], id) == 0)
			return true;
	}
	return false;
}

/* A step towards what is wanted, of some of the changes, in an order of its own. */
static void approach(struct world *w, struct machine *m)
{
	for (size_t i = m->f->n; i-- > 0;) {
		if (!has(w->wanted, m->f->ids[i]) && chance_below(&w->seed, 2))
			fleet__remove(m->f, i);
	}
	for (size_t i = 0; i < w->wanted->n; i++) {
		if (!has(m->f, w->wanted->ids[i]) && chance_below(&w->seed, 2))
			fleet__add(m->f, w->wanted->ids[i], w->wanted->members[i].weight);
	}
	apply(m);
}

static void obey(struct world *w, struct machine *m)
{
	set_config(m->f, w->wanted);
	apply(m);
}

static void happen(struct world *w)
{
	size_t a = chance_below(&w->seed, w->n), b = chance_below(&w->seed, w->n);
	uint64_t what = chance_below(&w->seed, 32);

	if (what < 5)
		change_wish(w);
	else if (what < 9)
		approach(w, &w->list[a]);
	else if (what < 13)
		obey(w, &w->list[a]);
	else if (what < 24)
		deliver(w, a, b, chance_below(&w->seed, 5) != 0);
	else if (what < 28)
		follow(&w->list[a]);
	else if (what < 30)
		w->cut[a][b] = w->cut[b][a] = chance_below(&w->seed, 2);
	else if (what == 30)
		restart(&w->list[a]);
	else if (chance_below(&w->seed, 4) == 0)
		start_anew(&w->list[a]);
}

static void check_equal(const struct world *w)
{
	struct peer_seats first = seats_of(&w->list[0]);

	fill(w->list[0].f);
	for (size_t i = 1; i < w->n; i++) {
		struct peer_seats other = seats_of(&w->list[i]);

		assert_int_equal(peer_seats__compare(&first, &other), 0);
		fill(w->list[i].f);
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			assert_string_equal(owner_of(w->list[0].f, slot),
					    owner_of(w->list[i].f, slot));
	}
}

/* The greatest of those that they have now. */
static struct peer_seats greatest(const struct world *w)
{
	struct peer_seats best = seats_of(&w->list[0]);

	for (size_t i = 1; i < w->n; i++) {
		struct peer_seats other = seats_of(&w->list[i]);

		if (peer_seats__compare(&other, &best) > 0)
			best = other;
	}
	return best;
}

/* All is healed, each by a neighbour at least, and all get what is wanted. Returns who had to follow. */
static unsigned int settle(struct world *w)
{
	bool chain = chance_below(&w->seed, 2);
	unsigned int followed = 0, quiet = 0;
	struct peer_seats best, end;

	for (size_t i = 0; i < w->n; i++) {
		obey(w, &w->list[i]);
		w->list[i].takeovers = 0;
		for (size_t j = 0; j < w->n; j++)
			w->cut[i][j] = chain && i != j + 1 && j != i + 1;
	}
	best = greatest(w);
	/* In any order, until everybody has heard everybody often enough. */
	for (unsigned int i = 0; i < 400 * w->n && quiet < 60 * w->n; i++) {
		size_t a = chance_below(&w->seed, w->n);

		deliver(w, chance_below(&w->seed, w->n), a, true);
		quiet = follow(&w->list[a]) ? 0 : quiet + 1;
	}
	assert_true(quiet == 60 * w->n);
	check_equal(w);
	end = seats_of(&w->list[0]);
	assert_int_equal(peer_seats__compare(&end, &best), 0);
	for (size_t i = 0; i < w->n; i++) {
		assert_true(w->list[i].takeovers < w->n);
		followed += w->list[i].takeovers != 0;
	}
	/* Somebody had them, and did not move. */
	assert_true(followed < w->n);
	return followed;
}

static void test_histories(void **state)
{
	unsigned int followed = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world *w = new_world(2 + seed % 3, 2 + seed % 9, seed, false);

		for (int again = 0; again < 2; again++) {
			for (int i = 0; i < 80; i++)
				happen(w);
			followed += settle(w);
		}
		free_world(w);
	}
	/* If nobody ever had to follow, this tests nothing. */
	assert_true(followed > 300);
}

static bool same_members(const struct fleet *a, const struct fleet *b)
{
	for (size_t i = 0; i < a->n; i++) {
		if (!has(b, a->ids[i]) ||
		    b->members[fleet__find(b, a->ids[i])].weight != a->members[i].weight)
			return false;
	}
	return a->n == b->n;
}

/*
 * The same changes on all of them, one machine after the other, in the usual way: each has the table of a
 * machine that is alone, and as few slots move. (Configurations that come back are left out: who is late
 * for both would follow who is back already.)
 */
static void roll_out(uint64_t seed)
{
	struct world *w = new_world(2 + seed % 3, 10, seed, true),
		     *alone = new_world(1, 10, seed, true);
	struct fleet *past[13];

	for (int i = 0; i < 12; i++) {
		bool known = true;

		past[i] = calloc(1, sizeof(*past[i]));
		set_config(past[i], w->wanted);
		while (known) {
			change_wish(w);
			known = false;
			for (int j = 0; j <= i; j++)
				known |= same_members(past[j], w->wanted);
		}
		set_config(alone->wanted, w->wanted);
		obey(alone, &alone->list[0]);
		for (size_t k = 0; k < w->n; k++) {
			obey(w, &w->list[(k + seed) % w->n]);
			for (int n = 0; n < 8; n++) {
				size_t a = chance_below(&w->seed, w->n);

				deliver(w, chance_below(&w->seed, w->n), a, true);
				follow(&w->list[a]);
			}
		}
		check_equal(w);
		for (size_t k = 0; k < w->n; k++)
			assert_int_equal(w->list[k].moved, alone->list[0].moved);
	}
	for (int i = 0; i < 12; i++)
		free(past[i]);
	free_world(w);
	free_world(alone);
}

static void test_roll_out(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		roll_out(seed);
}

/* A backend comes and another leaves: one machine hears of it in this order, the other one the other way round. */
static struct world *cross(size_t n, uint64_t seed)
{
	struct world *w = new_world(2, n, seed, true);
	struct fleet *a = w->list[0].f, *b = w->list[1].f;
	size_t goes = chance_below(&w->seed, n);

	fleet__remove(w->wanted, goes);
	set_config(b, w->wanted);
	apply(&w->list[1]);
	fleet__born(w->wanted, 100);
	fleet__add(a, w->wanted->ids[n - 1], 100);
	apply(&w->list[0]);
	obey(w, &w->list[0]);
	w->list[0].moved = w->list[1].moved = 0;
	return w;
}

/* Slots that move on the second machine by its second change, of 1000, and on the first. */
static double moved_by(size_t n, bool told)
{
	double sum = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = cross(n, seed);

		if (told)
			deliver(w, 0, 1, true);
		obey(w, &w->list[1]);
		for (int i = 0; i < 3; i++) {
			deliver(w, 0, 1, true);
			follow(&w->list[1]);
			deliver(w, 1, 0, true);
			assert_false(follow(&w->list[0]));
		}
		check_equal(w);
		assert_int_equal(w->list[0].moved, 0);
		assert_int_equal(w->list[1].takeovers, told ? 0 : 1);
		sum += (double)w->list[1].moved / SLOTS / 20 * 1000;
		free_world(w);
	}
	return sum;
}

/*
 * The price of another order: once, on the one machine that has the lesser seats, what the two tables differ
 * in; and not twice, if it knows before its own slots move.
 */
static void test_cost(void **state)
{
	double told10 = moved_by(10, true), cut10 = moved_by(10, false);
	double told100 = moved_by(100, true), cut100 = moved_by(100, false);

	(void)state;
	assert_true(told10 >= 100 && told10 < 125 && cut10 < 300);
	assert_true(told100 >= 10 && told100 < 45 && cut100 < 65);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_roll_out),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
