/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's file: what is kept, what goes, and what becomes of a damaged one. */
#include "journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct journal_event event(enum journal_kind kind, int64_t mono, const char *backend,
				  const char *to)
{
	struct journal_event e = {
		.kind = kind,
		.at_ms = T0 + mono,
		.mono_ms = mono,
		.uid = JOURNAL_NOBODY,
		.service = "web",
		.detail = "why",
	};

	snprintf(e.backend, sizeof(e.backend), "%s", backend);
	snprintf(e.to, sizeof(e.to), "%s", to);
	return e;
}

static void write_one(struct store *s, const struct journal_event *e)
{
	struct err err = {0};

	if (store__write(s, &e, 1, &err))
		fail_msg("%s", err.text);
}

static char seen[4096];

static void see(void *ctx, const struct store_row *r)
{
	size_t at = strlen(seen);

	(void)ctx;
	snprintf(seen + at, sizeof(seen) - at, "%lld:%s:%s ", (long long)r->id, r->backend, r->to);
}

static const char *events(struct store *s, const struct store_filter *f, int64_t *last)
{
	struct err err = {0};

	seen[0] = '\0';
	if (store__events(s, f, see, NULL, last, &err))
		fail_msg("%s", err.text);
	return seen;
}

static void test_events(void **state)
{
	struct store_filter f = {.kinds = JOURNAL_CHANGES, .n = 2};
	struct store *s = open_store(NULL, 0);
	struct journal_event e;
	struct stat st;
	int64_t last = 0;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_string_equal(events(s, &f, &last), "");
	assert_int_equal(last, 0);
	for (int i = 0; i < 3; i++) {
		e = event(JOURNAL_BACKEND, i, i == 1 ? "b1" : "b0", "up");
		write_one(s, &e);
	}
	e = event(JOURNAL_STATE, 3, "b0", "down");
	write_one(s, &e);
	e = event(JOURNAL_VRRP, 4, "", "active");
	e.uid = 0;
	write_one(s, &e);
	/* The last ones; the oldest from a number on; by time, kind, name. */
	assert_string_equal(events(s, &f, &last), "3:b0:up 5::active ");
	assert_int_equal(last, 5);
	f.has_since = true;
	assert_string_equal(events(s, &f, &last), "1:b0:up 2:b1:up ");
	f.since = 2;
	assert_string_equal(events(s, &f, &last), "3:b0:up 5::active ");
	f.since = 5;
	assert_string_equal(events(s, &f, &last), "");
	f = (struct store_filter){.kinds = JOURNAL_ALL_KINDS, .n = 9, .after_ms = T0 + 3};
	assert_string_equal(events(s, &f, &last), "4:b0:down 5::active ");
	f = (struct store_filter){.kinds = 1u << JOURNAL_VRRP, .n = 9};
	assert_string_equal(events(s, &f, &last), "5::active ");
	f = (struct store_filter){.kinds = JOURNAL_CHANGES, .n = 9, .backend = "b1"};
	assert_string_equal(events(s, &f, &last), "2:b1:up ");
	f.backend = "";
	f.service = "none";
	assert_string_equal(events(s, &f, &last), "");
	store__close(s);
	/* It is there the next time. */
	s = open_store(NULL, 0);
	f = (struct store_filter){.kinds = JOURNAL_CHANGES, .n = 1};
	assert_string_equal(events(s, &f, &last), "5::active ");
	store__close(s);
}

static void see_run(void *ctx, const struct store_run *r)
{
	size_t at = strlen(seen);

	(void)ctx;
	snprintf(seen + at, sizeof(seen) - at, "run %lld..%lld ", (long long)r->id,
		 (long long)r->last_mono_ms);
}

static void see_change(void *ctx, const struct store_change *c)
{
	size_t at = strlen(seen);

	(void)ctx;
	snprintf(seen + at, sizeof(seen) - at, "%lld@%lld:%s:%s ", (long long)c->run,
		 (long long)c->mono_ms, c->backend, c->to);
}

