/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seats as they are told, read, and chosen from. What comes of it over long histories: peer_seating_test.c. */
#include <errno.h>

#include "peer/seats.h"
#include "table_fleet.h"

/* Backends that have replaced others, and seats that are vacant, so that there is something to be told. */
static struct fleet *worn(size_t n, size_t replaced, size_t vacant)
{
	struct fleet *f = fleet__new(n, 65536);

	for (size_t i = 0; i < replaced; i++)
		fleet__remove(f, 0);
	for (size_t i = 0; i < replaced; i++)
		fleet__born(f, 100);
	fleet__apply(f);
	for (size_t i = 0; i < vacant; i++)
		fleet__remove(f, 1);
	fleet__apply(f);
	assert_int_equal(table_seats__vacant(f->seats), vacant);
	return f;
}

static int read_as(const struct fleet *f, const struct ledger *l, struct table_seats **out)
{
	return peer_seats__read(l, "web", f->members, f->n, f->slots, out);
}

static void check_told(const struct fleet *f, const struct ledger *l)
{
	struct table_seats *back = NULL;
	struct peer_seats told, is = peer_seats__of(f->seats);

	assert_true(peer_seats__told(l, "web", &told));
	assert_int_equal(peer_seats__compare(&told, &is), 0);
	assert_true(told.members == is.members);
	assert_int_equal(read_as(f, l, &back), 0);
	assert_true(table_seats__digest(back) == table_seats__digest(f->seats));
	assert_int_equal(back->epoch, f->seats->epoch);
	assert_memory_equal(back->member, f->seats->member, back->n * sizeof(*back->member));
	table_seats__free(back);
}

static void count(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)value;
	(void)len;
	assert_true(peer_seats__is_key(key, key_len));
	++*(size_t *)ctx;
}

static size_t keys_of(const struct ledger *l)
{
	size_t n = 0;

	ledger__each(l, count, &n);
	return n;
}

static void test_told(void **state)
{
	static const struct {
		size_t n, replaced, vacant, keys;
	} cases[] = {
		{1, 0, 0, 1}, {3, 0, 0, 1},   {3, 1, 0, 2},
		{3, 0, 1, 2}, {300, 0, 0, 1}, {300, 40, 20, 0},
	};
	struct ledger *l = ledger__new();

	(void)state;
	/* One after the other into the same ledger: nothing of the one before may stay. */
	for (size_t i = 0; i < 6; i++) {
		struct fleet *f = worn(cases[i].n, cases[i].replaced, cases[i].vacant);

		assert_int_equal(peer_seats__tell(l, "web", f->seats), 0);
		check_told(f, l);
		if (cases[i].keys)
			assert_int_equal(keys_of(l), cases[i].keys);
		else
			assert_in_range(keys_of(l), 3, 6);
		fleet__free(f);
	}
	ledger__free(l);
}

static struct ledger *tell(const struct fleet *f)
{
	struct ledger *l = ledger__new();

	assert_int_equal(peer_seats__tell(l, "web", f->seats), 0);
	return l;
}

/* Of no service and of some, among other things. */
static void test_extract(void **state)
{
	struct ledger *l = ledger__new(), *only;
	struct fleet *f = worn(20, 5, 2);
	struct table_seats *s;

	(void)state;
	assert_int_equal(ledger__put(l, "v", 1, "1", 1), 0);
	only = peer_seats__extract(l);
	assert_int_equal(keys_of(only), 0);
	assert_int_equal(read_as(f, only, &s), -EAGAIN);
	ledger__free(only);
	assert_int_equal(peer_seats__tell(l, "web", f->seats), 0);
	assert_int_equal(peer_seats__tell(l, "we", f->seats), 0);
	only = peer_seats__extract(l);
	assert_int_equal(keys_of(only), 4);
	check_told(f, only);
	ledger__free(only);
	ledger__free(l);
	fleet__free(f);
}

