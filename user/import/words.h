/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words.h - the words of a line: quotes, escapes, braces. */
#ifndef FAIRLEAD_IMPORT_WORDS_H
#define FAIRLEAD_IMPORT_WORDS_H

#include "import/tree.h"

/* Ends the line at a comment, which begins with '#' or '!' outside of quotes, and takes blanks off its end. */
void words__strip(char *line);

/* Gives the tokens of a line to the tree. */
int words__split(struct builder *b, const char *file, unsigned int line, const char *text,
		 struct err *err);

#endif
