/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/ledger.h"

static uint64_t rnd_state = 0x9e3779b97f4a7c15;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1d;
}

static void put(struct ledger *l, const char *key, const char *value)
{
	assert_int_equal(ledger__put(l, key, strlen(key), value, strlen(value)), 0);
}

static const char *get(const struct ledger *l, const char *key)
{
	static char text[LEDGER_VALUE_MAX + 1];
	size_t len;
	const void *value = ledger__get(l, key, strlen(key), &len);

	if (!value)
		return "(none)";
	memcpy(text, value, len);
	text[len] = '\0';
	return text;
}

/* What a copy was told, as "a=1 b- "; a buffer of the test's. */
static void note(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	char *text = ctx;

	text += strlen(text);
	if (value)
		sprintf(text, "%.*s=%.*s ", (int)key_len, (const char *)key, (int)len,
			(const char *)value);
	else
		sprintf(text, "%.*s- ", (int)key_len, (const char *)key);
}

static void test_follow(void **state)
{
	struct ledger *l = ledger__new(), *copy = ledger__new();
	uint8_t part[LEDGER_PART_MIN], first[LEDGER_PART_MIN];
	char told[256] = "";
	uint64_t upto = 77;
	size_t len, first_len;

	(void)state;
	assert_int_equal(ledger__write(l, 0, part, sizeof(part), &upto), 0);
	assert_int_equal(upto, 77);
	put(l, "a", "1");
	put(l, "b", "2");
	put(l, "a", "1");
	assert_int_equal(ledger__version(l), 2);
	put(l, "a", "3");
	assert_int_equal(ledger__version(l), 3);
	first_len = ledger__write(l, 0, first, sizeof(first), &upto);
	assert_int_equal(upto, 3);
	assert_int_equal(ledger__take(copy, first, first_len, note, told), 0);
	assert_string_equal(told, "b=2 a=3 ");
	assert_int_equal(ledger__version(copy), 3);
	assert_int_equal(ledger__take(copy, first, first_len, note, told), -EALREADY);
	ledger__remove(l, "b", 1);
	ledger__remove(l, "b", 1);
	ledger__remove(l, "c", 1);
	assert_int_equal(ledger__version(l), 4);
	assert_string_equal(get(l, "b"), "(none)");
	put(l, "c", "");
	len = ledger__write(l, 4, part, sizeof(part), &upto);
	assert_int_equal(ledger__take(copy, part, len, note, told), -EAGAIN);
	assert_string_equal(get(copy, "c"), "(none)");
	len = ledger__write(l, 3, part, sizeof(part), &upto);
	told[0] = '\0';
	assert_int_equal(ledger__take(copy, part, len, note, told), 0);
	assert_string_equal(told, "b- c= ");
	assert_string_equal(get(copy, "a"), "3");
	assert_string_equal(get(copy, "b"), "(none)");
	assert_string_equal(get(copy, "c"), "");
	/* An old one that comes late does not turn it back. */
	assert_int_equal(ledger__take(copy, first, first_len, note, told), -EALREADY);
	assert_int_equal(ledger__version(copy), 5);
	ledger__free(l);
	ledger__free(copy);
	ledger__free(NULL);
}

static void test_bounds(void **state)
{
	struct ledger *l = ledger__new();
	char key[LEDGER_KEY_MAX + 1] = {0}, value[LEDGER_VALUE_MAX + 1] = {0};
	uint8_t part[LEDGER_PART_MIN];
	uint64_t upto;

	(void)state;
	assert_int_equal(ledger__put(l, key, sizeof(key), "", 0), -EINVAL);
	assert_int_equal(ledger__put(l, key, 0, "", 0), -EINVAL);
	assert_int_equal(ledger__put(l, key, 1, value, sizeof(value)), -EINVAL);
	for (int i = 0; i < 3; i++) {
		key[0] = (char)i;
		assert_int_equal(ledger__put(l, key, LEDGER_KEY_MAX, value, LEDGER_VALUE_MAX), 0);
	}
	/* The longest entries fit, one at a time. */
	for (uint64_t v = 0; v < 3; v++) {
		assert_int_equal(ledger__write(l, v, part, sizeof(part), &upto), sizeof(part));
		assert_int_equal(upto, v + 1);
	}
	for (uint32_t i = 3; i < LEDGER_ENTRIES; i++)
		assert_int_equal(ledger__put(l, &i, sizeof(i), "", 0), 0);
	assert_int_equal(ledger__put(l, "one more", 8, "", 0), -ENOSPC);
	assert_int_equal(ledger__version(l), LEDGER_ENTRIES);
	/* What is there can still change. */
	key[0] = 0;
	assert_int_equal(ledger__put(l, key, LEDGER_KEY_MAX, "x", 1), 0);
	ledger__free(l);
}

static void test_graves(void **state)
{
	struct ledger *l = ledger__new();
	uint32_t n = 2 * LEDGER_GRAVES;

	(void)state;
	put(l, "stays", "");
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(ledger__put(l, &i, sizeof(i), "", 0), 0);
	for (uint32_t i = 0; i < LEDGER_GRAVES; i++)
		ledger__remove(l, &i, sizeof(i));
	assert_true(ledger__can_follow(l, 1));
	for (uint32_t i = LEDGER_GRAVES; i < n; i++)
		ledger__remove(l, &i, sizeof(i));
	assert_int_equal(ledger__version(l), 1 + 2 * n);
	/* The oldest were forgotten. */
	assert_false(ledger__can_follow(l, 1 + n));
	assert_true(ledger__can_follow(l, ledger__version(l) - LEDGER_GRAVES / 2));
	assert_true(ledger__can_follow(l, ledger__version(l)));
	assert_false(ledger__can_follow(l, ledger__version(l) + 1));
	assert_string_equal(get(l, "stays"), "");
	ledger__free(l);
}

