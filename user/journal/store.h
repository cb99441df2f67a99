/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - the journal's file: an SQLite database. One thread at a time; every call may wait for the disk.
 *
 * A *run* is one life of an agent. Its events have the time of the wall's clock and that of a clock that
 * never jumps; the run has both as they were last, so that a report can place events by the clock as it
 * was known last, and measure by the other.
 *
 * Bounded: the oldest events go first. What they said of the state of a backend or service stays (the
 * table `baseline`), so that one that has been stable for longer than events are kept is not forgotten.
 */
#ifndef FAIRLEAD_JOURNAL_STORE_H
#define FAIRLEAD_JOURNAL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/event.h"

struct store;

struct store_limits {
	uint64_t rows; /* events */
	uint64_t bytes; /* of the file */
	int64_t days; /* that events are kept */
};

struct store_time {
	int64_t at_ms, mono_ms; /* as in struct journal_event */
};

/*
 * Opens the file, or makes it (0600, its folder 0700 if it is missing), and checks it. A damaged one is
 * renamed to PATH.damaged, and *notice says so ("" otherwise). -EEXIST: it is something else, or of a
 * newer version, and stays as it is; -EBUSY: another process has it; -ENOSPC, -EIO and the like.
 */
int store__open(const char *path, struct store **out, struct err *notice, struct err *err);
void store__close(struct store *s);

/* The damage that an operation found: the file is to be closed and opened again. */
bool store__damaged(const struct store *s);

/* A new life of an agent, to which all that is written from now on belongs. */
int store__begin(struct store *s, const char *version, const struct store_time *now,
		 struct err *err);
/* The agent is alive still; `ended`: for the last time. */
int store__beat(struct store *s, const struct store_time *now, bool ended, struct err *err);

/* All of them or none, in this order. */
int store__write(struct store *s, const struct journal_event *const *events, size_t n,
		 struct err *err);
/* Whether that is so many since the last pruning that another is due. */
bool store__prune_due(const struct store *s);
int store__prune(struct store *s, const struct store_limits *limits, const struct store_time *now,
		 struct err *err);
/* Bytes of the file without its log. */
uint64_t store__bytes(struct store *s);

/* Which events; zero, NULL or "": whatever. */
struct store_filter {
	bool has_since;
	int64_t since; /* those with a number above that, from the oldest on; else the last ones */
	int64_t after_ms; /* that happened then or later */
	uint32_t kinds; /* bits of enum journal_kind */
	const char *service, *backend;
	uint32_t n; /* so many at most */
};

/* An event as it was kept; texts are valid during the call. */
struct store_row {
	int64_t id, at_ms;
	unsigned int kind;
	const char *service, *backend, *subject, *from, *to, *detail, *actor;
};

/* Calls each() for the events, oldest first. *last: the number of the last event that there is. */
int store__events(struct store *s, const struct store_filter *f,
		  void (*each)(void *ctx, const struct store_row *row), void *ctx, int64_t *last,
		  struct err *err);

/* A run, and a change of a state in it, as reports need them. */
struct store_run {
	int64_t id, start_at_ms, start_mono_ms, last_at_ms, last_mono_ms;
};
struct store_change {
	int64_t run, mono_ms;
	unsigned int kind;
	const char *service, *backend, *to;
};

/* Runs by age; then changes of states and gaps by age, those that the baseline remembers first. */
int store__states(struct store *s, void (*on_run)(void *ctx, const struct store_run *r),
		  void (*on_change)(void *ctx, const struct store_change *c), void *ctx,
		  struct err *err);

#define STORE_MOST_CONFIGS 100000 /* versions */

/* A configuration that was applied. */
struct store_config {
	int64_t at_ms;
	uint32_t uid;
	const char *origin; /* "start", "apply", "reload", "rollback" */
	const char *reason; /* an operator's words, or "" */
	bool always; /* also when it is what the newest one is */
};
struct store_version {
	int64_t id, at_ms, bytes;
	const char *actor, *origin, *reason;
};

/*
 * Keeps a file's text as the newest version, and gives its number in *id; if it is the newest one's text
 * already, that one's. The oldest ones go when there are more than STORE_MOST_CONFIGS, or more than so many bytes,
 * packed; the last two do not.
 */
int store__config_add(struct store *s, const struct store_config *c, const char *text, size_t len,
		      uint64_t bytes, int64_t *id, struct err *err);
/* The last n, newest first. */
int store__config_list(struct store *s, uint32_t n,
		       void (*each)(void *ctx, const struct store_version *v), void *ctx,
		       struct err *err);
/*
 * The text of version *id (0: that which a rollback without a number leads to, and *id says which). -ENOENT;
 * *text is the caller's to free.
 */
int store__config_get(struct store *s, int64_t *id, char **text, size_t *len, struct err *err);

/* Version `target` comes back in wait_ms, unless that is cleared; of one that waits, the target stays. */
int store__pending_set(struct store *s, int64_t target, uint32_t wait_ms,
		       const struct store_time *now, struct err *err);
int store__pending_clear(struct store *s, struct err *err);
/* Whether one waits, and for how long still, 0..wait_ms. */
int store__pending_get(struct store *s, const struct store_time *now, bool *any, int64_t *left_ms,
		       struct err *err);

#endif
