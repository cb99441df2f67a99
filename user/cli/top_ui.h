/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_ui.h - where the user of `fairlead top` is, and where a key leads. Pure: no terminal is asked. */
#ifndef FAIRLEAD_CLI_TOP_UI_H
#define FAIRLEAD_CLI_TOP_UI_H

#include "cli/top_rows.h"
#include "fairlead/abi.h"

#define TOP_FILTER_LEN 64 /* with its NUL */
#define TOP_ESCAPE 27

/* How a table is looked at. */
struct top_table {
	char filter[TOP_FILTER_LEN];
	size_t sort; /* column */
	bool reverse;
	size_t at; /* the row that is chosen */
	size_t first; /* the row at the top of the screen */
	bool held; /* the user has chosen it: it is followed wherever it goes, by its names */
	char service[FL_NAME_LEN], name[FL_ID_LEN];
};

struct top_ui {
	enum top_page page;
	bool help; /* instead of the page */
	bool editing; /* the filter */
	struct top_table tables[TOP_TABLES];
	char service
		[FL_NAME_LEN]; /* TOP_BACKENDS: that one's; "": of all. TOP_BACKEND: its service, */
	char backend[FL_ID_LEN]; /* and it */
	bool all; /* TOP_BACKEND was reached from the backends of all services */
	struct top_rows rows; /* of the page, if it is a table */
	size_t height; /* rows that fit on the screen; at least 1 */
};

void top_ui__init(struct top_ui *ui);
void top_ui__free(struct top_ui *ui);

/* The model, or where the user is, has changed: finds the rows anew, and the one that is chosen. -ENOMEM. */
int top_ui__update(struct top_ui *ui, const struct top_model *m);

/* What a key (of getch(3NCURSES)) does; true: the user wants to leave. top_ui__update() is due. */
bool top_ui__key(struct top_ui *ui, int key);

/* The table of the page, NULL: it is none. */
struct top_table *top_ui__table(struct top_ui *ui);

#endif
