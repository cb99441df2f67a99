/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - a file of keepalived's as a tree of stanzas: a line's words, and the lines of its block.
 */
#ifndef FAIRLEAD_IMPORT_TREE_H
#define FAIRLEAD_IMPORT_TREE_H

#include <stdbool.h>

#include "core/err.h"
#include "import/arena.h"

#define TREE_DEPTH 32 /* blocks within blocks */
#define TREE_WORDS 512 /* of a line */

struct stanza {
	const char *file;
	unsigned int line;
	const char **words; /* n of them, at least 1 but for the root */
	size_t n;
	bool block; /* has { } */
	struct stanza *kids, *last, *next, *parent;
	struct chunk *chunk; /* of the output that tells of it, see out.h */
	struct import_note *notes;
};

/* What is being built: begin with the root as `at`. */
struct builder {
	struct arena *arena;
	struct stanza *at; /* the open block */
	const char *words[TREE_WORDS];
	size_t n, depth;
	const char *file; /* of the words */
	unsigned int line;
};

/* The tokens of a file in their order. -EINVAL with a sentence: the braces do not fit, or there is too much. */
int tree__word(struct builder *b, const char *file, unsigned int line, const char *word,
	       struct err *err);
int tree__open(struct builder *b, const char *file, unsigned int line, struct err *err);
int tree__close(struct builder *b, const char *file, unsigned int line, struct err *err);
void tree__end_line(struct builder *b);
/* After the last token: every block must be closed. */
int tree__end(struct builder *b, struct err *err);

/* The word at i, 0 being the keyword; "" where there is none. */
const char *stanza__word(const struct stanza *s, size_t i);
/* The last child of that keyword, which is the one that holds, or NULL. */
struct stanza *stanza__find(const struct stanza *s, const char *keyword);
bool stanza__is(const struct stanza *s, const char *keyword);

#endif
