/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seats over long histories of configurations: what holds whatever happens, and what a machine elsewhere has. */
#include <math.h>

#include "table_fleet.h"

/* The standard deviation of shares that the header allows, by its own formula. */
static void check_vacant(const struct fleet *f)
{
	size_t n = table_seats__vacant(f->seats);
	double vacant = 0, all = 0, v;

	for (size_t i = 0; i < f->seats->n; i++) {
		all += f->seats->rows[i].weight;
		if (f->seats->member[i] == TABLE_NONE)
			vacant += f->seats->rows[i].weight;
	}
	if (!n)
		return;
	v = vacant / all;
	assert_true(sqrt(v * (1 - v) * (double)f->seats->n / f->slots) <= 1.0 / 32 + 1e-9);
}

static void check_seated(const struct fleet *f)
{
	size_t held = 0;

	for (size_t i = 0; i < f->n; i++) {
		const char *seat = seat_of(f, f->ids[i]);

		assert_true((seat != NULL) == (f->members[i].weight != 0));
		held += seat != NULL;
	}
	assert_int_equal(held, f->seats->n - table_seats__vacant(f->seats));
	for (size_t i = 0; i < f->seats->n; i++) {
		uint16_t m = f->seats->member[i];

		if (i)
			assert_true(strcmp(f->seats->rows[i - 1].name, f->seats->rows[i].name) < 0);
		if (m == TABLE_NONE)
			continue;
		assert_string_equal(f->ids[m], f->seats->rows[i].holder);
		assert_int_equal(f->members[m].weight, f->seats->rows[i].weight);
	}
}

/* Another machine has the rows in another order, and the file's lines too; it comes to the same. */
static void check_elsewhere(struct fleet *f, const struct table_seats *old, uint64_t digest)
{
	struct table_seats *theirs = NULL, *s, *again;
	struct fl_seat *rows = calloc(old->n + 1, sizeof(*rows));
	struct fleet other = *f;

	for (size_t i = 0; i < old->n; i++) {
		size_t j = chance_below(&f->seed, i + 1);

		rows[i] = rows[j];
		rows[j] = old->rows[i];
	}
	for (size_t i = other.n; i > 1; i--) {
		size_t j = chance_below(&f->seed, i);
		struct table_member m = other.members[i - 1];

		other.members[i - 1] = other.members[j];
		other.members[j] = m;
	}
	assert_int_equal(table_seats__from(rows, old->n, &theirs, NULL), 0);
	assert_int_equal(table_seats__digest(theirs), table_seats__digest(old));
	s = next(&other, theirs);
	assert_int_equal(table_seats__digest(s), digest);
	/* An agent that was killed after it wrote them, and starts anew, changes nothing. */
	again = next(&other, s);
	assert_int_equal(table_seats__digest(again), digest);
	table_seats__free(again);
	table_seats__free(s);
	table_seats__free(theirs);
	free(rows);
}

static bool same_base(const struct table_seats *a, const struct table_seats *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->rows[i].name, b->rows[i].name) ||
		    a->rows[i].weight != b->rows[i].weight)
			return false;
	}
	return true;
}

/* Has it slots in this configuration? */
static bool takes_part(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->ids[i], id) == 0)
			return f->members[i].weight != 0;
	}
	return false;
}

/* With the same base, slots go from who has left, and to who has come. */
static void check_moves(const struct fleet *was, const struct fleet *f, char (*before)[FL_ID_LEN])
{
	for (uint32_t slot = 0; slot < f->slots; slot++) {
		const char *now = owner_of(f, slot);

		if (!strcmp(before[slot], now) || !takes_part(f, before[slot]))
			continue;
		if (takes_part(was, now))
			fail_msg("slot %u moved from %s to %s, which both stay", slot, before[slot],
				 now);
	}
}

