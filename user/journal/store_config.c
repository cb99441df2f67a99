/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_config.c - configurations that were applied, and the one that waits for its confirmation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/store_internal.h"

#define DOING "keeping the configuration"
#define MOST 50 /* configurations */

/* The newest one's content is this one. */
static int is_newest(struct store *s, const char *text, size_t len, int64_t *id, struct err *err)
{
	sqlite3_stmt *stmt =
		store_prepare(s, "SELECT id, content FROM configs ORDER BY id DESC LIMIT 1", err);
	int rc;

	if (!stmt)
		return -EIO;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW && (size_t)sqlite3_column_bytes(stmt, 1) == len &&
	    (!len || memcmp(sqlite3_column_blob(stmt, 1), text, len) == 0))
		*id = sqlite3_column_int64(stmt, 0);
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(s, DOING, err);
	sqlite3_finalize(stmt);
	return rc;
}

static int insert(struct store *s, const struct store_config *c, const char *text, size_t len,
		  int64_t *id, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(
		s,
		"INSERT INTO configs(at, actor, origin, reason, content) VALUES(?1, ?2, ?3, ?4, ?5)",
		err);
	int rc;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, c->at_ms);
	sqlite3_bind_text(stmt, 2, store_user(s, c->uid), -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, c->origin, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, c->reason, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(stmt, 5, text, len, SQLITE_STATIC);
	rc = store_finish(s, stmt, DOING, err);
	if (!rc)
		*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

/* The oldest go: more than MOST, or more bytes than that; the last two stay, and one that is waited for. */
static int remove_old(struct store *s, uint64_t bytes, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(
		s,
		"DELETE FROM configs WHERE id IN (SELECT id FROM (SELECT id,"
		" row_number() OVER newest AS n, sum(length(content)) OVER newest AS bytes FROM configs"
		" WINDOW newest AS (ORDER BY id DESC)) WHERE n > 2 AND (n > ?1 OR bytes > ?2))"
		" AND id NOT IN (SELECT target FROM pending)",
		err);

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, MOST);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)bytes);
	return store_finish(s, stmt, DOING, err);
}

/* Power cuts included: what a rollback needs must be there when the configuration is in force. */
static int begin_durable(struct store *s, struct err *err)
{
	return store_exec(s, "PRAGMA synchronous=FULL; BEGIN IMMEDIATE", DOING, err);
}

static int end_durable(struct store *s, int rc, struct err *err)
{
	struct err ignored;

	if (!rc)
		rc = store_exec(s, "COMMIT", DOING, err);
	if (rc && !sqlite3_get_autocommit(s->db))
		store_exec(s, "ROLLBACK", DOING, &ignored);
	store_exec(s, "PRAGMA synchronous=NORMAL", DOING, &ignored);
	return rc;
}

int store__config_add(struct store *s, const struct store_config *c, const char *text, size_t len,
		      uint64_t bytes, int64_t *id, struct err *err)
{
	int rc;

	*id = 0;
	rc = c->always ? 0 : is_newest(s, text, len, id, err);
	if (rc || *id)
		return rc;
	rc = begin_durable(s, err);
	if (!rc)
		rc = insert(s, c, text, len, id, err);
	if (!rc)
		rc = remove_old(s, bytes, err);
	return end_durable(s, rc, err);
}

int store__config_list(struct store *s, uint32_t n,
		       void (*each)(void *ctx, const struct store_version *v), void *ctx,
		       struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(
		s,
		"SELECT id, at, actor, origin, reason, length(content) FROM configs ORDER BY id DESC"
		" LIMIT ?1",
		err);
	int rc;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, n);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct store_version v = {
			.id = sqlite3_column_int64(stmt, 0),
			.at_ms = sqlite3_column_int64(stmt, 1),
			.actor = (const char *)sqlite3_column_text(stmt, 2),
			.origin = (const char *)sqlite3_column_text(stmt, 3),
			.reason = (const char *)sqlite3_column_text(stmt, 4),
			.bytes = sqlite3_column_int64(stmt, 5),
		};

		each(ctx, &v);
	}
	rc = rc == SQLITE_DONE ? 0 : store_error(s, "reading the journal", err);
	sqlite3_finalize(stmt);
	return rc;
}

