/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/last_line.h"

#include <string.h>

#include "probe/talk.h"

static void add_open(struct last_line *l, const char *bytes, size_t len)
{
	size_t room = sizeof(l->open) - l->len;

	if (room < 2)
		return;
	talk__text(l->open + l->len, room, bytes, len);
	l->len += strlen(l->open + l->len);
}

void last_line__add(struct last_line *l, const char *bytes, size_t len)
{
	const char *newline;

	while ((newline = memchr(bytes, '\n', len))) {
		size_t n = (size_t)(newline - bytes);

		add_open(l, bytes, n);
		if (l->len)
			memcpy(l->last, l->open, l->len + 1);
		l->open[0] = '\0';
		l->len = 0;
		bytes += n + 1;
		len -= n + 1;
	}
	add_open(l, bytes, len);
}

const char *last_line__text(const struct last_line *l)
{
	return l->len ? l->open : l->last;
}

bool last_line__percent(const char *line, int *out)
{
	size_t digits = strspn(line, "0123456789");
	int value = 0;

	if (!digits || digits > 3 || !strchr("% \t", line[digits]))
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (line[i] - '0');
	if (value > 100)
		return false;
	*out = value;
	return true;
}
