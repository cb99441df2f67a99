/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.c - opening and checking the file, and writing to it.
 *
 * The file is locked for as long as it is open (locking_mode=EXCLUSIVE): so the log's index is in memory,
 * where a full disk can't hurt it, and a second agent is told that it has no business here. Commits
 * survive the death of the process; a power cut may cost the last seconds, but not the file.
 */
#include "journal/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/store_internal.h"

#define APPLICATION 0x666c6a31 /* "flj1", PRAGMA application_id */
#define SCHEMA 1 /* PRAGMA user_version */
#define PRUNE_EVERY 256 /* events */

static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE runs(id INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT NOT NULL,"
	" boot TEXT NOT NULL, start_at INTEGER NOT NULL, start_mono INTEGER NOT NULL,"
	" last_at INTEGER NOT NULL, last_mono INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE events(id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL,"
	" at INTEGER NOT NULL, mono INTEGER NOT NULL, kind INTEGER NOT NULL, service TEXT NOT NULL,"
	" backend TEXT NOT NULL, subject TEXT NOT NULL, was TEXT NOT NULL, state TEXT NOT NULL,"
	" detail TEXT NOT NULL, actor TEXT NOT NULL);"
	"CREATE TABLE baseline(service TEXT NOT NULL, backend TEXT NOT NULL, run INTEGER NOT NULL,"
	" mono INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY(service, backend)) WITHOUT ROWID;"
	"CREATE TABLE configs(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
	" actor TEXT NOT NULL, origin TEXT NOT NULL, reason TEXT NOT NULL, content BLOB NOT NULL,"
	" unpacked INTEGER);"
	"CREATE TABLE pending(one INTEGER PRIMARY KEY CHECK(one = 1), target INTEGER NOT NULL,"
	" boot TEXT NOT NULL, at INTEGER NOT NULL, mono INTEGER NOT NULL, wait INTEGER NOT NULL);"
	"PRAGMA application_id=1718381105; PRAGMA user_version=1; COMMIT;";

_Static_assert(APPLICATION == 1718381105, "the schema's");

/* --- what the files of the store share ---------------------------------------------------------- */

static int errno_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		return -EIO;
	}
}

int store_error(struct store *s, const char *doing, struct err *err)
{
	int rc = s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM;
	int system = s->db ? sqlite3_system_errno(s->db) : 0;
	int code = errno_of(rc);

	s->damaged |= code == -EBADMSG;
	/* Which of the calls of the system has failed is SQLite's secret; that the disk is full is not. */
	if (code == -EIO && system == ENOSPC)
		code = -ENOSPC;
	if (code == -EBUSY)
		return err__set(err, code, "%s: another process has the file open", doing);
	if (code == -ENOSPC)
		return err__set(err, code, "%s: the disk is full", doing);
	return err__set(
		err, code, "%s: %s%s%s", doing, s->db ? sqlite3_errmsg(s->db) : "out of memory",
		code == -EIO && system ? ": " : "", code == -EIO && system ? strerror(system) : "");
}

int store_exec(struct store *s, const char *sql, const char *doing, struct err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? store_error(s, doing, err) : 0;
}

sqlite3_stmt *store_prepare(struct store *s, const char *sql, struct err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL)) {
		store_error(s, "reading the journal", err);
		return NULL;
	}
	return stmt;
}

int store_finish(struct store *s, sqlite3_stmt *stmt, const char *doing, struct err *err)
{
	int rc;

	do
		rc = sqlite3_step(stmt);
	while (rc == SQLITE_ROW);
	rc = rc == SQLITE_DONE ? 0 : store_error(s, doing, err);
	sqlite3_finalize(stmt);
	return rc;
}

int store_number(struct store *s, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(s, sql, err);
	int rc = 0;

	if (!stmt)
		return -EIO;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else
		rc = store_error(s, "reading the journal", err);
	sqlite3_finalize(stmt);
	return rc;
}

/* May ask a directory service, which takes its time: the journal's thread has it. */
const char *store_user(struct store *s, uint32_t uid)
{
	char buf[4096];
	struct passwd entry, *found = NULL;

	if (uid == JOURNAL_NOBODY)
		return "";
	if (s->name[0] && s->uid == uid)
		return s->name;
	s->uid = uid;
	if (!getpwuid_r(uid, &entry, buf, sizeof(buf), &found) && found)
		journal__copy(s->name, sizeof(s->name), entry.pw_name);
	else
		snprintf(s->name, sizeof(s->name), "uid %u", uid);
	return s->name;
}

