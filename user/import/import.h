/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import.h - keepalived's configuration as fairlead's.
 *
 * Three steps: reader.h and words.h make lines and words of files, tree.h a tree of them, and the rest
 * translates that (vrrp.c, track.c, alerts.c, server.c, checker.c) into pieces of YAML (out.h). A piece that
 * fairlead's own reader would refuse is kept as a comment with that reader's reason, so that the result loads.
 */
#ifndef FAIRLEAD_IMPORT_IMPORT_H
#define FAIRLEAD_IMPORT_IMPORT_H

#include <stdbool.h>

#include "core/err.h"
#include "import/arena.h"

/* What became of a keyword. */
enum import_fate {
	IMPORT_TRANSLATED,
	IMPORT_NOTED, /* not needed here, or it comes out a little otherwise */
	IMPORT_REFUSED, /* something that keepalived did is missing */
};

struct import_options {
	const char *config_id; /* whose lines with @ are read: keepalived's --config-id */
	const char
		*interface; /* where the program is attached; NULL: those of the VRRP instances */
	bool includes; /* files that are included are opened */
	size_t lines; /* that the text may come to, with what is defined replaced; 0: 100000 */
};

struct import_note {
	const char *file;
	unsigned int line;
	enum import_fate fate; /* not IMPORT_TRANSLATED */
	const char *text; /* "keyword: sentence" */
	struct stanza *stanza; /* NULL: of the file as a whole */
	struct chunk *chunk; /* NULL, or what was taken out for that reason */
	struct import_note *next; /* of all */
	struct import_note *kin; /* of the same stanza */
	struct import_note *beside; /* at the same place of the output */
};

/* Zero-initialise, then import_result__free(). */
struct import_result {
	struct arena arena;
	char *yaml; /* loads, but for what fails under `unloadable` */
	struct import_note *notes; /* in the order of the lines */
	const char *unloadable; /* NULL, or why the result as a whole does not load */
};

/* Imports a file. 0; -EINVAL, with a sentence: it is no configuration; or why it can't be read. */
int import__file(const char *path, const struct import_options *o, struct import_result *out,
		 struct err *err);

/* The same from memory; `name` is what notes call the text. */
int import__text(const char *name, const char *text, size_t len, const struct import_options *o,
		 struct import_result *out, struct err *err);

void import_result__free(struct import_result *r);

/* "translated", "noted", "refused" */
const char *import_fate__name(enum import_fate fate);

/* A keyword of keepalived's in a kind of block, and what becomes of it. */
struct import_keyword {
	const char *block, *name;
	enum import_fate fate;
	const char *text; /* what a note says; NULL: translated, and notes are made where needed */
};

extern const struct import_keyword import_keywords[];
extern const size_t import_n_keywords;

#endif