static void change(struct fleet *f, size_t usual)
{
	uint64_t what = chance_below(&f->seed, 10), several = 1;

	if (chance_below(&f->seed, 4) == 0)
		several += chance_below(&f->seed, usual / 4 + 1);
	while (several--) {
		size_t i = f->n ? chance_below(&f->seed, f->n) : 0;

		if (what < 3 && f->n > 1)
			fleet__remove(f, i);
		else if (what < 6 && f->n < usual + usual / 2)
			fleet__born(f, chance_below(&f->seed, 5) ? 100 : 50);
		else if (what == 6 && f->n)
			f->members[i].weight = chance_below(&f->seed, 3) ? 100 : 0;
		else if (what == 7 && f->n)
			f->members[i].weight = 1 + (uint32_t)chance_below(&f->seed, 300);
		else if (f->n) {
			fleet__remove(f, i);
			fleet__born(f, 100);
		}
	}
}

static void run_history(size_t n, uint32_t slots, unsigned int changes)
{
	struct fleet *f = fleet__new(n, slots), *was = calloc(1, sizeof(*was));
	unsigned int kept = 0;

	f->seed = n * 31 + slots;
	for (unsigned int c = 0; c < changes; c++) {
		struct table_seats *old;
		char(*before)[FL_ID_LEN] = note_owners(f);

		*was = *f;
		change(f, n);
		old = f->seats;
		f->seats = NULL;
		f->seats = next(f, old);
		fill(f);
		check_seated(f);
		check_vacant(f);
		check_elsewhere(f, old, table_seats__digest(f->seats));
		if (same_base(old, f->seats)) {
			check_moves(was, f, before);
			kept++;
		}
		table_seats__free(old);
		free(before);
	}
	/* Most changes are of the kind that needs no other base, or the seats are for nothing. */
	assert_true(kept > changes / 4);
	fleet__free(f);
	free(was);
}

static void test_histories(void **state)
{
	(void)state;
	run_history(2, 4096, 300);
	run_history(3, 65536, 60);
	run_history(10, 4096, 600);
	run_history(60, 4096, 400);
	run_history(60, 65536, 60);
	run_history(300, 65536, 40);
	run_history(700, 4096, 60);
}

/* A fleet is replaced server by server, twice over: it is the same base all along. */
static void test_rolling_replacement(void **state)
{
	struct fleet *f = fleet__new(60, 4096);
	struct table_seats *first = next(f, NULL);

	(void)state;
	for (int i = 0; i < 120; i++) {
		fleet__remove(f, chance_below(&f->seed, f->n));
		if (i % 2)
			fleet__apply(f);
		fleet__born(f, 100);
		fleet__apply(f);
		assert_true(same_base(first, f->seats));
	}
	assert_int_equal(table_seats__vacant(f->seats), 0);
	table_seats__free(first);
	fleet__free(f);
}

/* Servers leave for good, one by one: seats stay vacant until they make shares uneven, and go then. */
static void test_vacant_are_bounded(void **state)
{
	struct fleet *f = fleet__new(1000, 65536);
	size_t most = 0;
	unsigned int drops = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct table_seats *s;
		size_t vacant;

		fleet__remove(f, 0);
		s = next(f, f->seats);
		vacant = table_seats__vacant(s);
		drops += s->n < f->seats->n;
		assert_true(vacant == 0 || vacant > table_seats__vacant(f->seats));
		most = vacant > most ? vacant : most;
		table_seats__free(f->seats);
		f->seats = s;
	}
	assert_in_range(most, 60, 75);
	assert_in_range(drops, 2, 3);
	fleet__free(f);
}

/* Among a few, any number may be vacant: 30 leave, and 30 others come. */
static void test_scaled_down_and_up(void **state)
{
	struct fleet *f = fleet__new(40, 65536);
	struct table_seats *first = next(f, NULL);

	(void)state;
	for (int i = 0; i < 30; i++)
		fleet__remove(f, 0);
	fleet__apply(f);
	assert_int_equal(table_seats__vacant(f->seats), 30);
	for (int i = 0; i < 30; i++)
		fleet__born(f, 100);
	fleet__apply(f);
	assert_true(same_base(first, f->seats));
	table_seats__free(first);
	fleet__free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_rolling_replacement),
		cmocka_unit_test(test_vacant_are_bounded),
		cmocka_unit_test(test_scaled_down_and_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
