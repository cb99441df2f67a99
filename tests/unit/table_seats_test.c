/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seats: who sits where after one change of a configuration, and what it moves. */
#include <errno.h>

#include "table_fleet.h"

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
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_bad_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
