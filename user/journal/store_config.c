/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_config.c - configurations that were applied, and the one that waits for its confirmation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "journal/store_internal.h"

#define DOING "keeping the configuration"
#define READING "reading the journal"
#define LONGEST (64 << 20) /* bytes of a text: more than a file may have */

/* --- packed by zlib (RFC 1950), as they are some ten times as long as what they say ------------------ */

/* NULL: it gets no shorter, or there is no memory. */
static void *pack(const char *text, size_t len, size_t *n)
{
	uLongf size = compressBound(len);
	void *packed = malloc(size);

	if (packed && compress(packed, &size, (const Bytef *)text, len) == Z_OK && size < len) {
		*n = size;
		return packed;
	}
	free(packed);
	return NULL;
}

/* The text of a row of id, content, and the length that it has unpacked (NULL: it is not packed). */
static int read_text(sqlite3_stmt *row, char **text, size_t *len, struct err *err)
{
	const void *content = sqlite3_column_blob(row, 1);
	size_t n = (size_t)sqlite3_column_bytes(row, 1);
	bool packed = sqlite3_column_type(row, 2) != SQLITE_NULL;
	int64_t length = packed ? sqlite3_column_int64(row, 2) : (int64_t)n;
	uLongf got = (uLongf)length;

	if (length < 0 || length > LONGEST)
		return err__set(err, -EBADMSG, "configuration %lld of the journal is damaged",
				(long long)sqlite3_column_int64(row, 0));
	*len = (size_t)length;
	*text = malloc(*len + 1);
	if (!*text)
		return err__set(err, -ENOMEM, "out of memory");
	if (!packed && content)
		memcpy(*text, content, n);
	if (!packed || (uncompress((Bytef *)*text, &got, content, n) == Z_OK && got == *len))
		return 0;
	free(*text);
	*text = NULL;
	return err__set(err, -EBADMSG, "configuration %lld of the journal is damaged",
			(long long)sqlite3_column_int64(row, 0));
}

/* --- what is kept ----------------------------------------------------------------------------------- */

int store_config_upgrade(struct store *s, struct err *err)
{
	int64_t has = 0;
	int rc = store_number(
		s, "SELECT count(*) FROM pragma_table_info('configs') WHERE name = 'unpacked'",
		&has, err);

	return rc || has ? rc
			 : store_exec(s, "ALTER TABLE configs ADD COLUMN unpacked INTEGER",
				      "opening the journal", err);
}

/* The newest one's content is this one. What can't be read is another one. */
static int is_newest(struct store *s, const char *text, size_t len, int64_t *id, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(
		s, "SELECT id, content, unpacked FROM configs ORDER BY id DESC LIMIT 1", err);
	struct err ignored;
	char *newest = NULL;
	size_t n = 0;
	int rc;

	if (!stmt)
		return -EIO;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW && !read_text(stmt, &newest, &n, &ignored) && newest && n == len &&
	    memcmp(newest, text, len) == 0)
		*id = sqlite3_column_int64(stmt, 0);
	free(newest);
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(s, DOING, err);
	sqlite3_finalize(stmt);
	return rc;
}

static int insert(struct store *s, const struct store_config *c, const char *text, size_t len,
		  int64_t *id, struct err *err)
{
	sqlite3_stmt *stmt =
		store_prepare(s,
			      "INSERT INTO configs(at, actor, origin, reason, content, unpacked)"
			      " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
			      err);
	size_t n = 0;
	void *packed;
	int rc;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, c->at_ms);
	sqlite3_bind_text(stmt, 2, store_user(s, c->uid), -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, c->origin, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, c->reason, -1, SQLITE_STATIC);
	packed = pack(text, len, &n);
	sqlite3_bind_blob64(stmt, 5, packed ? packed : text, packed ? n : len, SQLITE_STATIC);
	if (packed)
		sqlite3_bind_int64(stmt, 6, (sqlite3_int64)len);
	rc = store_finish(s, stmt, DOING, err);
	free(packed);
	if (!rc)
		*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

#define COST "length(content) + 128" /* bytes of a row, about */

/* The last one that goes, 0: none does: more than STORE_MOST_CONFIGS, or than so many bytes; the last two stay. */
static int find_cut(struct store *s, uint64_t bytes, int64_t *cut, struct err *err)
{
	int64_t n = 0, sum = 0;
	sqlite3_stmt *stmt;
	int rc = store_number(s, "SELECT count(*) FROM configs", &n, err);

	if (!rc)
		rc = store_number(s, "SELECT sum(" COST ") FROM configs", &sum, err);
	if (rc)
		return rc;
	stmt = store_prepare(s, "SELECT id, " COST " FROM configs ORDER BY id", err);
	if (!stmt)
		return -EIO;
	while (n > 2 && (n > STORE_MOST_CONFIGS || (uint64_t)sum > bytes) &&
	       sqlite3_step(stmt) == SQLITE_ROW) {
		*cut = sqlite3_column_int64(stmt, 0);
		sum -= sqlite3_column_int64(stmt, 1);
		n--;
	}
	sqlite3_finalize(stmt);
	return 0;
}

/* The oldest go, but for one that is waited for. */
static int remove_old(struct store *s, uint64_t bytes, struct err *err)
{
	sqlite3_stmt *stmt;
	int64_t cut = 0;
	int rc = find_cut(s, bytes, &cut, err);

	if (rc || !cut)
		return rc;
	stmt = store_prepare(
		s, "DELETE FROM configs WHERE id <= ?1 AND id NOT IN (SELECT target FROM pending)",
		err);
	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, cut);
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
		"SELECT id, at, actor, origin, reason, coalesce(unpacked, length(content)) FROM configs"
		" ORDER BY id DESC LIMIT ?1",
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
	rc = rc == SQLITE_DONE ? 0 : store_error(s, READING, err);
	sqlite3_finalize(stmt);
	return rc;
}

int store__config_get(struct store *s, int64_t *id, char **text, size_t *len, struct err *err)
{
	/* 0: what waits for its confirmation goes back to its target, else the newest to the one before. */
	sqlite3_stmt *stmt = store_prepare(
		s,
		"SELECT id, content, unpacked FROM configs WHERE id = CASE WHEN ?1 THEN ?1 ELSE"
		" coalesce((SELECT target FROM pending),"
		"  (SELECT id FROM configs ORDER BY id DESC LIMIT 1 OFFSET 1)) END",
		err);
	int rc;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, *id);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*id = sqlite3_column_int64(stmt, 0);
		rc = read_text(stmt, text, len, err);
	} else if (rc != SQLITE_DONE) {
		rc = store_error(s, READING, err);
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
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(s, READING, err);
	sqlite3_finalize(stmt);
	return rc;
}