/* Part of it, or with other backends here: it does not count, and is no error. */
static void test_does_not_count(void **state)
{
	struct fleet *f = worn(20, 5, 2);
	struct ledger *l = tell(f);
	struct table_seats *s;
	size_t len;
	char bytes[LEDGER_VALUE_MAX];
	const void *value = ledger__get(l,
					"tweb\0"
					"0",
					6, &len);

	(void)state;
	assert_non_null(value);
	memcpy(bytes, value, len);
	ledger__remove(l,
		       "tweb\0"
		       "0",
		       6);
	assert_int_equal(read_as(f, l, &s), -EAGAIN);
	assert_int_equal(ledger__put(l,
				     "tweb\0"
				     "0",
				     6, bytes, len),
			 0);
	check_told(f, l);
	f->members[3].weight = 50;
	assert_int_equal(read_as(f, l, &s), -EAGAIN);
	f->members[3].weight = 100;
	fleet__born(f, 100);
	assert_int_equal(read_as(f, l, &s), -EAGAIN);
	fleet__remove(f, f->n - 1);
	check_told(f, l);
	/* One without weight has no seat, here or there. */
	fleet__born(f, 0);
	check_told(f, l);
	fleet__remove(f, f->n - 1);
	/* The one that left is configured here: the seats are the same, but there it is vacant. */
	fleet__add(f, "b6", 100);
	assert_int_equal(read_as(f, l, &s), -EAGAIN);
	ledger__free(l);
	fleet__free(f);
}

/* Genuine seats of these members, which no version of ours would leave: more are vacant than may be. */
static void test_not_ours(void **state)
{
	struct fleet *f = fleet__new(1000, 65536);
	struct table_seats *before = next(f, NULL), *s;
	struct ledger *l = ledger__new();

	(void)state;
	while (f->n > 500)
		fleet__remove(f, 0);
	fleet__apply(f);
	assert_int_equal(table_seats__vacant(f->seats), 0);
	for (size_t i = 0; i < before->n; i++) {
		before->member[i] = TABLE_NONE;
		for (size_t j = 0; j < f->n; j++) {
			if (strcmp(f->ids[j], before->rows[i].holder) == 0)
				before->member[i] = (uint16_t)j;
		}
	}
	assert_int_equal(peer_seats__tell(l, "web", before), 0);
	assert_int_equal(read_as(f, l, &s), -EBADMSG);
	table_seats__free(before);
	ledger__free(l);
	fleet__free(f);
}

/* Whatever a ledger says: what is read is what its digest says, or nothing is. */
static void test_strange(void **state)
{
	struct fleet *f = worn(120, 60, 20);
	struct ledger *l = tell(f);
	unsigned int refused = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		static const char *const keys[] = {"eweb",
						   "tweb\0"
						   "0",
						   "tweb\0"
						   "1"};
		size_t which = chance_below(&f->seed, 3), len, cut;
		size_t key_len = which ? 6 : 4;
		char was[LEDGER_VALUE_MAX], bytes[LEDGER_VALUE_MAX];
		struct table_seats *s = NULL;
		const void *value;
		int rc;

		value = ledger__get(l, keys[which], key_len, &len);
		memcpy(was, value, len);
		memcpy(bytes, was, len);
		for (uint64_t n = chance_below(&f->seed, 3); n < 3; n++)
			bytes[chance_below(&f->seed, len)] = (char)chance_below(&f->seed, 256);
		cut = chance_below(&f->seed, 2) ? len : chance_below(&f->seed, len + 1);
		assert_int_equal(ledger__put(l, keys[which], key_len, bytes, cut), 0);
		rc = read_as(f, l, &s);
		if (rc) {
			assert_true(rc == -EAGAIN || rc == -EBADMSG);
			refused++;
		} else {
			assert_true(table_seats__digest(s) == table_seats__digest(f->seats));
			table_seats__free(s);
		}
		assert_int_equal(ledger__put(l, keys[which], key_len, was, len), 0);
	}
	assert_true(refused > 15000);
	check_told(f, l);
	ledger__free(l);
	fleet__free(f);
}

