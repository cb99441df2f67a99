/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_internal.h - what the files of the store share. */
#ifndef FAIRLEAD_JOURNAL_STORE_INTERNAL_H
#define FAIRLEAD_JOURNAL_STORE_INTERNAL_H

#include <sqlite3.h>

#include "journal/store.h"

struct store {
	sqlite3 *db;
	sqlite3_stmt *insert;
	char *path;
	int64_t run;
	uint64_t unpruned; /* events since the last pruning */
	int64_t pruned_ms; /* CLOCK_BOOTTIME of it */
	int64_t wrote_ms; /* of the last write */
	bool damaged;
	uint32_t uid; /* whose name is below */
	char name[JOURNAL_NAME_LEN];
};

/* A sentence of what SQLite says: "doing: reason", and its errno. Notes damage. */
int store_error(struct store *s, const char *doing, struct err *err);

/* Runs statements that return nothing. */
int store_exec(struct store *s, const char *sql, const char *doing, struct err *err);
/* The one number that a statement returns; 0 if it is NULL. */
int store_number(struct store *s, const char *sql, int64_t *out, struct err *err);
/* A prepared statement, or NULL and the error. */
sqlite3_stmt *store_prepare(struct store *s, const char *sql, struct err *err);
/* Steps to the end and finalises. */
int store_finish(struct store *s, sqlite3_stmt *stmt, const char *doing, struct err *err);
/* The table of configurations gets what those of earlier versions have not. */
int store_config_upgrade(struct store *s, struct err *err);
/* The name of a user: of the system, or "uid 1000"; "" for JOURNAL_NOBODY. */
const char *store_user(struct store *s, uint32_t uid);

#endif
