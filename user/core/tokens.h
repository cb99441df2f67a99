/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tokens.h - the secret words that let a client change something, from a file that nobody else can read. */
#ifndef FAIRLEAD_CORE_TOKENS_H
#define FAIRLEAD_CORE_TOKENS_H

#include <stddef.h>

#include "core/err.h"

#define TOKENS_MOST 2 /* the old one and the new one, while it is changed */
#define TOKEN_MIN 16 /* bytes */
#define TOKEN_MAX 256

struct tokens {
	char text[TOKENS_MOST][TOKEN_MAX + 1];
	size_t n; /* 1..TOKENS_MOST */
};

/*
 * Reads a file of one or two tokens, a line each: TOKEN_MIN to TOKEN_MAX of letters, digits, "-._~+/", then any
 * number of "=" (token68, RFC 9110 11.2). Empty lines and those that begin with '#' don't count.
 * Refused: what is no regular file, one that others than its owner can read or write, anything else in it. 0, or
 * -errno and a sentence that names the file, and never quotes it. The caller wipes *out.
 */
int tokens__read(const char *path, struct tokens *out, struct err *err);

/* Out of memory's sight. */
void tokens__wipe(struct tokens *t);

#endif
