/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arena.h - memory that is freed at once. An import makes thousands of small texts that live as long as
 * it; where there is no memory the program ends with a sentence and status 1.
 */
#ifndef FAIRLEAD_IMPORT_ARENA_H
#define FAIRLEAD_IMPORT_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena {
	struct arena_block *last;
};

/* n bytes of 0. */
void *arena__alloc(struct arena *a, size_t n);
char *arena__copy(struct arena *a, const char *text, size_t len);
char *arena__printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena__vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
void arena__free(struct arena *a);

#endif