int store__config_get(struct store *s, int64_t *id, char **text, size_t *len, struct err *err)
{
	/* 0: what waits for its confirmation goes back to its target, else the newest to the one before. */
	sqlite3_stmt *stmt =
		store_prepare(s,
			      "SELECT id, content FROM configs WHERE id = CASE WHEN ?1 THEN ?1 ELSE"
			      " coalesce((SELECT target FROM pending),"
			      "  (SELECT id FROM configs ORDER BY id DESC LIMIT 1 OFFSET 1)) END",
			      err);
	int rc;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, *id);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*len = (size_t)sqlite3_column_bytes(stmt, 1);
		*text = malloc(*len + 1);
		rc = *text ? 0 : err__set(err, -ENOMEM, "out of memory");
		if (*text && *len)
			memcpy(*text, sqlite3_column_blob(stmt, 1), *len);
		*id = sqlite3_column_int64(stmt, 0);
	} else if (rc != SQLITE_DONE) {
		rc = store_error(s, "reading the journal", err);
	} else if (*id) {
		rc = err__set(err, -ENOENT,
			      "the journal has no configuration %lld: see fairlead config history",
			      (long long)*id);
	} else {
		rc = err__set(err, -ENOENT, "the journal has no configuration before this one");
	}
	sqlite3_finalize(stmt);
	return rc;
}

int store__pending_set(struct store *s, int64_t target, uint32_t wait_ms,
		       const struct store_time *now, struct err *err)
{
	sqlite3_stmt *stmt;
	int rc = begin_durable(s, err);

	/* One that waits already goes on to lead back to where the first one led. */
	stmt = rc ? NULL
		  : store_prepare(
			    s,
			    "INSERT INTO pending(one, target, boot, at, mono, wait) VALUES(1, ?1,"
			    " (SELECT boot FROM runs WHERE id = ?2), ?3, ?4, ?5)"
			    " ON CONFLICT(one) DO UPDATE SET boot = excluded.boot,"
			    " at = excluded.at, mono = excluded.mono, wait = excluded.wait",
			    err);
	if (stmt) {
		sqlite3_bind_int64(stmt, 1, target);
		sqlite3_bind_int64(stmt, 2, s->run);
		sqlite3_bind_int64(stmt, 3, now->at_ms);
		sqlite3_bind_int64(stmt, 4, now->mono_ms);
		sqlite3_bind_int64(stmt, 5, wait_ms);
		rc = store_finish(s, stmt, DOING, err);
	} else if (!rc) {
		rc = -EIO;
	}
	return end_durable(s, rc, err);
}

int store__pending_clear(struct store *s, struct err *err)
{
	int rc = begin_durable(s, err);

	if (!rc)
		rc = store_exec(s, "DELETE FROM pending", DOING, err);
	return end_durable(s, rc, err);
}

int store__pending_get(struct store *s, const struct store_time *now, bool *any, int64_t *left_ms,
		       struct err *err)
{
	/* By the clock that never jumps, unless the machine was started anew meanwhile. */
	sqlite3_stmt *stmt = store_prepare(
		s,
		"SELECT wait, wait - CASE WHEN boot = (SELECT boot FROM runs WHERE id = ?1)"
		" THEN ?2 - mono ELSE ?3 - at END FROM pending",
		err);
	int rc;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, s->run);
	sqlite3_bind_int64(stmt, 2, now->mono_ms);
	sqlite3_bind_int64(stmt, 3, now->at_ms);
	rc = sqlite3_step(stmt);
	*any = rc == SQLITE_ROW;
	if (*any) {
		int64_t wait = sqlite3_column_int64(stmt, 0);

		*left_ms = sqlite3_column_int64(stmt, 1);
		/* A clock that was set back must not make it wait for longer. */
		*left_ms = *left_ms > wait ? wait : *left_ms < 0 ? 0 : *left_ms;
	}
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(s, "reading the journal", err);
	sqlite3_finalize(stmt);
	return rc;
}
