/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of two operators' words holds: the same on both machines, and the one that was said last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "fairlead/abi.h"
#include "peer/facts.h"
#include "peer/word.h"

static const struct peer_word nothing = {0, FL_ADMIN_NONE, 100};

static void test_said_last_holds(void **state)
{
	struct peer_word was = nothing, is;

	(void)state;
	/* Twice around, so that the number begins anew. */
	for (int n = 0; n < 600; n++, was = is) {
		is = (struct peer_word){peer_word__next(was.number), FL_ADMIN_NONE, 100};
		assert_int_not_equal(is.number, 0);
		assert_true(peer_word__is_newer(&is, &was));
		assert_false(peer_word__is_newer(&was, &is));
	}
}

/* While the machines do not hear each other, one of them may be up to 127 words ahead. */
static void test_ahead(void **state)
{
	(void)state;
	for (unsigned int from = 1; from <= 255; from++) {
		struct peer_word was = {(uint8_t)from, FL_ADMIN_DISABLE, 0}, is = was;

		for (int n = 1; n <= 127; n++) {
			is = (struct peer_word){peer_word__next(is.number), FL_ADMIN_NONE, 100};
			assert_true(peer_word__is_newer(&is, &was));
			assert_false(peer_word__is_newer(&was, &is));
		}
	}
}

/* Of any two words one holds, on both machines, or they are the same. */
static void test_one_of_two(void **state)
{
	static const uint8_t percents[] = {0, 50, 100};

	(void)state;
	for (unsigned int i = 0; i < 256 * 9; i++) {
		for (unsigned int j = 0; j < 256 * 9; j++) {
			const struct peer_word a = {(uint8_t)(i / 9), i % 3, percents[i / 3 % 3]},
					       b = {(uint8_t)(j / 9), j % 3, percents[j / 3 % 3]};
			bool same = i == j || (!a.number && !b.number);

			assert_int_equal(peer_word__is_newer(&a, &b) + peer_word__is_newer(&b, &a),
					 !same);
		}
	}
}

static void test_the_more_cautious_of_two_at_once(void **state)
{
	const struct peer_word in = {7, FL_ADMIN_NONE, 100}, less = {7, FL_ADMIN_NONE, 50},
			       drained = {7, FL_ADMIN_DRAIN, 100},
			       disabled = {7, FL_ADMIN_DISABLE, 100};

	(void)state;
	assert_true(peer_word__is_newer(&less, &in));
	assert_true(peer_word__is_newer(&drained, &less));
	assert_true(peer_word__is_newer(&disabled, &drained));
}

static void test_told(void **state)
{
	const struct peer_word said = {255, FL_ADMIN_DISABLE, 100};
	struct ledger *l = ledger__new();
	struct peer_word read;

	(void)state;
	assert_non_null(l);
	assert_false(peer_facts__word(l, "web", "b1", &read));
	assert_int_equal(peer_facts__set_word(l, "web", "b1", &said), 0);
	assert_true(peer_facts__word(l, "web", "b1", &read));
	assert_memory_equal(&read, &said, sizeof(said));
	assert_false(peer_facts__word(l, "web", "b2", &read));
	assert_false(peer_facts__word(l, "we", "b1", &read));
	/* Of a later version, or nonsense. */
	assert_int_equal(ledger__put(l, "oweb\0b3", 7, "\x01\x03\x64", 3), 0);
	assert_false(peer_facts__word(l, "web", "b3", &read));
	assert_int_equal(ledger__put(l, "oweb\0b3", 7, "\x01\x01\x65", 3), 0);
	assert_false(peer_facts__word(l, "web", "b3", &read));
	assert_int_equal(ledger__put(l, "oweb\0b3", 7, "\x01\x01", 2), 0);
	assert_false(peer_facts__word(l, "web", "b3", &read));
	assert_int_equal(ledger__put(l, "oweb\0b3", 7, "\x01\x01\x64\x01", 4), 0);
	assert_true(peer_facts__word(l, "web", "b3", &read));
	assert_true(peer_facts__is_word("oweb\0b3", 7) && !peer_facts__is_word("bweb\0b3", 7) &&
		    !peer_facts__is_word("", 0));
	ledger__free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said_last_holds),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_one_of_two),
		cmocka_unit_test(test_the_more_cautious_of_two_at_once),
		cmocka_unit_test(test_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