/* All pairs and triples of a few: total, and the same from both sides. */
static void test_order(void **state)
{
	struct peer_seats all[27];

	(void)state;
	for (unsigned int i = 0; i < 27; i++)
		all[i] = (struct peer_seats){.epoch = i / 9, .n = i / 3 % 3, .digest = i % 3};
	for (int i = 0; i < 27; i++) {
		for (int j = 0; j < 27; j++) {
			int c = peer_seats__compare(&all[i], &all[j]);

			assert_int_equal(c, (i > j) - (i < j));
			assert_int_equal(peer_seats__goes_before(&all[i], &all[j], false), c > 0);
			/* What nobody is served over yet gives way to its own epoch. */
			assert_int_equal(peer_seats__goes_before(&all[i], &all[j], true),
					 i / 9 == j / 9 ? i % 3 != j % 3 : c > 0);
		}
	}
	all[0].members = 1;
	assert_false(peer_seats__goes_before(&all[26], &all[0], false));
	assert_false(peer_seats__goes_before(&all[26], &all[0], true));
}

static uint64_t next_digest(const struct fleet *f, const struct table_seats *old,
			    struct ledger *const *ledgers, size_t n, uint32_t *epoch)
{
	struct table_seats *s;
	uint64_t digest;

	assert_int_equal(
		peer_seats__next(old, f->members, f->n, f->slots, "web", ledgers, n, &s, NULL), 0);
	digest = table_seats__digest(s);
	*epoch = s->epoch;
	table_seats__free(s);
	return digest;
}

/* Which of three it is, in each order in which they may be told. */
static void test_next(void **state)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct fleet *f = worn(10, 3, 1), *fresh = fleet__new(10, 65536), *other = worn(10, 5, 0);
	struct ledger *l[3];
	uint32_t epoch;

	(void)state;
	/* Others have the same backends, by another way. */
	while (fresh->n)
		fleet__remove(fresh, 0);
	while (other->n)
		fleet__remove(other, 0);
	for (size_t i = 0; i < f->n; i++) {
		fleet__add(fresh, f->ids[i], 100);
		fleet__add(other, f->ids[i], 100);
	}
	table_seats__free(fresh->seats);
	fresh->seats = NULL;
	fleet__apply(fresh);
	fleet__apply(other);
	assert_int_equal(fresh->seats->epoch, 1);
	assert_true(f->seats->epoch > 1 && other->seats->epoch > f->seats->epoch);
	l[0] = tell(f);
	l[1] = tell(fresh);
	l[2] = tell(other);
	for (int i = 0; i < 6; i++) {
		struct ledger *in[3] = {l[orders[i][0]], l[orders[i][1]], l[orders[i][2]]};

		assert_true(next_digest(f, f->seats, in, 3, &epoch) ==
			    table_seats__digest(other->seats));
		assert_int_equal(epoch, other->seats->epoch);
		assert_true(next_digest(f, NULL, in, 3, &epoch) ==
			    table_seats__digest(other->seats));
		assert_true(next_digest(other, other->seats, in, 3, &epoch) ==
			    table_seats__digest(other->seats));
		assert_int_equal(epoch, other->seats->epoch);
	}
	/* What can't be read is passed over. */
	ledger__remove(l[2],
		       "tweb\0"
		       "0",
		       6);
	assert_true(next_digest(fresh, NULL, l, 3, &epoch) == table_seats__digest(f->seats));
	/* A change makes a greater epoch, and what is told is for other backends. */
	fleet__born(f, 100);
	next_digest(f, f->seats, l, 3, &epoch);
	assert_int_equal(epoch, f->seats->epoch + 1);
	for (int i = 0; i < 3; i++)
		ledger__free(l[i]);
	fleet__free(f);
	fleet__free(fresh);
	fleet__free(other);
}

/* The last one that there is, and no step back to 0. */
static void test_epochs_end(void **state)
{
	struct fleet *f = worn(5, 0, 0);
	struct ledger *l;

	(void)state;
	f->seats->epoch = UINT32_MAX - 1;
	for (int i = 0; i < 3; i++) {
		fleet__born(f, 100);
		fleet__apply(f);
		assert_int_equal(f->seats->epoch, UINT32_MAX);
	}
	l = tell(f);
	check_told(f, l);
	ledger__free(l);
	fleet__free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),	       cmocka_unit_test(test_extract),
		cmocka_unit_test(test_does_not_count), cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_strange),	       cmocka_unit_test(test_order),
		cmocka_unit_test(test_next),	       cmocka_unit_test(test_epochs_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
