/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seats.c - who sits where after a change of the configuration. */
#include "table/seats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/internal.h"

/* The square of how uneven shares may be by vacant seats: a standard deviation of 1/32. */
#define UNEVEN_PART 1024

/* A configured backend. */
struct entrant {
	const char *id;
	uint32_t weight;
	uint16_t ordinal; /* its place among the caller's members */
	bool seated; /* or needs no seat */
};

/* A seat that somebody may take. */
struct vacancy {
	size_t row;
	uint64_t hash; /* of its name */
};

/* What the steps below share. */
struct seating {
	struct table_seats *seats; /* as they become: room for all old ones and all members */
	struct entrant *entrants; /* sorted by id */
	size_t n_entrants;
	struct vacancy *vacant;
	size_t n_vacant;
};

static struct table_seats *allocate(size_t room)
{
	struct table_seats *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->rows = calloc(room + 1, sizeof(*s->rows));
	s->member = calloc(room + 1, sizeof(*s->member));
	if (s->rows && s->member)
		return s;
	table_seats__free(s);
	return NULL;
}

void table_seats__free(struct table_seats *s)
{
	if (!s)
		return;
	free(s->rows);
	free(s->member);
	free(s);
}

struct table_seats *table_seats__copy(const struct table_seats *s)
{
	struct table_seats *copy = allocate(s->n);

	if (!copy)
		return NULL;
	copy->n = s->n;
	copy->epoch = s->epoch;
	memcpy(copy->rows, s->rows, s->n * sizeof(*s->rows));
	memcpy(copy->member, s->member, s->n * sizeof(*s->member));
	return copy;
}

/* `out` has FL_ID_LEN bytes, and the id less. */
static void set_holder(char *out, const char *id)
{
	memset(out, 0, FL_ID_LEN);
	strcpy(out, id);
}

/* --- rows of others ----------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct fl_seat *)a)->name, ((const struct fl_seat *)b)->name);
}

static int compare_holders(const void *a, const void *b)
{
	return strcmp(((const struct fl_seat *)a)->holder, ((const struct fl_seat *)b)->holder);
}

static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	return len > 0 && len < size;
}

/* Sorts them. */
static const char *twice(struct table_seats *s)
{
	qsort(s->rows, s->n, sizeof(*s->rows), compare_holders);
	for (size_t i = 1; i < s->n; i++) {
		if (!compare_holders(&s->rows[i - 1], &s->rows[i]))
			return s->rows[i].holder;
	}
	qsort(s->rows, s->n, sizeof(*s->rows), compare_rows);
	for (size_t i = 1; i < s->n; i++) {
		if (!compare_rows(&s->rows[i - 1], &s->rows[i]))
			return s->rows[i].name;
	}
	return NULL;
}

int table_seats__from(const struct fl_seat *rows, size_t n, struct table_seats **out,
		      struct err *err)
{
	struct table_seats *s = allocate(n);
	const char *clash;
	int rc;

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct fl_seat *r = &rows[i];

		if (!is_text(r->name, sizeof(r->name)) || !is_text(r->holder, sizeof(r->holder)) ||
		    !r->weight || r->weight > 65535) {
			rc = err__set(err, -EINVAL, "seat %zu of %zu is none", i, n);
			goto cleanup;
		}
		strcpy(s->rows[i].name, r->name);
		strcpy(s->rows[i].holder, r->holder);
		s->rows[i].weight = r->weight;
		s->member[i] = TABLE_NONE;
	}
	s->n = n;
	clash = twice(s);
	if (clash) {
		rc = err__set(err, -EINVAL, "there are two seats of '%s'", clash);
		goto cleanup;
	}
	*out = s;
	return 0;
cleanup:
	table_seats__free(s);
	return rc;
}

/* --- who is there ------------------------------------------------------------------------------- */

static int compare_entrants(const void *a, const void *b)
{
	return strcmp(((const struct entrant *)a)->id, ((const struct entrant *)b)->id);
}

