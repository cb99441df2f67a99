/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's configurations: which are kept, and which of them waits to be confirmed. */
#include "journal_file.h"

#include <errno.h>
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
	for (int i = 0; i < 60; i++)
		add(s, i % 2 ? "odd" : "even", false, 100000);
	assert_null(strstr(versions(s), " 14:"));
	assert_non_null(strstr(versions(s), " 15:"));
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
		WITH_FOLDER(test_configs),
		WITH_FOLDER(test_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
