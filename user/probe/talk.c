/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/talk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/printable.h"
#include "probe/internal.h"

int talk__send(struct talk *t, const void *bytes, size_t len)
{
	if (len > sizeof(t->out) - t->out_len)
		return -ENOSPC;
	memcpy(t->out + t->out_len, bytes, len);
	t->out_len += len;
	return 0;
}

int talk__printf(struct talk *t, const char *fmt, ...)
{
	size_t room = sizeof(t->out) - t->out_len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf((char *)t->out + t->out_len, room, fmt, ap);
	va_end(ap);
	/* The closing NUL needs a place, too; it is not sent. */
	if (n < 0 || (size_t)n >= room)
		return -ENOSPC;
	t->out_len += (size_t)n;
	return 0;
}

void talk__use(struct talk *t, size_t len)
{
	t->in += len;
	t->len -= len;
}

void talk__text(char *to, size_t size, const void *bytes, size_t len)
{
	printable__copy(to, size, bytes, len);
}

bool talk__line(struct talk *t, char *line, size_t size)
{
	const uint8_t *end = t->len ? memchr(t->in, '\n', t->len) : NULL;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - t->in);
	talk__text(line, size, t->in, len && t->in[len - 1] == '\r' ? len - 1 : len);
	talk__use(t, len + 1);
	return true;
}

static enum talk_next conclude(struct talk *t, enum probe_outcome outcome, const char *fmt,
			       va_list ap)
{
	t->outcome = outcome;
	vsnprintf(t->detail, sizeof(t->detail), fmt, ap);
	return TALK_OVER;
}

enum talk_next talk__ok(struct talk *t, const char *fmt, ...)
{
	enum talk_next next;
	va_list ap;

	va_start(ap, fmt);
	next = conclude(t, PROBE_OK, fmt, ap);
	va_end(ap);
	return next;
}

enum talk_next talk__fail(struct talk *t, const char *fmt, ...)
{
	enum talk_next next;
	va_list ap;

	va_start(ap, fmt);
	next = conclude(t, PROBE_FAILED, fmt, ap);
	va_end(ap);
	return next;
}

enum talk_next talk__role(struct talk *t, enum config_role role, const char *more)
{
	t->role = role;
	t->outcome = probe__judge_role(t->args, role, more, t->detail, sizeof(t->detail));
	return TALK_OVER;
}