static bool is_kept(void *ctx, const void *key, size_t key_len)
{
	(void)ctx;
	return key_len == 1 && *(const char *)key != 'b';
}

static void test_retain(void **state)
{
	struct ledger *l = ledger__new(), *copy = ledger__new();
	uint8_t part[LEDGER_PART_MIN];
	char told[256] = "";
	uint64_t upto;
	size_t len;

	(void)state;
	ledger__retain(l, is_kept, NULL);
	put(l, "a", "1");
	put(l, "b", "2");
	put(l, "cc", "3");
	put(l, "d", "4");
	len = ledger__write(l, 0, part, sizeof(part), &upto);
	assert_int_equal(ledger__take(copy, part, len, note, told), 0);
	told[0] = '\0';
	ledger__retain(l, is_kept, NULL);
	assert_int_equal(ledger__version(l), 6);
	ledger__retain(l, is_kept, NULL);
	assert_int_equal(ledger__version(l), 6);
	len = ledger__write(l, 4, part, sizeof(part), &upto);
	assert_int_equal(ledger__take(copy, part, len, note, told), 0);
	assert_string_equal(told, "b- cc- ");
	put(l, "b", "5");
	assert_string_equal(get(l, "b"), "5");
	assert_string_equal(get(l, "d"), "4");
	ledger__free(l);
	ledger__free(copy);
}

static void no_note(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)ctx;
	(void)key;
	(void)key_len;
	(void)value;
	(void)len;
}

static void test_malformed(void **state)
{
	struct ledger *l = ledger__new(), *copy = ledger__new();
	uint8_t good[LEDGER_PART_MIN], bad[LEDGER_PART_MIN];
	uint64_t upto;
	size_t len;

	(void)state;
	put(l, "gone", "");
	put(l, "key", "value");
	ledger__remove(l, "gone", 4);
	put(l, "last", "");
	len = ledger__write(l, 0, good, sizeof(good), &upto);
	for (size_t i = 0; i < len; i++) {
		if (i > LEDGER_PART_HEAD && i != LEDGER_PART_HEAD + 12 &&
		    i != LEDGER_PART_HEAD + 20)
			assert_int_equal(ledger__take(copy, good, i, no_note, NULL), -EBADMSG);
	}
	assert_int_equal(ledger__version(copy), 0);
	for (int round = 0; round < 200000; round++) {
		struct ledger *victim = ledger__new();

		memcpy(bad, good, len);
		for (int i = 0; i < 3; i++)
			bad[rnd() % len] = (uint8_t)rnd();
		ledger__take(victim, bad, rnd() % 4 ? len : rnd() % len, no_note, NULL);
		ledger__free(victim);
	}
	ledger__free(l);
	ledger__free(copy);
}

struct sum {
	uint64_t n, sum;
};

static void add_up(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct sum *s = ctx;
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < key_len; i++)
		h = (h ^ ((const uint8_t *)key)[i]) * 1099511628211u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *)value)[i]) * 1099511628211u;
	s->n++;
	s->sum += h;
}

/* What a copy's callbacks say must be what it holds. */
static void count(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	long *n = ctx;

	(void)key;
	(void)key_len;
	(void)len;
	*n += value != NULL;
}

/* A copy that gets parts late, twice, in any order or not at all becomes equal once it gets them. */
static void test_storm(void **state)
{
	enum { KEPT = 32 };
	static struct {
		uint8_t bytes[2048];
		size_t len;
	} kept[KEPT];

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct ledger *l = ledger__new(), *copy = ledger__new();
		struct sum a = {0}, b = {0};
		uint64_t upto;
		long changes = 0;

		memset(kept, 0, sizeof(kept));
		for (int step = 0; step < 2000; step++) {
			uint8_t key = (uint8_t)(rnd() % 60), value[300] = {(uint8_t)rnd()};
			size_t at = rnd() % KEPT;
			/* From where the copy is, or was some time. */
			uint64_t since =
				ledger__version(copy) - rnd() % (1 + ledger__version(copy)) % 5;

			switch (rnd() % 6) {
			case 0:
			case 1:
				assert_int_equal(ledger__put(l, &key, 1, value, rnd() % 300), 0);
				break;
			case 2:
				ledger__remove(l, &key, 1);
				break;
			case 3:
				assert_true(ledger__can_follow(l, since));
				kept[at].len = ledger__write(l, since, kept[at].bytes,
							     LEDGER_PART_MIN + rnd() % 1000, &upto);
				break;
			default:
				if (kept[at].len)
					ledger__take(copy, kept[at].bytes, kept[at].len, count,
						     &changes);
			}
		}
		while ((kept[0].len = ledger__write(l, ledger__version(copy), kept[0].bytes,
						    sizeof(kept[0].bytes), &upto)))
			assert_int_equal(
				ledger__take(copy, kept[0].bytes, kept[0].len, count, &changes), 0);
		assert_int_equal(ledger__version(copy), ledger__version(l));
		ledger__each(l, add_up, &a);
		ledger__each(copy, add_up, &b);
		assert_true(a.n > 10);
		assert_int_equal(a.n, b.n);
		assert_true(a.sum == b.sum);
		assert_true((uint64_t)changes >= a.n);
		ledger__free(l);
		ledger__free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follow),	  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_graves),	  cmocka_unit_test(test_retain),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests_name("peer_ledger", tests, NULL, NULL);
}