static int list_entrants(struct seating *st, const struct table_member *members, size_t n,
			 struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_text(members[i].id, FL_ID_LEN))
			return err__set(err, -EINVAL, "the backend id '%s' is not of 1 to %d bytes",
					members[i].id, FL_ID_LEN - 1);
		st->entrants[i] = (struct entrant){
			.id = members[i].id,
			.weight = members[i].weight,
			.ordinal = (uint16_t)i,
		};
	}
	st->n_entrants = n;
	qsort(st->entrants, n, sizeof(*st->entrants), compare_entrants);
	for (size_t i = 1; i < n; i++) {
		if (!compare_entrants(&st->entrants[i - 1], &st->entrants[i]))
			return err__set(err, -EINVAL, "two backends have the id '%s'",
					st->entrants[i].id);
	}
	return 0;
}

static struct entrant *find_entrant(const struct seating *st, const char *id)
{
	struct entrant key = {.id = id};

	return bsearch(&key, st->entrants, st->n_entrants, sizeof(key), compare_entrants);
}

/* Who has a seat keeps it, and has it for the weight that is configured now. */
static void keep_holders(struct seating *st)
{
	struct table_seats *s = st->seats;

	for (size_t i = 0; i < st->n_entrants; i++)
		st->entrants[i].seated = !st->entrants[i].weight;
	for (size_t i = 0; i < s->n; i++) {
		struct entrant *e = find_entrant(st, s->rows[i].holder);

		s->member[i] = TABLE_NONE;
		if (!e || e->seated)
			continue;
		e->seated = true;
		s->rows[i].weight = e->weight;
		s->member[i] = e->ordinal;
	}
}

/* --- those who come ----------------------------------------------------------------------------- */

static void list_vacant(struct seating *st)
{
	const struct table_seats *s = st->seats;

	for (size_t i = 0; i < s->n; i++) {
		if (s->member[i] == TABLE_NONE)
			st->vacant[st->n_vacant++] = (struct vacancy){
				.row = i,
				.hash = table_id__hash(s->rows[i].name),
			};
	}
}

static uint32_t distance(uint32_t a, uint32_t b)
{
	return a < b ? b - a : a - b;
}

/* The place in `vacant` of the seat that suits best, n_vacant: none. */
static size_t choose(const struct seating *st, const struct entrant *e, bool any_weight)
{
	const struct fl_seat *rows = st->seats->rows, *best_row = NULL;
	uint64_t hash = table_id__hash(e->id), best_draw = 0;
	uint32_t best_away = 0;
	size_t best = st->n_vacant;

	for (size_t i = 0; i < st->n_vacant; i++) {
		const struct fl_seat *row = &rows[st->vacant[i].row];
		uint32_t away = distance(row->weight, e->weight);
		uint64_t draw;

		if ((away && !any_weight) || (best_row && away > best_away))
			continue;
		draw = table_mix(st->vacant[i].hash ^ hash);
		if (best_row && away == best_away &&
		    (draw > best_draw || (draw == best_draw && compare_rows(row, best_row) > 0)))
			continue;
		best = i;
		best_row = row;
		best_away = away;
		best_draw = draw;
	}
	return best;
}

static void take_vacant(struct seating *st, bool any_weight)
{
	struct table_seats *s = st->seats;

	for (size_t i = 0; i < st->n_entrants && st->n_vacant; i++) {
		struct entrant *e = &st->entrants[i];
		size_t place = e->seated ? st->n_vacant : choose(st, e, any_weight), row;

		if (place == st->n_vacant)
			continue;
		row = st->vacant[place].row;
		st->vacant[place] = st->vacant[--st->n_vacant];
		set_holder(s->rows[row].holder, e->id);
		s->rows[row].weight = e->weight;
		s->member[row] = e->ordinal;
		e->seated = true;
	}
}

/* For one whose name no seat among the first n, which are sorted, has. */
static bool add_seat(struct table_seats *s, size_t n, struct entrant *e, unsigned int nth)
{
	struct fl_seat row = {.weight = e->weight};

	snprintf(row.name, sizeof(row.name), nth > 1 ? "%s#%u" : "%s", e->id, nth);
	if (bsearch(&row, s->rows, n, sizeof(row), compare_rows))
		return false;
	set_holder(row.holder, e->id);
	s->rows[s->n++] = row;
	e->seated = true;
	return true;
}

/*
 * First those that get their id for a name, since that may be what a number makes of another's. Names
 * with a number can't clash with each other.
 */
