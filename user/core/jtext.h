/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jtext.h - JSON (RFC 8259) written as text, for what is too much to be made of objects first.
 *
 * What does not fit into memory is not lost in silence: the text is marked as failed, and is no good.
 */
#ifndef FAIRLEAD_CORE_JTEXT_H
#define FAIRLEAD_CORE_JTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that grows. Zero at the beginning; the owner frees `text`. */
struct jtext {
	char *text; /* not ended by a NUL */
	size_t len, room;
	bool failed; /* out of memory */
};

/* As it is: brackets, and members that are JSON already. */
void jtext__raw(struct jtext *t, const char *text, size_t len);
/* '[', ']', '{', '}' */
void jtext__mark(struct jtext *t, char mark);
/* What stands before a value: a comma unless it is the first one, and `key` (a constant; NULL: in an array). */
void jtext__key(struct jtext *t, const char *key);

/* The same, and the '[' or '{' that the value begins with. */
void jtext__open(struct jtext *t, const char *key, char mark);

/* Members of an object: key, and value. In `value`, what is not UTF-8 becomes '?'. */
void jtext__string(struct jtext *t, const char *key, const char *value);
void jtext__integer(struct jtext *t, const char *key, uint64_t value);
void jtext__signed(struct jtext *t, const char *key, int64_t value);
/* Always with a point or an exponent, and so many digits that the same number is read; no number: null. */
void jtext__real(struct jtext *t, const char *key, double value);
void jtext__boolean(struct jtext *t, const char *key, bool value);
void jtext__null(struct jtext *t, const char *key);

#endif
