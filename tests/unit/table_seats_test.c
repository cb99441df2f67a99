/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seats: who sits where after any history of configurations, and what a change moves. */
#include "table/seats.h"

#include <errno.h>
#include <math.h>

#include "table_pool.h"

#define MAX_POOL 1200

/* A configuration, the seats of it, and its table when all accept. */
struct fleet {
	size_t n;
	uint32_t slots;
	struct table_member members[MAX_POOL];
	char ids[MAX_POOL][24];
	struct table_seats *seats;
	uint16_t *owner; /* place in `seats`, TABLE_NONE: nobody */
	uint64_t seed;
	unsigned int born; /* backends so far: ids are not used twice, but by who comes back */
};

static void fleet__add(struct fleet *f, const char *id, uint32_t weight)
{
	assert_true(f->n < MAX_POOL);
	snprintf(f->ids[f->n], sizeof(f->ids[0]), "%s", id);
	f->members[f->n].id = f->ids[f->n];
	f->members[f->n++].weight = weight;
}

static void fleet__born(struct fleet *f, uint32_t weight)
{
	char id[24];

	snprintf(id, sizeof(id), "b%u", f->born++);
	fleet__add(f, id, weight);
}

static void fleet__remove(struct fleet *f, size_t i)
{
	f->n--;
	if (i == f->n)
		return;
	memcpy(f->ids[i], f->ids[f->n], sizeof(f->ids[i]));
	f->members[i].weight = f->members[f->n].weight;
}

static size_t fleet__find(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->ids[i], id) == 0)
			return i;
	}
	fail_msg("there is no %s", id);
	return 0;
}

static struct table_seats *next(const struct fleet *f, const struct table_seats *old)
{
	struct table_seats *s = NULL;
	struct err err = {0};

	if (table_seats__next(old, f->members, f->n, f->slots, &s, &err))
		fail_msg("%s", err.text);
	return s;
}

static void fill(struct fleet *f)
{
	uint8_t *parts = calloc(f->seats->n + 1, sizeof(*parts));
	struct table_base *base;
	struct err err = {0};

	for (size_t i = 0; i < f->seats->n; i++)
		parts[i] = f->seats->member[i] != TABLE_NONE ? TABLE_PARTS : 0;
	if (table_seats__base(f->seats, f->slots, &base, &err))
		fail_msg("%s", err.text);
	table__fill(base, parts, f->owner);
	table_base__free(base);
	free(parts);
}

/* The configuration is applied. */
static void fleet__apply(struct fleet *f)
{
	struct table_seats *s = next(f, f->seats);

	table_seats__free(f->seats);
	f->seats = s;
	fill(f);
}

static struct fleet *fleet__new(size_t n, uint32_t slots)
{
	struct fleet *f = calloc(1, sizeof(*f));

	f->slots = slots;
	f->seed = 7;
	f->owner = calloc(slots, sizeof(*f->owner));
	while (f->n < n)
		fleet__born(f, 100);
	fleet__apply(f);
	return f;
}

static void fleet__free(struct fleet *f)
{
	table_seats__free(f->seats);
	free(f->owner);
	free(f);
}

static const char *owner_of(const struct fleet *f, uint32_t slot)
{
	return f->owner[slot] == TABLE_NONE ? "" : f->seats->rows[f->owner[slot]].holder;
}

/* Who owns each slot, as text, to be compared after a change. */
static char (*note_owners(const struct fleet *f))[FL_ID_LEN]
{
	char(*ids)[FL_ID_LEN] = calloc(f->slots, sizeof(*ids));

	for (uint32_t slot = 0; slot < f->slots; slot++)
		snprintf(ids[slot], sizeof(ids[slot]), "%s", owner_of(f, slot));
	return ids;
}

/* Slots that have another owner than they had; frees `before`. */
static uint32_t moved(const struct fleet *f, char (*before)[FL_ID_LEN])
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < f->slots; slot++)
		n += strcmp(before[slot], owner_of(f, slot)) != 0;
	free(before);
	return n;
}