static const char *states(struct store *s)
{
	struct err err = {0};

	seen[0] = '\0';
	if (store__states(s, see_run, see_change, NULL, &err))
		fail_msg("%s", err.text);
	return seen;
}

static void prune(struct store *s, const struct store_limits *l, int64_t at_ms)
{
	const struct store_time t = {at_ms, 0};
	struct err err = {0};

	if (store__prune(s, l, &t, &err))
		fail_msg("%s", err.text);
}

/* What has been stable for longer than events are kept is not forgotten. */
static void test_prune_keeps_states(void **state)
{
	const struct store_limits rows = {.rows = 2, .bytes = 1 << 30, .days = 400};
	const struct store_limits days = {.rows = 1000, .bytes = 1 << 30, .days = 1};
	const struct store_time end = {T0 + 50, 50};
	struct store *s = open_store(NULL, 0);
	struct journal_event list[] = {
		event(JOURNAL_STATE, 1, "stable", "up"),
		event(JOURNAL_STATE, 2, "left", "up"),
		event(JOURNAL_BACKEND, 3, "flaps", "up"),
		event(JOURNAL_BACKEND, 4, "left", "removed"),
		event(JOURNAL_BACKEND, 5, "flaps", "down"),
		event(JOURNAL_BACKEND, 6, "flaps", "up"),
		event(JOURNAL_BACKEND, 7, "flaps", "down"),
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		write_one(s, &list[i]);
	assert_int_equal(store__beat(s, &end, false, &err), 0);
	prune(s, &rows, T0 + 100);
	assert_string_equal(states(s), "run 1..50 1@1:stable:up 1@5:flaps:down 1@6:flaps:up "
				       "1@7:flaps:down ");
	/* By age. The run is still going on, and so is what it knows. */
	prune(s, &days, T0 + DAY_MS + 7);
	assert_string_equal(states(s), "run 1..50 1@1:stable:up 1@6:flaps:up 1@7:flaps:down ");
	prune(s, &days, T0 + 2 * DAY_MS);
	assert_string_equal(states(s), "run 1..50 1@1:stable:up 1@7:flaps:down ");
	store__close(s);
	/* A later run tells all that there is: nothing of the earlier one is needed. */
	s = open_store(NULL, 0);
	list[0] = event(JOURNAL_STATE, 1, "stable", "up");
	list[0].at_ms = T0 + 9 * DAY_MS;
	write_one(s, &list[0]);
	prune(s, &days, T0 + 9 * DAY_MS);
	assert_string_equal(states(s), "run 2..0 2@1:stable:up ");
	store__close(s);
}

/* Nothing is remembered over a gap. */
static void test_prune_gap(void **state)
{
	const struct store_limits rows = {.rows = 1, .bytes = 1 << 30, .days = 400};
	struct store *s = open_store(NULL, 0);
	struct journal_event list[] = {
		event(JOURNAL_STATE, 1, "before", "up"),
		event(JOURNAL_GAP, 2, "", ""),
		event(JOURNAL_STATE, 3, "after", "up"),
		event(JOURNAL_BACKEND, 4, "last", "up"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		write_one(s, &list[i]);
	prune(s, &rows, T0);
	assert_string_equal(states(s), "run 1..0 1@3:after:up 1@4:last:up ");
	store__close(s);
}

static void test_prune_bytes(void **state)
{
	const struct store_limits l = {.rows = 1000000, .bytes = 256 << 10, .days = 400};
	struct store_filter f = {.kinds = JOURNAL_CHANGES, .n = 1};
	struct store *s = open_store(NULL, 0);
	int64_t last = 0;
	char want[32];

	(void)state;
	for (int i = 0; i < 4096; i++) {
		struct journal_event e = event(JOURNAL_BACKEND, i, "b", i % 2 ? "up" : "down");

		memset(e.detail, 'x', 300);
		write_one(s, &e);
		if (store__prune_due(s))
			prune(s, &l, T0);
		assert_in_range(store__bytes(s), 1, (512 << 10));
	}
	prune(s, &l, T0);
	assert_in_range(store__bytes(s), 1, 256 << 10);
	/* The newest are there, the oldest are not. */
	snprintf(want, sizeof(want), "%d:b:up ", 4096);
	assert_string_equal(events(s, &f, &last), want);
	f.n = 1024;
	events(s, &f, &last);
	assert_null(strstr(seen, " 1:"));
	store__close(s);
}

static void overwrite(off_t at, const char *with, size_t n)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, with, n, at), (ssize_t)n);
	close(fd);
}