/* --- open -------------------------------------------------------------------------------------------- */

static int make_file(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = strndup(path, slash ? (size_t)(slash - path) : 0);
	int fd, rc = 0;

	if (!folder)
		return err__set(err, -ENOMEM, "out of memory");
	if (folder[0] && mkdir(folder, 0700) && errno != EEXIST)
		rc = err__set(err, -errno, "making the journal's folder %s: %s", folder,
			      strerror(errno));
	free(folder);
	if (rc)
		return rc;
	/* Its log gets the same mode. Configurations are in it. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err__set(err, -errno, "opening the journal %s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

/* Whether every page says what it should. */
static int check(struct store *s, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(s, "PRAGMA integrity_check(1)", err);
	const char *text;
	int rc = 0;

	if (!stmt)
		return s->damaged ? -EBADMSG : -EIO;
	if (sqlite3_step(stmt) != SQLITE_ROW) {
		rc = store_error(s, "checking the journal", err);
	} else {
		text = (const char *)sqlite3_column_text(stmt, 0);
		if (!text || strcmp(text, "ok") != 0) {
			s->damaged = true;
			rc = err__set(err, -EBADMSG, "checking the journal: %s",
				      text ? text : "no answer");
		}
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int check_identity(struct store *s, struct err *err)
{
	int64_t application = 0, version = 0, tables = 0;
	int rc = store_number(s, "PRAGMA application_id", &application, err);

	if (!rc)
		rc = store_number(s, "PRAGMA user_version", &version, err);
	if (!rc)
		rc = store_number(s, "SELECT count(*) FROM sqlite_master", &tables, err);
	if (rc)
		return rc;
	if (!application && !tables)
		return store_exec(s, schema, "making the journal's tables", err);
	if (application != APPLICATION)
		return err__set(err, -EEXIST,
				"%s is a database of something else: set journal.path to another "
				"file",
				s->path);
	if (version > SCHEMA)
		return err__set(err, -EEXIST,
				"%s was written by a newer fairlead: set journal.path to another "
				"file, or move it away",
				s->path);
	return store_config_upgrade(s, err);
}

static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA auto_vacuum=INCREMENTAL;"
			       "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
			       "PRAGMA wal_autocheckpoint=256; PRAGMA journal_size_limit=1048576;"
			       "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048";

static const char insert_event[] = "INSERT INTO events(run, at, mono, kind, service, backend, "
				   "subject, was, state, detail, actor)"
				   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

static int open_once(const char *path, struct store **out, bool *damaged, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	int rc;

	*damaged = false;
	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	s->path = strdup(path);
	rc = s->path ? make_file(path, err) : err__set(err, -ENOMEM, "out of memory");
	if (!rc && sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		rc = store_error(s, "opening the journal", err);
	if (!rc) {
		sqlite3_extended_result_codes(s->db, 1);
		rc = store_exec(s, settings, "opening the journal", err);
	}
	if (!rc)
		rc = check(s, err);
	if (!rc)
		rc = check_identity(s, err);
	if (!rc) {
		s->insert = store_prepare(s, insert_event, err);
		rc = s->insert ? 0 : -EIO;
	}
	if (rc) {
		*damaged = s->damaged;
		store__close(s);
		return rc;
	}
	*out = s;
	return 0;
}

static void join(char *buf, size_t len, const char *path, const char *end)
{
	snprintf(buf, len, "%s%s", path, end);
}

/* Out of the way, in place of one that was there before. */
static int set_aside(const char *path, struct err *err)
{
	char from[4200], to[4200];

	join(to, sizeof(to), path, ".damaged");
	if (rename(path, to))
		return err__set(err, -errno, "renaming the damaged journal %s: %s", path,
				strerror(errno));
	/* Its log belongs to it; SQLite would replay it into the new file. */
	join(from, sizeof(from), path, "-wal");
	join(to, sizeof(to), path, ".damaged-wal");
	if (rename(from, to) && errno != ENOENT)
		return err__set(err, -errno, "renaming %s: %s", from, strerror(errno));
	return 0;
}

int store__open(const char *path, struct store **out, struct err *notice, struct err *err)
{
	struct err why = {0};
	bool damaged;
	int rc = open_once(path, out, &damaged, &why);

	notice->text[0] = '\0';
	if (!rc)
		return 0;
	if (!damaged)
		return err__set(err, rc, "%s", why.text);
	rc = set_aside(path, err);
	if (rc)
		return rc;
	err__set(notice, 0, "the journal is damaged (%.300s): it is kept as %.300s.damaged",
		 why.text, path);
	return open_once(path, out, &damaged, err);
}

void store__close(struct store *s)
{
	if (!s)
		return;
	sqlite3_finalize(s->insert);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

bool store__damaged(const struct store *s)
{
	return s->damaged;
}

/* --- write ------------------------------------------------------------------------------------------ */

static void read_boot(char *out, size_t len)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	out[0] = '\0';
	if (!f)
		return;
	if (fgets(out, (int)len, f))
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

int store__begin(struct store *s, const char *version, const struct store_time *now,
		 struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(
		s,
		"INSERT INTO runs(version, boot, start_at, start_mono, last_at, last_mono)"
		" VALUES(?1, ?2, ?3, ?4, ?3, ?4)",
		err);
	char boot[64];
	int rc;

	if (!stmt)
		return -EIO;
	read_boot(boot, sizeof(boot));
	sqlite3_bind_text(stmt, 1, version, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 2, boot, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 3, now->at_ms);
	sqlite3_bind_int64(stmt, 4, now->mono_ms);
	rc = store_finish(s, stmt, "writing to the journal", err);
	if (!rc)
		s->run = sqlite3_last_insert_rowid(s->db);
	return rc;
}

int store__beat(struct store *s, const struct store_time *now, bool ended, struct err *err)
{
	sqlite3_stmt *stmt = store_prepare(
		s, "UPDATE runs SET last_at = ?1, last_mono = ?2, ended = ?3 WHERE id = ?4", err);

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, now->at_ms);
	sqlite3_bind_int64(stmt, 2, now->mono_ms);
	sqlite3_bind_int(stmt, 3, ended);
	sqlite3_bind_int64(stmt, 4, s->run);
	return store_finish(s, stmt, "writing to the journal", err);
}

static int insert(struct store *s, const struct journal_event *e, struct err *err)
{
	const char *const texts[] = {e->service, e->backend, e->subject, e->from, e->to, e->detail};
	int rc;

	sqlite3_bind_int64(s->insert, 1, s->run);
	sqlite3_bind_int64(s->insert, 2, e->at_ms);
	sqlite3_bind_int64(s->insert, 3, e->mono_ms);
	sqlite3_bind_int(s->insert, 4, (int)e->kind);
	for (int i = 0; i < 6; i++)
		sqlite3_bind_text(s->insert, 5 + i, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_text(s->insert, 11, store_user(s, e->uid), -1, SQLITE_STATIC);
	rc = sqlite3_step(s->insert) == SQLITE_DONE ? 0
						    : store_error(s, "writing to the journal", err);
	sqlite3_reset(s->insert);
	sqlite3_clear_bindings(s->insert);
	return rc;
}

int store__write(struct store *s, const struct journal_event *const *events, size_t n,
		 struct err *err)
{
	int rc = store_exec(s, "BEGIN IMMEDIATE", "writing to the journal", err);
	struct err ignored;

	for (size_t i = 0; !rc && i < n; i++)
		rc = insert(s, events[i], err);
	if (!rc)
		rc = store_exec(s, "COMMIT", "writing to the journal", err);
	if (rc) {
		/* SQLite may have done so itself. */
		if (!sqlite3_get_autocommit(s->db))
			store_exec(s, "ROLLBACK", "writing to the journal", &ignored);
		return rc;
	}
	s->unpruned += n;
	return 0;
}

bool store__prune_due(const struct store *s)
{
	return s->unpruned >= PRUNE_EVERY;
}

uint64_t store__bytes(struct store *s)
{
	int64_t pages = 0, size = 0;
	struct err ignored;

	if (store_number(s, "PRAGMA page_count", &pages, &ignored) ||
	    store_number(s, "PRAGMA page_size", &size, &ignored))
		return 0;
	return (uint64_t)(pages * size);
}