static uint32_t owned(const struct fleet *f, const char *id)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < f->slots; slot++)
		n += strcmp(id, owner_of(f, slot)) == 0;
	return n;
}

static const char *seat_of(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->seats->n; i++) {
		if (f->seats->member[i] != TABLE_NONE && !strcmp(f->seats->rows[i].holder, id))
			return f->seats->rows[i].name;
	}
	return NULL;
}

/* --- one change at a time --------------------------------------------------------------------------- */

/* Who starts anew has the table of the backends themselves, those of weight 0 included. */
static void test_fresh_is_plain(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct pool *p = pool__new(1 + chance_below(&seed, 300), sizes[round % 2]);
		uint16_t *seated = calloc(p->slots, sizeof(*seated));
		struct table_seats *s = NULL;
		struct table_base *base;
		uint8_t *all = calloc(p->n, sizeof(*all));

		memset(all, TABLE_PARTS, p->n);
		pool__random_weights(p, &seed);
		pool__build(p);
		pool__fill(p);
		assert_int_equal(table_seats__next(NULL, p->members, p->n, p->slots, &s, NULL), 0);
		assert_int_equal(table_seats__vacant(s), 0);
		assert_int_equal(table_seats__base(s, p->slots, &base, NULL), 0);
		table__fill(base, all, seated);
		assert_int_equal(table__digest(base, seated), table__digest(p->base, p->table));
		table_base__free(base);
		table_seats__free(s);
		free(all);
		free(seated);
		pool__free(p);
	}
}

/* One for another, at once: the slots of the one are those of the other. */
static void test_replace(void **state)
{
	struct fleet *f = fleet__new(100, 65536);
	char(*before)[FL_ID_LEN] = note_owners(f);
	uint32_t n = owned(f, "b40");

	(void)state;
	fleet__remove(f, 40);
	fleet__add(f, "new", 100);
	fleet__apply(f);
	for (uint32_t slot = 0; slot < f->slots; slot++) {
		if (strcmp(before[slot], owner_of(f, slot)) == 0)
			continue;
		assert_string_equal(before[slot], "b40");
		assert_string_equal(owner_of(f, slot), "new");
	}
	assert_int_equal(moved(f, before), n);
	assert_string_equal(seat_of(f, "new"), "b40");
	assert_int_equal(table_seats__vacant(f->seats), 0);
	fleet__free(f);
}

/* First it goes, then another comes: each time a hundredth of the slots. */
static void test_replace_in_two_steps(void **state)
{
	struct fleet *f = fleet__new(100, 65536);
	char(*before)[FL_ID_LEN] = note_owners(f);
	uint64_t digest = table_seats__digest(f->seats);
	uint32_t n = owned(f, "b40");

	(void)state;
	fleet__remove(f, 40);
	fleet__apply(f);
	assert_int_equal(moved(f, before), n);
	assert_int_equal(table_seats__vacant(f->seats), 1);
	assert_int_equal(table_seats__digest(f->seats), digest);
	before = note_owners(f);
	fleet__add(f, "new", 100);
	fleet__apply(f);
	assert_int_equal(moved(f, before), n);
	assert_int_equal(table_seats__vacant(f->seats), 0);
	assert_int_not_equal(table_seats__digest(f->seats), digest);
	fleet__free(f);
}

/* The table is what it was, whoever else has gone, and whosever the seat was at first. */
static void test_comes_back(void **state)
{
	struct fleet *f = fleet__new(30, 65536);
	char(*before)[FL_ID_LEN];

	(void)state;
	fleet__remove(f, fleet__find(f, "b3"));
	fleet__add(f, "heir", 100);
	fleet__apply(f);
	assert_string_equal(seat_of(f, "heir"), "b3");
	before = note_owners(f);
	for (int i = 10; i < 18; i++) {
		char id[16];

		snprintf(id, sizeof(id), "b%d", i);
		fleet__remove(f, fleet__find(f, id));
	}
	fleet__remove(f, fleet__find(f, "heir"));
	fleet__apply(f);
	assert_int_equal(table_seats__vacant(f->seats), 9);
	fleet__add(f, "heir", 100);
	for (int i = 17; i >= 10; i--) {
		char id[16];

		snprintf(id, sizeof(id), "b%d", i);
		fleet__add(f, id, 100);
	}
	fleet__apply(f);
	assert_int_equal(moved(f, before), 0);
	fleet__free(f);
}

