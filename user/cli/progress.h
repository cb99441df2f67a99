/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress.h - a line on the terminal while a command waits for the agent, from two seconds on: how long it has
 * taken, or a bar where it is known how much there is to do. It is gone when the command has its answer.
 */
#ifndef FAIRLEAD_CLI_PROGRESS_H
#define FAIRLEAD_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_PATIENCE_MS 2000

struct progress {
	FILE *out; /* NULL: nobody looks */
	const char *what; /* is done: "applying the configuration" */
	size_t done, total; /* 0: not known */
	uint64_t began_ms, drawn_ms; /* as progress__now_ms() says; drawn_ms 0: there is no line */
};

/* CLOCK_MONOTONIC, ms. */
uint64_t progress__now_ms(void);

/*
 * From now on, while client__request() and client__post() wait, a line is drawn about once a second, unless standard
 * error is no terminal, or `quiet` is true (--json). Ends with progress__end(), before anything is printed.
 */
void progress__begin(struct progress *p, const char *what, bool quiet);

/* So much is done of so much. */
void progress__step(struct progress *p, size_t done, size_t total);

/* Draws the line if it is time for that: not before PROGRESS_PATIENCE_MS, and not ten times a second. */
void progress__tick(struct progress *p, uint64_t now_ms);

/* Takes the line away. */
void progress__end(struct progress *p);

/* "[####......] ", of a share of 0 to 1, in place of the line that is there. */
void progress__bar(FILE *out, double share);

#endif
