/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - the journal beside the loop: a thread that has the file (store.h) to itself.
 *
 * What is told goes to a bounded queue and is written a moment later; who tells never waits. While the
 * file can't be opened or written (a full disk), that is logged once, the queue fills, and what does not
 * fit is counted and lost; the file is tried again every two seconds. After a loss the journal has an
 * event of kind JOURNAL_GAP, and asks for all states anew.
 */
#ifndef FAIRLEAD_JOURNAL_JOURNAL_H
#define FAIRLEAD_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "core/err.h"
#include "core/event.h"
#include "journal/store.h"

#define JOURNAL_QUEUE 32768 /* events: each backend there can be, once */

struct journal;

/* Both are called on the loop. */
struct journal_calls {
	void (*written)(void *ctx); /* there are new events in the file */
	void (*opened)(void *ctx); /* for the first time */
	void (*resync)(void *ctx); /* events were lost: tell all states (JOURNAL_STATE) */
};

/* Work with the file, on its thread, after all that was told before. */
struct journal_job {
	/* s NULL: the file can't be used, and `why` says so. */
	void (*work)(struct journal_job *job, struct store *s, const char *why);
	/* Then, on the loop; called exactly once, also when the journal ends before (without work). */
	void (*done)(struct journal_job *job);
	STAILQ_ENTRY(journal_job) entry;
};

struct journal_status {
	bool open; /* the file is in use */
	uint64_t written, dropped; /* events, since the start */
	uint64_t waiting; /* events in the queue */
	uint64_t bytes; /* of the file */
	struct err trouble; /* why it can't be written; "": it can */
};

/*
 * Begins a run, and opens the file; that it can't be opened is no error here. *out is to be freed on
 * failure, too, unless it stayed NULL.
 */
int journal__start(uv_loop_t *loop, const char *path, const struct store_limits *limits,
		   const struct journal_calls *calls, void *ctx, struct journal **out,
		   struct err *err);
void journal__limit(struct journal *j, const struct store_limits *limits);

/* Copies the event; its times are set here. Any thread. */
void journal__tell(struct journal *j, const struct journal_event *e);
void journal__submit(struct journal *j, struct journal_job *job);
void journal__status(struct journal *j, struct journal_status *out);

/* Has it write what is waiting and end; the loop no longer waits for it. */
void journal__stop(struct journal *j);
/*
 * After journal__stop(), when the loop has run out and before it is closed. Waits for the thread for three
 * seconds; a disk that hangs is left alone.
 */
void journal__free(struct journal *j);

#endif