/* Nobody has left: the newcomer has a seat of its own, also where its id is another's seat. */
static void test_new_seats(void **state)
{
	struct fleet *f = fleet__new(3, 4096);

	(void)state;
	fleet__add(f, "b9", 100);
	fleet__apply(f);
	assert_string_equal(seat_of(f, "b9"), "b9");
	fleet__remove(f, fleet__find(f, "b0"));
	fleet__add(f, "heir", 100);
	fleet__add(f, "b0#2", 100);
	fleet__apply(f);
	/* One of the two sits on b0's, the other on its own. */
	fleet__remove(f, fleet__find(f, "heir"));
	fleet__remove(f, fleet__find(f, "b0#2"));
	fleet__apply(f);
	fleet__add(f, "x", 100);
	fleet__add(f, "y", 100);
	fleet__apply(f);
	fleet__add(f, "heir", 100);
	fleet__add(f, "b0", 100);
	fleet__add(f, "b0#2", 100);
	fleet__apply(f);
	assert_int_equal(f->seats->n, 8);
	for (size_t i = 1; i < f->seats->n; i++)
		assert_true(strcmp(f->seats->rows[i - 1].name, f->seats->rows[i].name) < 0);
	assert_string_equal(seat_of(f, "b0"), "b0#3");
	assert_non_null(seat_of(f, "b0#2"));
	fleet__free(f);
}

/* A weight of 0 is as if it had left: nothing but its slots moves, there and back. */
static void test_weight_0(void **state)
{
	struct fleet *f = fleet__new(50, 4096);
	char(*before)[FL_ID_LEN] = note_owners(f), (*first)[FL_ID_LEN] = note_owners(f);
	uint32_t n = owned(f, "b7");

	(void)state;
	f->members[7].weight = 0;
	fleet__apply(f);
	assert_int_equal(moved(f, before), n);
	assert_int_equal(table_seats__vacant(f->seats), 1);
	f->members[7].weight = 100;
	fleet__apply(f);
	assert_int_equal(moved(f, first), 0);
	fleet__free(f);
}

/* Who stays keeps its seat by a new weight; who comes gets the seat of its weight, else the nearest. */
static void test_weights(void **state)
{
	struct fleet *f = fleet__new(40, 65536);

	(void)state;
	f->members[1].weight = 200;
	f->members[2].weight = 300;
	fleet__apply(f);
	assert_string_equal(seat_of(f, "b1"), "b1");
	assert_in_range(owned(f, "b1") * 4300 / 65536, 199, 201);
	fleet__remove(f, fleet__find(f, "b1"));
	fleet__remove(f, fleet__find(f, "b2"));
	fleet__remove(f, fleet__find(f, "b3"));
	fleet__apply(f);
	assert_int_equal(table_seats__vacant(f->seats), 3);
	/* 200 is nearer, but somebody's very weight. */
	fleet__add(f, "a", 240);
	fleet__add(f, "b", 100);
	fleet__add(f, "c", 200);
	fleet__apply(f);
	assert_string_equal(seat_of(f, "a"), "b2");
	assert_string_equal(seat_of(f, "b"), "b3");
	assert_string_equal(seat_of(f, "c"), "b1");
	assert_in_range(owned(f, "a") * 4240 / 65536, 239, 241);
	fleet__free(f);
}

/* All go; then the first comes. */
static void test_nobody(void **state)
{
	struct fleet *f = fleet__new(5, 4096);

	(void)state;
	for (size_t i = 0; i < f->n; i++)
		f->members[i].weight = 0;
	fleet__apply(f);
	for (uint32_t slot = 0; slot < f->slots; slot++)
		assert_int_equal(f->owner[slot], TABLE_NONE);
	f->n = 0;
	fleet__apply(f);
	fleet__add(f, "only", 1);
	fleet__apply(f);
	assert_int_equal(owned(f, "only"), f->slots);
	fleet__free(f);
}

