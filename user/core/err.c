/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>

int err__set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return code;
}

int err__prefix(struct err *e, int code, const char *fmt, ...)
{
	char prefix[ERR_LEN / 2];
	struct err old;
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	old = *e;
	/* A sentence that is too long loses its end, never its beginning. */
	snprintf(e->text, sizeof(e->text), "%s: %.*s", prefix, (int)(ERR_LEN / 2 - 3), old.text);
	return code;
}
