/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_read.c - what was written, for people and for reports. */
#include <errno.h>

#include "journal/store_internal.h"

#define DOING "reading the journal"

static const char *text_at(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

#define COLUMNS "id, at, kind, service, backend, subject, was, state, detail, actor"
#define WHERE                                                               \
	" FROM events WHERE id > ?1 AND at >= ?2 AND (1 << kind) & ?3 <> 0" \
	" AND (?4 IS NULL OR service = ?4) AND (?5 IS NULL OR backend = ?5)"

/* The last ones, or those from a number on; oldest first in both. */
static const char last_events[] =
	"SELECT " COLUMNS " FROM (SELECT " COLUMNS WHERE " ORDER BY id DESC LIMIT ?6) ORDER BY id";
static const char next_events[] = "SELECT " COLUMNS WHERE " ORDER BY id LIMIT ?6";

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	if (text && *text)
		sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

static void give_row(sqlite3_stmt *stmt, void (*each)(void *, const struct store_row *), void *ctx)
{
	const struct store_row row = {
		.id = sqlite3_column_int64(stmt, 0),
		.at_ms = sqlite3_column_int64(stmt, 1),
		.kind = (unsigned int)sqlite3_column_int(stmt, 2),
		.service = text_at(stmt, 3),
		.backend = text_at(stmt, 4),
		.subject = text_at(stmt, 5),
		.from = text_at(stmt, 6),
		.to = text_at(stmt, 7),
		.detail = text_at(stmt, 8),
		.actor = text_at(stmt, 9),
	};

	each(ctx, &row);
}

int store__events(struct store *s, const struct store_filter *f,
		  void (*each)(void *ctx, const struct store_row *row), void *ctx, int64_t *last,
		  struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(s, f->has_since ? next_events : last_events, err);
	int rc;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, f->has_since ? f->since : 0);
	sqlite3_bind_int64(stmt, 2, f->after_ms);
	sqlite3_bind_int64(stmt, 3, f->kinds);
	bind_text(stmt, 4, f->service);
	bind_text(stmt, 5, f->backend);
	sqlite3_bind_int64(stmt, 6, f->n);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		give_row(stmt, each, ctx);
	rc = rc == SQLITE_DONE ? 0 : store_error(s, DOING, err);
	sqlite3_finalize(stmt);
	if (rc)
		return rc;
	/* Of all that there ever were, though they be gone. */
	return store_number(
		s,
		"SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), "
		"0)",
		last, err);
}

static int read_runs(struct store *s, void (*on_run)(void *, const struct store_run *), void *ctx,
		     struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(
		s, "SELECT id, start_at, start_mono, last_at, last_mono FROM runs ORDER BY id",
		err);
	int rc;

	if (!stmt)
		return -EIO;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct store_run r = {
			.id = sqlite3_column_int64(stmt, 0),
			.start_at_ms = sqlite3_column_int64(stmt, 1),
			.start_mono_ms = sqlite3_column_int64(stmt, 2),
			.last_at_ms = sqlite3_column_int64(stmt, 3),
			.last_mono_ms = sqlite3_column_int64(stmt, 4),
		};

		on_run(ctx, &r);
	}
	rc = rc == SQLITE_DONE ? 0 : store_error(s, DOING, err);
	sqlite3_finalize(stmt);
	return rc;
}

/* What is remembered has number 0: before all that is there of its time. */
static const char changes[] =
	"SELECT run, mono, kind, service, backend, state FROM ("
	" SELECT 0 AS id, run, mono, 11 AS kind, service, backend, state FROM baseline"
	" UNION ALL SELECT id, run, mono, kind, service, backend, state FROM events"
	"  WHERE kind IN (1, 2, 10, 11))"
	" ORDER BY run, mono, id";

int store__states(struct store *s, void (*on_run)(void *ctx, const struct store_run *r),
		  void (*on_change)(void *ctx, const struct store_change *c), void *ctx,
		  struct err *err)
{
	int rc = read_runs(s, on_run, ctx, err);
	sqlite3_stmt *stmt;

	if (rc)
		return rc;
	stmt = store_prepare(s, changes, err);
	if (!stmt)
		return -EIO;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct store_change c = {
			.run = sqlite3_column_int64(stmt, 0),
			.mono_ms = sqlite3_column_int64(stmt, 1),
			.kind = (unsigned int)sqlite3_column_int(stmt, 2),
			.service = text_at(stmt, 3),
			.backend = text_at(stmt, 4),
			.to = text_at(stmt, 5),
		};

		on_change(ctx, &c);
	}
	rc = rc == SQLITE_DONE ? 0 : store_error(s, DOING, err);
	sqlite3_finalize(stmt);
	return rc;
}
