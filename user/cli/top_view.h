/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_view.h - draws what `fairlead top` knows into a window of curses. */
#ifndef FAIRLEAD_CLI_TOP_VIEW_H
#define FAIRLEAD_CLI_TOP_VIEW_H

#include <curses.h>

#include "cli/top_ui.h"

struct top_view {
	WINDOW *window;
	bool colours; /* else states are told by their words alone */
	bool blocks; /* the terminal shows Unicode */
	const char *trouble; /* why the figures are old, a sentence; NULL: they are not */
	const json_t *
		detail; /* the status of the one backend (TOP_BACKEND); NULL: it has not come yet */
};

enum top_colour { TOP_PLAIN, TOP_GOOD, TOP_BAD, TOP_CHANGING };

/* Defines the colours; once, and only where there are some. */
void top_view__init_colours(void);

/* How many rows of a table fit into the window; at least 1. */
size_t top_view__height(const struct top_view *v);

/* Draws all of it; the caller has it shown. */
void top_view__draw(const struct top_view *v, const struct top_model *m, struct top_ui *ui);

/* --- for the files of the view --------------------------------------------------------------------- */

/*
 * Writes text into `width` cells from (y, x) on, with spaces behind it: what is too long is cut, what can't be
 * printed is a question mark. Nothing is written outside the window.
 */
void top_view__put(const struct top_view *v, int y, int x, int width, const char *text);
void top_view__put_right(const struct top_view *v, int y, int x, int width, const char *text);
/* A trail in `width` cells. */
void top_view__put_trail(const struct top_view *v, const struct top_model *m, int y, int x,
			 int width, const struct top_trail *t);
/* The attributes in which a state is shown. */
attr_t top_view__state(const struct top_view *v, const char *state);

/* top_view_backend.c: one backend, from line y on. */
void top_view__backend(const struct top_view *v, const struct top_model *m, const struct top_ui *ui,
		       int y);

#endif
