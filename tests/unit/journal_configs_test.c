/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's configurations: which are kept, and which of them waits to be confirmed. */
#include "journal_file.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

static char seen[4096];

static int64_t add(struct store *s, const char *text, bool always, uint64_t bytes)
{
	const struct store_config c = {
		.at_ms = T0,
		.uid = JOURNAL_NOBODY,
		.origin = "apply",
		.reason = "",
		.always = always,
	};
	struct err err = {0};
	int64_t id = 0;

	if (store__config_add(s, &c, text, strlen(text), bytes, &id, &err))
		fail_msg("%s", err.text);
	return id;
}

static void see_version(void *ctx, const struct store_version *v)
{
	size_t at = strlen(seen);

	(void)ctx;
	snprintf(seen + at, sizeof(seen) - at, "%lld:%lld ", (long long)v->id, (long long)v->bytes);
}

static const char *versions(struct store *s)
{
	struct err err = {0};

	seen[0] = '\0';
	if (store__config_list(s, 100, see_version, NULL, &err))
		fail_msg("%s", err.text);
	return seen;
}

static void gives(struct store *s, int64_t id, int64_t want_id, const char *want)
{
	struct err err = {0};
	char *text = NULL;
	size_t len = 0;
	int rc = store__config_get(s, &id, &text, &len, &err);

	if (!want) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(id, want_id);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
	free(text);
}

static void test_configs(void **state)
{
	struct store *s = open_store(NULL, 0);

	(void)state;
	gives(s, 0, 0, NULL);
	assert_int_equal(add(s, "one", false, 1000), 1);
	gives(s, 0, 0, NULL);
	/* The same again is no new one, unless something is said of it. */
	assert_int_equal(add(s, "one", false, 1000), 1);
	assert_int_equal(add(s, "one", true, 1000), 2);
	assert_int_equal(add(s, "two", false, 1000), 3);
	gives(s, 0, 2, "one");
	gives(s, 3, 3, "two");
	gives(s, 4, 0, NULL);
	/* Bytes: the last two stay however large they are. */
	assert_int_equal(add(s, "three is longer", false, 7), 4);
	assert_string_equal(versions(s), "4:15 3:3 ");
	/* As many as there is room for, a row's own bytes included. */
	for (int i = 0; i < 60; i++)
		add(s, i % 2 ? "two" : "one", false, 62 * 131 + 12);
	assert_non_null(strstr(versions(s), " 3:"));
	assert_int_equal(add(s, "six", false, 10 * 131), 65);
	assert_null(strstr(versions(s), " 55:"));
	assert_non_null(strstr(versions(s), " 56:"));
	store__close(s);
}

