/* SPDX-License-Identifier: GPL-2.0-or-later */
/* last_line.h - the last line that is not empty of an output that comes in pieces. */
#ifndef FAIRLEAD_PROBE_LAST_LINE_H
#define FAIRLEAD_PROBE_LAST_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LAST_LINE_LEN 160 /* the closing NUL included; longer lines are cut */

/* Zero at the beginning. */
struct last_line {
	char last[LAST_LINE_LEN]; /* ended by a newline */
	char open[LAST_LINE_LEN]; /* not ended yet */
	size_t len; /* of `open` */
};

void last_line__add(struct last_line *l, const char *bytes, size_t len);

/* What is not printable is '?' in it; "": there was none. */
const char *last_line__text(const struct last_line *l);

/*
 * The percentage that the line begins with, 0 to 100: "75", "75%", "75 of 100 workers". False:
 * there is none, and *out is untouched.
 */
bool last_line__percent(const char *line, int *out);

#endif
