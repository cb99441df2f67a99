/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top_rows.h - the tables of `fairlead top`: their columns, and which rows stand in them in which order. Pure.
 */
#ifndef FAIRLEAD_CLI_TOP_ROWS_H
#define FAIRLEAD_CLI_TOP_ROWS_H

#include "cli/top_model.h"

#define TOP_CELL 256 /* bytes that a cell needs at most, with its NUL */

enum top_page { TOP_SERVICES, TOP_BACKENDS, TOP_COUNTS, TOP_TABLES, TOP_BACKEND = TOP_TABLES };

/* One of a table's rows; of the two or one that its page has, the others are NULL. */
struct top_row {
	const struct top_service *service;
	const struct top_backend *backend;
	const struct top_count *count;
};

struct top_rows {
	struct top_row *list;
	size_t n, room;
	size_t of; /* rows that there are without the filter */
};

struct top_column {
	const char *title;
	int width; /* cells; 0: what the others leave, shared by all such columns */
	bool left; /* its text begins there; it is of letters, so that A comes first */
	int rank; /* where there is no room for all, the highest goes first */
	/* Writes the cell; NULL: it is the number, or a trail. */
	void (*text)(const struct top_row *r, char *out);
	/* What it is sorted by; NULL: by its text. */
	double (*number)(const struct top_row *r);
	const struct top_trail *(*trail)(const struct top_row *r);
	bool of_all; /* only where rows are of several services */
	bool state; /* its text is a state, that may be coloured */
};

/* The columns of a table, *n of them. */
const struct top_column *top_rows__columns(enum top_page page, size_t *n);

/* Writes the cell of a row, TOP_CELL bytes at most; of a trail, nothing that is worth showing. */
void top_column__text(const struct top_column *c, const struct top_row *r, char *out);

/* What is to be shown of a table. */
struct top_query {
	enum top_page page;
	const char *service; /* backends of that service; "": of all */
	const char *filter; /* rows in which that occurs, whatever the case; "": all */
	size_t sort; /* column */
	bool reverse; /* letters from Z, numbers from the least */
};

/* Fills the rows anew; they point into the model, until its next answer. -ENOMEM: there are none. */
int top_rows__fill(struct top_rows *r, const struct top_model *m, const struct top_query *q);
void top_rows__free(struct top_rows *r);

/* Whether two rows, of whatever answers, are of the same thing. */
bool top_row__has_name(const struct top_row *r, const char *service, const char *name);
/* The name by which a row is known beside its service's: a backend's id, a counter's; "" of a service. */
const char *top_row__name(const struct top_row *r);

#endif