static void make_seats(struct seating *st)
{
	struct table_seats *s = st->seats;
	size_t before = s->n, sorted;

	for (size_t i = 0; i < st->n_entrants; i++) {
		if (!st->entrants[i].seated)
			add_seat(s, before, &st->entrants[i], 1);
	}
	qsort(s->rows, s->n, sizeof(*s->rows), compare_rows);
	sorted = s->n;
	for (size_t i = 0; i < st->n_entrants; i++) {
		for (unsigned int nth = 2; !st->entrants[i].seated; nth++)
			add_seat(s, sorted, &st->entrants[i], nth);
	}
	if (s->n == before)
		return;
	qsort(s->rows, s->n, sizeof(*s->rows), compare_rows);
	keep_holders(st);
}

/* --- what is vacant ----------------------------------------------------------------------------- */

/* Whether the vacant seats may stay: v (1 - v) seats / slots <= 1 / UNEVEN_PART. */
static bool is_even(const struct table_seats *s, uint32_t slots)
{
	uint64_t vacant = 0, taken = 0, all;

	for (size_t i = 0; i < s->n; i++)
		*(s->member[i] == TABLE_NONE ? &vacant : &taken) += s->rows[i].weight;
	all = vacant + taken;
	return (unsigned __int128)vacant * taken * s->n * UNEVEN_PART <=
	       (unsigned __int128)all * all * slots;
}

static void drop_vacant(struct table_seats *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->member[i] == TABLE_NONE)
			continue;
		s->rows[kept] = s->rows[i];
		s->member[kept++] = s->member[i];
	}
	s->n = kept;
}

/* Theirs if they are the old ones. */
static uint32_t epoch_after(const struct table_seats *old, const struct table_seats *s)
{
	uint32_t epoch = old ? old->epoch : 0;

	return epoch + (epoch < UINT32_MAX && table_seats__digest(s) != table_seats__digest(old));
}

int table_seats__next(const struct table_seats *old, const struct table_member *members, size_t n,
		      uint32_t slots, struct table_seats **out, struct err *err)
{
	size_t before = old ? old->n : 0;
	struct seating st = {.seats = allocate(before + n)};
	int rc = -ENOMEM;

	st.entrants = calloc(n + 1, sizeof(*st.entrants));
	st.vacant = calloc(before + 1, sizeof(*st.vacant));
	if (!st.seats || !st.entrants || !st.vacant)
		err__set(err, rc, "out of memory");
	else if (n > TABLE_MAX_MEMBERS)
		rc = err__set(err, -EINVAL, "%zu backends: at most %d", n, TABLE_MAX_MEMBERS);
	else
		rc = list_entrants(&st, members, n, err);
	if (rc)
		goto cleanup;
	if (before)
		memcpy(st.seats->rows, old->rows, before * sizeof(*old->rows));
	st.seats->n = before;
	keep_holders(&st);
	list_vacant(&st);
	take_vacant(&st, false);
	take_vacant(&st, true);
	make_seats(&st);
	if (st.seats->n > TABLE_MAX_MEMBERS || !is_even(st.seats, slots))
		drop_vacant(st.seats);
	st.seats->epoch = epoch_after(old, st.seats);
	*out = st.seats;
	st.seats = NULL;
cleanup:
	table_seats__free(st.seats);
	free(st.entrants);
	free(st.vacant);
	return rc;
}

/* --- what is made of them ----------------------------------------------------------------------- */

int table_seats__base(const struct table_seats *s, uint32_t slots, struct table_base **out,
		      struct err *err)
{
	struct table_member *as_members = calloc(s->n + 1, sizeof(*as_members));
	int rc;

	if (!as_members)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		as_members[i].id = s->rows[i].name;
		as_members[i].weight = s->rows[i].weight;
	}
	rc = table_base__new(as_members, s->n, slots, out, err);
	free(as_members);
	return rc;
}

size_t table_seats__vacant(const struct table_seats *s)
{
	size_t vacant = 0;

	for (size_t i = 0; i < s->n; i++)
		vacant += s->member[i] == TABLE_NONE;
	return vacant;
}

uint64_t table_seats__digest(const struct table_seats *s)
{
	uint64_t d = 0;

	for (size_t i = 0; s && i < s->n; i++) {
		const struct fl_seat *r = &s->rows[i];

		d = table_mix(d + i + table_id__hash(r->name));
		d = table_mix(d ^ table_id__hash(r->holder)) + r->weight;
	}
	return d;
}