/* --- long histories --------------------------------------------------------------------------------- */

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

/* As another machine, or another version, must compute it. */
static void test_golden(void **state)
{
	struct fleet *f = fleet__new(4, 4096);

	(void)state;
	assert_int_equal(table_seats__digest(NULL), 0);
	fleet__remove(f, 2);
	fleet__remove(f, 1);
	fleet__apply(f);
	fleet__add(f, "b17", 100);
	fleet__add(f, "b18", 150);
	fleet__add(f, "b19", 20);
	fleet__apply(f);
	assert_string_equal(seat_of(f, "b17"), "b2");
	assert_string_equal(seat_of(f, "b18"), "b1");
	assert_string_equal(seat_of(f, "b19"), "b19");
	assert_int_equal(table_seats__digest(f->seats), 0x62c7f48b095c7303);
	fleet__free(f);
}

/* --- refusals --------------------------------------------------------------------------------------- */

static void refuse_rows(const struct fl_seat *rows, size_t n, const char *text)
{
	struct table_seats *s = NULL;
	struct err err = {0};

	assert_int_equal(table_seats__from(rows, n, &s, &err), -EINVAL);
	assert_null(s);
	if (!strstr(err.text, text))
		fail_msg("'%s' is not in: %s", text, err.text);
}

static void test_bad_rows(void **state)
{
	const struct fl_seat good[2] = {{.name = "a", .holder = "x", .weight = 1},
					{.name = "b", .holder = "y", .weight = 65535}};
	struct table_seats *s = NULL;
	struct fl_seat bad[2];

	(void)state;
	assert_int_equal(table_seats__from(good, 2, &s, NULL), 0);
	table_seats__free(s);
	for (int what = 0; what < 7; what++) {
		memcpy(bad, good, sizeof(bad));
		if (what == 0)
			bad[1].name[0] = '\0';
		else if (what == 1)
			bad[1].holder[0] = '\0';
		else if (what == 2)
			bad[1].weight = 0;
		else if (what == 3)
			bad[1].weight = 65536;
		else if (what == 4)
			memset(bad[1].name, 'n', sizeof(bad[1].name));
		else if (what == 5)
			memset(bad[1].holder, 'h', sizeof(bad[1].holder));
		else
			break;
		refuse_rows(bad, 2, "seat 1 of 2 is none");
	}
	strcpy(bad[1].holder, "x");
	refuse_rows(bad, 2, "two seats of 'x'");
	strcpy(bad[1].holder, "y");
	strcpy(bad[1].name, "a");
	refuse_rows(bad, 2, "two seats of 'a'");
}

static void refuse_members(const struct table_member *members, size_t n, const char *text)
{
	struct table_seats *s = NULL;
	struct err err = {0};

	assert_int_equal(table_seats__next(NULL, members, n, 4096, &s, &err), -EINVAL);
	assert_null(s);
	if (!strstr(err.text, text))
		fail_msg("'%s' is not in: %s", text, err.text);
}

static void test_bad_members(void **state)
{
	struct table_member *many = calloc(TABLE_MAX_MEMBERS + 1, sizeof(*many));
	char id[FL_ID_LEN + 1];

	(void)state;
	memset(id, 'i', sizeof(id));
	id[FL_ID_LEN] = '\0';
	many[0] = (struct table_member){.id = "a", .weight = 1};
	many[1] = (struct table_member){.id = "a", .weight = 0};
	refuse_members(many, 2, "two backends have the id 'a'");
	many[1].id = id;
	refuse_members(many, 2, "is not of 1 to 63 bytes");
	many[1].id = "";
	refuse_members(many, 2, "is not of 1 to 63 bytes");
	refuse_members(many, TABLE_MAX_MEMBERS + 1, "32767 backends: at most 32766");
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_is_plain),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_replace_in_two_steps),
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_new_seats),
		cmocka_unit_test(test_weight_0),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_rolling_replacement),
		cmocka_unit_test(test_vacant_are_bounded),
		cmocka_unit_test(test_scaled_down_and_up),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_bad_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
