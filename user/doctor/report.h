/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - what a check has found. */
#ifndef FAIRLEAD_DOCTOR_REPORT_H
#define FAIRLEAD_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define DOCTOR_TEXT 480 /* bytes of a sentence, the closing NUL included */
#define DOCTOR_FIX 256 /* and of a command */
#define DOCTOR_WORD 512 /* and of a word of one: what is cut off fits into no command */

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE, /* worth knowing; nothing is wrong by it */
	DOCTOR_WARNING, /* works worse than it could, or not for all */
	DOCTOR_ERROR, /* packets are lost, or will be as soon as something happens */
};
#define DOCTOR_LEVELS 4

struct doctor_finding {
	const char *check; /* the check's name */
	enum doctor_level level;
	char text[DOCTOR_TEXT]; /* a sentence without a full stop */
	char fix[DOCTOR_FIX]; /* the command for it; "": nothing is wrong */
};

struct doctor_report {
	const char *check; /* the one that is being made */
	struct doctor_finding *list;
	size_t n;
	bool incomplete; /* memory ran out */
	char command[DOCTOR_FIX]; /* that was made last */
};

/* Each adds a finding of the current check. What is well, or worth knowing, needs no command. */
void doctor_report__ok(struct doctor_report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void doctor_report__note(struct doctor_report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Nothing is wrong without a command: `fix` is the one that mends it or, where no single one does, that shows
 * what has to be known to mend it.
 */
void doctor_report__add(struct doctor_report *r, enum doctor_level level, const char *fix,
			const char *fmt, ...) __attribute__((format(printf, 4, 5), nonnull(3)));

/* A command for the next finding; it stands in the report until the next one is made. "": it is too long. */
const char *doctor_report__command(struct doctor_report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The worst first; those of one level stay in their order. */
void doctor_report__sort(struct doctor_report *r);

/* The worst level; DOCTOR_OK if nothing was found. */
enum doctor_level doctor_report__worst(const struct doctor_report *r);

size_t doctor_report__count(const struct doctor_report *r, enum doctor_level level);

/* "ok", "note", "warning", "error". */
const char *doctor_level__name(enum doctor_level level);

void doctor_report__free(struct doctor_report *r);

/*
 * A word (an interface's name) as a shell takes it for one, in single quotes if it has to be; written
 * to buf (DOCTOR_WORD bytes), which is returned.
 */
const char *doctor__word(const char *text, char *buf);

#endif
