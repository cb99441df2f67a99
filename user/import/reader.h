/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.h - the lines of keepalived's files, with what its preprocessor does to them: definitions, lines
 * for one machine only, sequences, lists and included files (keepalived.conf(5), ADVANCED CONFIGURATION).
 */
#ifndef FAIRLEAD_IMPORT_READER_H
#define FAIRLEAD_IMPORT_READER_H

#include "import/tree.h"

/* What the reader has to say of a line, which is no error. */
struct remark {
	const char *file;
	unsigned int line;
	const char *text;
	struct remark *next;
};

struct import_reader {
	struct arena *arena;
	const char *config_id; /* lines that begin with @WORD are for machines called so */
	bool includes; /* open the files that are included */
	struct builder builder;
	struct definition *definitions;
	struct remark *remarks, *last_remark;
	const char *file; /* that is being read */
	unsigned int line;
	unsigned int depth; /* of included files and of definitions within definitions */
	size_t max; /* lines */
	size_t produced; /* lines so far */
	size_t replaced; /* bytes so far */
	struct err *err;
};

/* Reads a file, or a text that is called `name`. 0, or a negative errno and the reader's err. */
int reader__file(struct import_reader *r, const char *path);
int reader__text(struct import_reader *r, const char *name, const char *text, size_t len);

void reader__remark(struct import_reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Makes the definition, or replaces it. */
void define__set(struct import_reader *r, const char *name, size_t len, const char *value);

/* The text with its first parameter replaced, or NULL: it has none that is defined. */
char *define__replace(struct import_reader *r, const char *text);

/* The length of the name in "$NAME=…", or 0: the text defines nothing. */
size_t define__name(const char *text);

#endif
