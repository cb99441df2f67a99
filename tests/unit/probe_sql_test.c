/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What databases say of their replication, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/sql.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* --- rows of MariaDB and MySQL ------------------------------------------------------------------ */

static void test_one_source(void **state)
{
	static const char *const io[] = {"Yes", "No", "Connecting", "Preparing", "", NULL};
	static const char *const sql[] = {"Yes", "No", "yes", "", NULL};
	static const struct {
		const char *text;
		bool good;
		uint64_t ms;
	} behind[] = {
		{"0", true, 0},
		{"3", true, 3000},
		{"86400", true, 86400000},
		{NULL, false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"3x", false, 0},
		{"99999999999999999999", false, 0},
		{"NULL", false, 0},
		{"18446744073709551615", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(io); i++)
		for (size_t j = 0; j < COUNT(sql); j++)
			for (size_t k = 0; k < COUNT(behind); k++) {
				struct sql_state s = {.read_only = false};

				sql_state__add_source(&s, io[i], sql[j], behind[k].text);
				assert_true(s.follows);
				assert_int_equal(s.unknown, i || j || !behind[k].good);
				assert_int_equal(s.lag_ms, i || j ? 0 : behind[k].ms);
				if (!s.unknown)
					continue;
				assert_string_equal(s.why,
						    j	? "its SQL thread does not run"
						    : i ? "it is not connected to its source"
							: "it does not know how far it is behind");
			}
}

/* Of several sources the worst counts, in any order. */
static void test_many_sources(void **state)
{
	struct sql_state s = {.read_only = true};

	(void)state;
	sql_state__add_source(&s, "Yes", "Yes", "2");
	sql_state__add_source(&s, "Yes", "Yes", "7");
	sql_state__add_source(&s, "Yes", "Yes", "1");
	assert_false(s.unknown);
	assert_int_equal(s.lag_ms, 7000);
	sql_state__add_source(&s, "Connecting", "Yes", NULL);
	sql_state__add_source(&s, "Yes", "No", NULL);
	sql_state__add_source(&s, "Yes", "Yes", "0");
	assert_true(s.unknown);
	assert_string_equal(s.why, "it is not connected to its source");
}

/* --- the row of PostgreSQL ---------------------------------------------------------------------- */

static void test_recovery(void **state)
{
	static const struct {
		const char *in, *all, *receives, *age;
		bool sense;
		struct sql_state wanted;
	} rows[] = {
		/* A primary: the other columns are NULL, or say nothing. */
		{"f", NULL, "f", NULL, true, {.read_only = false}},
		{"f", NULL, NULL, NULL, true, {.read_only = false}},
		{"f", "t", "t", "99999", true, {.read_only = false}},
		/* A standby that has replayed all it was sent: a quiet primary is no lag. */
		{"t", "t", "t", "99999", true, {.read_only = true, .follows = true}},
		{"t", "t", "t", NULL, true, {.read_only = true, .follows = true}},
		/* One that has more to replay, or is sent nothing any more. */
		{"t", "f", "t", "1234", true, {.read_only = true, .follows = true, .lag_ms = 1234}},
		{"t", "t", "f", "1234", true, {.read_only = true, .follows = true, .lag_ms = 1234}},
		{"t",
		 NULL,
		 "f",
		 "1234",
		 true,
		 {.read_only = true, .follows = true, .lag_ms = 1234}},
		{"t", NULL, NULL, "7", true, {.read_only = true, .follows = true, .lag_ms = 7}},
		/* Its clock is behind the primary's. */
		{"t", "f", "t", "-40", true, {.read_only = true, .follows = true}},
		{"t", "f", "t", NULL, true, {.read_only = true, .follows = true, .unknown = true}},
		{"t", "f", "f", NULL, true, {.read_only = true, .follows = true, .unknown = true}},
		/* No such answers. */
		{NULL, "t", "t", "1", false, {.read_only = false}},
		{"x", "t", "t", "1", false, {.read_only = false}},
		{"tt", "t", "t", "1", false, {.read_only = false}},
		{"t", "yes", "t", "1", false, {.read_only = false}},
		{"t", "t", "", "1", false, {.read_only = false}},
		{"t", "f", "t", "", false, {.read_only = false}},
		{"t", "f", "t", "1.5", false, {.read_only = false}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sql_state s = {.read_only = false};

		assert_int_equal(sql_state__of_recovery(&s, rows[i].in, rows[i].all,
							rows[i].receives, rows[i].age),
				 rows[i].sense);
		if (!rows[i].sense)
			continue;
		assert_int_equal(s.read_only, rows[i].wanted.read_only);
		assert_int_equal(s.follows, rows[i].wanted.follows);
		assert_int_equal(s.unknown, rows[i].wanted.unknown);
		assert_int_equal(s.lag_ms, rows[i].wanted.lag_ms);
		if (s.unknown)
			assert_string_equal(s.why, "it has replayed no transaction yet");
	}
}

/* --- verdicts ----------------------------------------------------------------------------------- */

static void judged(const struct sql_state *s, enum config_role role, uint32_t max_lag_ms,
		   enum probe_outcome wanted, const char *detail)
{
	struct config_probe args = {.role = role, .max_lag_ms = max_lag_ms};
	char got[PROBE_DETAIL_LEN];

	assert_int_equal(sql_state__judge(s, &args, got, sizeof(got)), wanted);
	assert_string_equal(got, detail);
}

static void test_words(void **state)
{
	struct sql_state master = {.read_only = false};
	struct sql_state lone = {.read_only = true};
	struct sql_state replica = {.read_only = true, .follows = true, .lag_ms = 2500};
	struct sql_state stopped = {
		.read_only = true, .follows = true, .unknown = true, .why = "it sleeps"};
	struct sql_state both = {.follows = true, .lag_ms = 2500};

	(void)state;
	judged(&master, CONFIG_ROLE_ANY, 0, PROBE_OK, "master");
	judged(&master, CONFIG_ROLE_MASTER, 0, PROBE_OK, "master");
	judged(&master, CONFIG_ROLE_ANY, 1000, PROBE_OK, "master");
	judged(&master, CONFIG_ROLE_REPLICA, 0, PROBE_FAILED, "is a master; a replica is wanted");
	judged(&replica, CONFIG_ROLE_MASTER, 0, PROBE_FAILED, "is a replica; a master is wanted");
	judged(&replica, CONFIG_ROLE_REPLICA, 0, PROBE_OK, "replica");
	judged(&replica, CONFIG_ROLE_REPLICA, 2500, PROBE_OK, "replica, 2.5 s behind");
	judged(&replica, CONFIG_ROLE_ANY, 2499, PROBE_FAILED,
	       "is a replica, 2.5 s behind; 2.4 s are allowed");
	judged(&stopped, CONFIG_ROLE_REPLICA, 0, PROBE_OK, "replica");
	judged(&stopped, CONFIG_ROLE_REPLICA, 1, PROBE_FAILED, "is a replica, but it sleeps");
	judged(&lone, CONFIG_ROLE_ANY, 0, PROBE_OK, "replica");
	judged(&lone, CONFIG_ROLE_ANY, 1000, PROBE_FAILED, "is read-only, but follows no source");
	/* One of two masters that follow each other. */
	judged(&both, CONFIG_ROLE_ANY, 1000, PROBE_FAILED,
	       "is a master, 2.5 s behind; 1.0 s are allowed");
	judged(&both, CONFIG_ROLE_ANY, 3000, PROBE_OK, "master, 2.5 s behind");
}

/* Every combination, by another wording of the same rule. */
static void test_all_verdicts(void **state)
{
	static const enum config_role roles[] = {CONFIG_ROLE_ANY, CONFIG_ROLE_MASTER,
						 CONFIG_ROLE_REPLICA};
	static const uint32_t limits[] = {0, 1, 1000, 1500, 86400000};
	static const uint64_t lags[] = {0, 1, 999, 1000, 1001, 1500, 1501, UINT64_MAX};
	char detail[PROBE_DETAIL_LEN];

	(void)state;
	for (unsigned int bits = 0; bits < 8; bits++)
		for (size_t r = 0; r < COUNT(roles); r++)
			for (size_t m = 0; m < COUNT(limits); m++)
				for (size_t l = 0; l < COUNT(lags); l++) {
					struct sql_state s = {.read_only = bits & 1,
							      .follows = bits & 2,
							      .unknown = bits & 4,
							      .lag_ms = bits & 2 ? lags[l] : 0};
					struct config_probe args = {.role = roles[r],
								    .max_lag_ms = limits[m]};
					bool role = !r || (r == 1) == !s.read_only;
					bool near = s.follows ? !s.unknown && s.lag_ms <= limits[m]
							      : !s.read_only;

					assert_int_equal(sql_state__judge(&s, &args, detail,
									  sizeof(detail)) ==
								 PROBE_OK,
							 role && (!limits[m] || near));
				}
}

/* --- greetings ---------------------------------------------------------------------------------- */

static const uint8_t greeting[] =
	"\x4a\0\0\0\x0a"
	"5.5.5-10.11\0"
	"\1\0\0\0abcdefgh\0"
	"\xfe\xff\x21\2\0\xff\x81\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0native";
#define CAPABILITIES (5 + 12 + 13)

static void test_greeting(void **state)
{
	uint8_t copy[sizeof(greeting)];

	(void)state;
	for (size_t n = 0; n < sizeof(greeting); n++) {
		/* Of that size exactly, so that a look behind it is seen. */
		uint8_t *part = malloc(n + 1);

		memcpy(part + 1, greeting, n);
		assert_int_equal(sql_greeting__offer(part + 1, n),
				 n < CAPABILITIES + 2 ? SQL_OFFER_OPEN : SQL_OFFER_TLS);
		free(part);
	}
	memcpy(copy, greeting, sizeof(copy));
	copy[CAPABILITIES + 1] = 0xf7;
	assert_int_equal(sql_greeting__offer(copy, sizeof(copy)), SQL_OFFER_NONE);
	/* It ends before its capabilities, whatever follows. */
	memcpy(copy, greeting, sizeof(copy));
	copy[0] = CAPABILITIES - 4;
	assert_int_equal(sql_greeting__offer(copy, sizeof(copy)), SQL_OFFER_NONE);
	copy[0] = 3;
	assert_int_equal(sql_greeting__offer(copy, sizeof(copy)), SQL_OFFER_NONE);
	copy[0] = 0;
	assert_int_equal(sql_greeting__offer(copy, sizeof(copy)), SQL_OFFER_NONE);
	/* Another protocol; an error, behind which nothing is said. */
	memcpy(copy, greeting, sizeof(copy));
	copy[4] = 9;
	assert_int_equal(sql_greeting__offer(copy, sizeof(copy)), SQL_OFFER_NONE);
	copy[4] = 0xff;
	assert_int_equal(sql_greeting__offer(copy, sizeof(copy)), SQL_OFFER_TLS);
}

/* Garbage is no offer unless it is a greeting by chance; nothing is read behind its end. */
static void test_greeting_garbage(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		size_t n = i % 64;
		uint8_t *bytes = malloc(n + 1);

		for (size_t k = 0; k < n; k++) {
			seed = seed * 1664525 + 1013904223;
			bytes[k] = (uint8_t)(seed >> 24);
		}
		if (n > 4 && i % 2)
			bytes[4] = 10;
		if (n > 4 && bytes[4] != 10 && bytes[4] != 0xff)
			assert_int_equal(sql_greeting__offer(bytes, n), SQL_OFFER_NONE);
		else
			assert_in_range(sql_greeting__offer(bytes, n), SQL_OFFER_OPEN,
					SQL_OFFER_TLS);
		free(bytes);
	}
}

/* --- words -------------------------------------------------------------------------------------- */

static void test_clause(void **state)
{
	char to[8];

	(void)state;
	sql__clause(to, sizeof(to), "one\n\ttwo");
	assert_string_equal(to, "one");
	sql__clause(to, sizeof(to), "a\x1b[2Jb");
	assert_string_equal(to, "a?[2Jb");
	sql__clause(to, sizeof(to), "longer than that");
	assert_string_equal(to, "longer ");
	sql__clause(to, sizeof(to), "");
	assert_string_equal(to, "");
	assert_true(sql__blames_us("could not create socket: Too many open files\n"));
	assert_true(sql__blames_us("Can't connect to server on '192.0.2.1' (99)"));
	assert_false(sql__blames_us("Can't connect to server on '192.0.2.1' (111)"));
	assert_false(sql__blames_us("connection to server failed: Connection refused"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_source),	 cmocka_unit_test(test_many_sources),
		cmocka_unit_test(test_recovery),	 cmocka_unit_test(test_words),
		cmocka_unit_test(test_all_verdicts),	 cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_greeting_garbage), cmocka_unit_test(test_clause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