/* Each kind of damage is found, kept aside, and a new file is begun. */
static void test_damage(void **state)
{
	static char garbage[8192];
	static const off_t places[] = {0, 100, 4096, 8192};
	char aside[128], notice[ERR_LEN];
	struct store_filter f = {.kinds = JOURNAL_CHANGES, .n = 9};
	int64_t last = 0;

	(void)state;
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	memset(garbage, 0xa5, sizeof(garbage));
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct journal_event e = event(JOURNAL_BACKEND, 1, "b", "up");
		struct store *s = open_store(NULL, 0);

		write_one(s, &e);
		store__close(s);
		overwrite(places[i], garbage, sizeof(garbage));
		s = open_store(notice, sizeof(notice));
		if (!strstr(notice, "is damaged") || !strstr(notice, aside))
			fail_msg("damage at %lld: '%s'", (long long)places[i], notice);
		assert_int_equal(access(aside, F_OK), 0);
		assert_string_equal(events(s, &f, &last), "");
		store__close(s);
		unlink(aside);
	}
}

static void test_not_ours(void **state)
{
	struct store *s = open_store(NULL, 0), *other = NULL;
	struct err notice, err = {0};
	char command[512];

	(void)state;
	/* Another agent's, while that is running. */
	assert_int_equal(store__open(path, &other, &notice, &err), -EBUSY);
	assert_non_null(strstr(err.text, "another process"));
	store__close(s);
	snprintf(command, sizeof(command),
		 "rm %s; /usr/bin/python3 -c \"import sqlite3; c = sqlite3.connect('%s'); "
		 "c.execute('CREATE TABLE theirs(a)')\"",
		 path, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(store__open(path, &other, &notice, &err), -EEXIST);
	assert_non_null(strstr(err.text, "something else"));
	snprintf(
		command, sizeof(command),
		"rm %s; /usr/bin/python3 -c \"import sqlite3; c = sqlite3.connect('%s'); "
		"c.execute('PRAGMA application_id=1718381105'); c.execute('PRAGMA user_version=9')\"",
		path, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(store__open(path, &other, &notice, &err), -EEXIST);
	assert_non_null(strstr(err.text, "newer fairlead"));
}

static void test_texts(void **state)
{
	char out[8];

	(void)state;
	journal__copy(out, sizeof(out), "12345678");
	assert_string_equal(out, "1234567");
	/* A character that does not fit is left out whole; what is none becomes '?'. */
	journal__copy(out, sizeof(out), "12345\xe2\x82\xac");
	assert_string_equal(out, "12345");
	journal__copy(out, sizeof(out), "1234\xe2\x82\xac");
	assert_string_equal(out, "1234\xe2\x82\xac");
	journal__copy(out, sizeof(out), "a\xff\xc0\xaf\xed\xa0\x80");
	assert_string_equal(out, "a??????");
	assert_int_equal(journal_kind__parse("vrrp", 4), JOURNAL_VRRP);
	assert_int_equal(journal_kind__parse("vrr", 3), -EINVAL);
	for (int k = 0; k < JOURNAL_KINDS; k++)
		assert_int_equal(journal_kind__parse(journal_kind__name((unsigned int)k),
						     strlen(journal_kind__name((unsigned int)k))),
				 k);
	assert_null(journal_kind__name(JOURNAL_KINDS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_events),     WITH_FOLDER(test_prune_keeps_states),
		WITH_FOLDER(test_prune_gap),  WITH_FOLDER(test_prune_bytes),
		WITH_FOLDER(test_damage),     WITH_FOLDER(test_not_ours),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
