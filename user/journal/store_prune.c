/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_prune.c - the oldest events go, and leave behind what they said of states. */
#include <errno.h>

#include "journal/store_internal.h"

#define DAY_MS INT64_C(86400000)
#define DOING "removing old events from the journal"

static int number_of(struct store *s, const char *sql, int64_t arg, int64_t *out, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(s, sql, err);
	int rc = 0;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, arg);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else
		rc = store_error(s, DOING, err);
	sqlite3_finalize(stmt);
	return rc;
}

/* Bytes that are in use: pages that are free are taken before the file grows. */
static int used_bytes(struct store *s, int64_t *out, struct err *err)
{
	int64_t pages = 0, free_pages = 0, size = 0;
	int rc = store_number(s, "PRAGMA page_count", &pages, err);

	if (!rc)
		rc = store_number(s, "PRAGMA freelist_count", &free_pages, err);
	if (!rc)
		rc = store_number(s, "PRAGMA page_size", &size, err);
	*out = (pages - free_pages) * size;
	return rc;
}

/* The number of the last event that goes; 0: none does. */
static int find_cut(struct store *s, const struct store_limits *l, const struct store_time *now,
		    int64_t *cut, struct err *err)
{
	int64_t first = 0, last = 0, old = 0, used = 0;
	int rc = store_number(s, "SELECT coalesce(min(id), 0) FROM events", &first, err);

	if (!rc)
		rc = store_number(s, "SELECT coalesce(max(id), 0) FROM events", &last, err);
	/* By its number: a clock that jumped must not make old ones of those in between. */
	if (!rc)
		rc = number_of(s,
			       "SELECT coalesce((SELECT id FROM events WHERE at >= ?1 ORDER BY id"
			       " LIMIT 1) - 1, (SELECT max(id) FROM events), 0)",
			       now->at_ms - l->days * DAY_MS, &old, err);
	if (!rc)
		rc = used_bytes(s, &used, err);
	if (rc || !last)
		return rc;
	*cut = old;
	if ((uint64_t)(last - first) >= l->rows && last - (int64_t)l->rows > *cut)
		*cut = last - (int64_t)l->rows;
	/* A tenth at a time, so that it is not all done again at once. */
	if ((uint64_t)used > l->bytes && first + (last - first) / 10 > *cut)
		*cut = first + (last - first) / 10;
	if (*cut < first)
		*cut = 0;
	return 0;
}

static const char fold[] = "INSERT OR REPLACE INTO baseline(service, backend, run, mono, state)"
			   " SELECT service, backend, run, mono, state FROM events WHERE id IN"
			   " (SELECT max(id) FROM events WHERE id <= ?1 AND kind IN (1, 2, 11)"
			   "  GROUP BY service, backend)";

_Static_assert(JOURNAL_BACKEND == 1 && JOURNAL_SERVICE == 2 && JOURNAL_STATE == 11 &&
		       JOURNAL_GAP == 10,
	       "as statements have them");

static int run_with(struct store *s, const char *sql, int64_t arg, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(s, sql, err);

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, arg);
	return store_finish(s, stmt, DOING, err);
}

static int remove_events(struct store *s, int64_t cut, struct err *err)
{
	int rc = run_with(s, fold, cut, err);

	/* After a gap nothing is known of what was before. */
	if (!rc)
		rc = run_with(
			s,
			"DELETE FROM baseline WHERE EXISTS (SELECT 1 FROM events WHERE kind = 10"
			" AND id <= ?1 AND run = baseline.run AND mono >= baseline.mono)",
			cut, err);
	if (!rc)
		rc = run_with(s, "DELETE FROM events WHERE id <= ?1", cut, err);
	if (!rc)
		rc = run_with(s,
			      "DELETE FROM baseline WHERE state = 'removed' OR run <"
			      " coalesce((SELECT run FROM events ORDER BY id LIMIT 1), ?1)",
			      s->run, err);
	if (!rc)
		rc = run_with(s,
			      "DELETE FROM runs WHERE id <> ?1 AND id <"
			      " coalesce((SELECT run FROM events ORDER BY id LIMIT 1), ?1)",
			      s->run, err);
	return rc;
}

int store__prune(struct store *s, const struct store_limits *limits, const struct store_time *now,
		 struct err *err)
{
	struct err ignored;
	int64_t cut = 0, used = 0;
	int rc;

	/* What is too large stays so until enough is gone, though not for longer than ten turns. */
	for (int i = 0; i < 10; i++) {
		cut = 0;
		rc = find_cut(s, limits, now, &cut, err);
		/* The first time all the same: runs and what they remember may be past their time. */
		if (rc || (!cut && i))
			break;
		rc = store_exec(s, "BEGIN IMMEDIATE", DOING, err);
		if (!rc)
			rc = remove_events(s, cut, err);
		if (!rc)
			rc = store_exec(s, "COMMIT", DOING, err);
		if (rc) {
			if (!sqlite3_get_autocommit(s->db))
				store_exec(s, "ROLLBACK", DOING, &ignored);
			break;
		}
	}
	/* The file was larger once, and is given back to the disk. */
	if (!rc && store__bytes(s) > limits->bytes && !used_bytes(s, &used, &ignored) &&
	    (uint64_t)used <= limits->bytes)
		rc = store_exec(s, "PRAGMA incremental_vacuum", DOING, err);
	if (!rc)
		s->unpruned = 0;
	return rc;
}