/* SQL on the file, while nobody has it open. */
static void run_sql(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static char *long_text(int i, char *out, size_t size)
{
	size_t n = 0;

	for (int k = 0; n + 80 < size; k++)
		n += (size_t)snprintf(
			out + n, size - n,
			"      - {id: web-%d-%d, address: \"10.%d.%d.%d\", weight: 100}\n", i, k, i,
			k / 250, k % 250);
	return out;
}

/* They take a fraction of what they say, and say it byte for byte. */
static void test_packed(void **state)
{
	static char text[100000];
	struct store *s = open_store(NULL, 0);
	char want[64];

	(void)state;
	for (int i = 1; i <= 40; i++)
		assert_int_equal(add(s, long_text(i, text, sizeof(text)), false, 600000), i);
	assert_int_equal(add(s, text, false, 600000), 40);
	for (int i = 1; i <= 40; i++)
		gives(s, i, i, long_text(i, text, sizeof(text)));
	snprintf(want, sizeof(want), "40:%zu 39:", strlen(text));
	assert_memory_equal(versions(s), want, strlen(want));
	assert_in_range(store__bytes(s), 100000, 1000000);
	store__close(s);
}

/* A file of before they were packed, and one that was touched by others. */
static void test_other_rows(void **state)
{
	static char text[10000];
	struct store *s = open_store(NULL, 0);
	struct err err = {0};
	int64_t id = 2;
	size_t len;
	char *got = NULL;

	(void)state;
	add(s, "one", false, 100000);
	add(s, long_text(2, text, sizeof(text)), false, 100000);
	store__close(s);
	run_sql("UPDATE configs SET content = x'74776f' WHERE id = 2;"
		"ALTER TABLE configs DROP COLUMN unpacked");
	s = open_store(NULL, 0);
	gives(s, 2, 2, "two");
	assert_int_equal(add(s, "two", false, 100000), 2);
	assert_int_equal(add(s, long_text(3, text, sizeof(text)), false, 100000), 3);
	gives(s, 3, 3, text);
	assert_string_equal(versions(s) + strcspn(versions(s), " "), " 2:3 1:3 ");
	store__close(s);
	for (int i = 0; i < 3; i++) {
		static const char *const touched[] = {
			"UPDATE configs SET content = substr(content, 1, 40) WHERE id = 3",
			"UPDATE configs SET unpacked = unpacked - 1 WHERE id = 3",
			"UPDATE configs SET unpacked = 1 << 40 WHERE id = 3"};

		run_sql(touched[i]);
		s = open_store(NULL, 0);
		id = 3;
		assert_int_equal(store__config_get(s, &id, &got, &len, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "configuration 3 of the journal is damaged"));
		assert_null(got);
		/* The same text is another version then. */
		assert_int_equal(add(s, text, false, 100000), 4 + i);
		gives(s, 4 + i, 4 + i, text);
		store__close(s);
		run_sql("DELETE FROM configs WHERE id > 3");
	}
}

static void test_most(void **state)
{
	struct store *s = open_store(NULL, 0);
	struct err err = {0};

	(void)state;
	add(s, "first", false, UINT32_MAX);
	store__close(s);
	run_sql("INSERT INTO configs(at, actor, origin, reason, content) WITH RECURSIVE n(i) AS"
		" (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100001)"
		" SELECT i, '', 'apply', '', 'text ' || i FROM n");
	s = open_store(NULL, 0);
	assert_int_equal(add(s, "last", false, UINT32_MAX), 100002);
	seen[0] = '\0';
	assert_int_equal(store__config_list(s, 2, see_version, NULL, &err), 0);
	assert_string_equal(seen, "100002:4 100001:11 ");
	gives(s, 2, 0, NULL);
	gives(s, 3, 3, "text 3");
	store__close(s);
}

static bool waits(struct store *s, int64_t at_ms, int64_t mono_ms, int64_t *left)
{
	const struct store_time t = {at_ms, mono_ms};
	struct err err = {0};
	bool any = false;

	if (store__pending_get(s, &t, &any, left, &err))
		fail_msg("%s", err.text);
	return any;
}

static void test_pending(void **state)
{
	struct store *s = open_store(NULL, 0);
	const struct store_time t = {T0, 5000}, later = {T0 + 1000, 6000};
	struct err err = {0};
	int64_t left = -1;

	(void)state;
	add(s, "one", false, 1000);
	add(s, "two", false, 1000);
	add(s, "three", false, 1000);
	assert_false(waits(s, T0, 0, &left));
	assert_int_equal(store__pending_set(s, 1, 60000, &t, &err), 0);
	gives(s, 0, 1, "one");
	/* By the clock that never jumps, whatever the wall's says. */
	assert_true(waits(s, T0 + 999999, 15000, &left));
	assert_int_equal(left, 50000);
	assert_true(waits(s, T0 - 999999, 65001, &left));
	assert_int_equal(left, 0);
	/* Another one before it is settled: it has its own time, and leads back to the same. */
	assert_int_equal(store__pending_set(s, 3, 30000, &later, &err), 0);
	assert_true(waits(s, T0, 6000, &left));
	assert_int_equal(left, 30000);
	gives(s, 0, 1, "one");
	/* What is waited for is not pruned. */
	add(s, "four", false, 1);
	assert_string_equal(versions(s), "4:4 3:5 1:3 ");
	store__close(s);
	s = open_store(NULL, 0);
	assert_true(waits(s, T0, 16000, &left));
	assert_int_equal(left, 20000);
	store__close(s);
	/* The machine was started anew: its clock begins at zero, and the wall's is what there is. */
	{
		char command[256];

		snprintf(command, sizeof(command),
			 "/usr/bin/python3 -c \"import sqlite3; c = sqlite3.connect('%s'); "
			 "c.execute('UPDATE pending SET boot = 7'); c.commit()\"",
			 path);
		assert_int_equal(system(command), 0);
	}
	s = open_store(NULL, 0);
	assert_true(waits(s, T0 + 11000, 10, &left));
	assert_int_equal(left, 20000);
	/* A clock that was set back makes nobody wait for longer than he was told. */
	assert_true(waits(s, T0 - 999999, 10, &left));
	assert_int_equal(left, 30000);
	assert_int_equal(store__pending_clear(s, &err), 0);
	assert_false(waits(s, T0, 0, &left));
	gives(s, 0, 3, "three");
	store__close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_configs), WITH_FOLDER(test_packed),  WITH_FOLDER(test_other_rows),
		WITH_FOLDER(test_most),	   WITH_FOLDER(test_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
