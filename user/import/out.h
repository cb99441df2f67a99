/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out.h - the YAML in pieces, and the notes that stand above them. */
#ifndef FAIRLEAD_IMPORT_OUT_H
#define FAIRLEAD_IMPORT_OUT_H

#include <stdint.h>

#include "import/import.h"
#include "import/tree.h"

/* Some lines of YAML. What can't be loaded becomes a comment: the piece, or all pieces of its item. */
struct chunk {
	struct stanza *from; /* whose notes stand above it; NULL: nobody's */
	const char *text; /* whole lines */
	unsigned int item; /* pieces with the same number are one service, say */
	bool droppable; /* by itself; else its item goes */
	int indent; /* of the notes */
	bool dropped; /* is a comment; a note says why */
	unsigned int first, last; /* lines in what was rendered last */
	struct import_note *notes, *last_note; /* that stand above it */
	struct chunk *next;
};

/* An import that is going on. */
struct import {
	struct arena *arena;
	const struct import_options *options;
	struct stanza *root;
	struct chunk *chunks, *last;
	struct import_note *notes, *last_note;
	unsigned int item;
};

/* Notes that keepalived's line is not, or not wholly, translated: "KEYWORD: sentence". */
void out__note(struct import *im, struct stanza *s, enum import_fate fate, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A new item: what is written from now on belongs to it. */
void out__item(struct import *im);

/* Writes lines, newlines included, that go with their item. */
void out__text(struct import *im, struct stanza *from, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Lines that can be missing without the rest of the item becoming wrong. */
void out__option(struct import *im, struct stanza *from, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Everything that was written, with its notes, as a text that loads: import_result. */
void out__finish(struct import *im, struct import_result *out);

/* A text in double quotes, as YAML has it. */
const char *out__quoted(struct import *im, const char *text);
/* A duration as fairlead writes it. */
const char *out__duration(struct import *im, uint64_t ms);

#endif
