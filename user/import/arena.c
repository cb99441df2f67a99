/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *before;
	_Alignas(max_align_t) char data[];
};

void *arena__alloc(struct arena *a, size_t n)
{
	struct arena_block *b = calloc(1, sizeof(*b) + n);

	if (!b) {
		fputs("fairlead: there is no memory left to import with\n", stderr);
		exit(1);
	}
	b->before = a->last;
	a->last = b;
	return b->data;
}

char *arena__copy(struct arena *a, const char *text, size_t len)
{
	char *copy = arena__alloc(a, len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *arena__vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = arena__alloc(a, len < 0 ? 1 : (size_t)len + 1);
	if (len > 0)
		vsnprintf(text, (size_t)len + 1, fmt, ap);
	return text;
}

char *arena__printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena__vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}

void arena__free(struct arena *a)
{
	while (a->last) {
		struct arena_block *before = a->last->before;

		free(a->last);
		a->last = before;
	}
}
