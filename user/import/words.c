/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/words.h"

#include <ctype.h>
#include <string.h>

void words__strip(char *line)
{
	char quote = 0;
	char *at = line;
	size_t len;

	for (; *at; at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (quote && *at == quote)
			quote = 0;
		else if (!quote && (*at == '"' || *at == '\''))
			quote = *at;
		else if (!quote && (*at == '#' || *at == '!'))
			break;
	}
	*at = '\0';
	len = strlen(line);
	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* What stands for one byte behind a backslash at *text; moves *text behind it. */
static char unescape(const char **text)
{
	static const char letters[] = "abEefnrtv", bytes[] = "\a\b\033\033\f\n\r\t\v";
	const char *at = *text, *found;
	unsigned int value = 0;
	int n = 0;

	if (*at == 'x' && isxdigit((unsigned char)at[1])) {
		for (at++; isxdigit((unsigned char)*at); at++)
			value = value * 16 + (unsigned int)digit(*at);
		*text = at;
		return (char)value;
	}
	if (*at >= '0' && *at <= '7') {
		for (; n < 3 && *at >= '0' && *at <= '7'; n++)
			value = value * 8 + (unsigned int)digit(*at++);
		*text = at;
		return (char)value;
	}
	*text = at + 1;
	found = strchr(letters, *at);
	return found ? bytes[found - letters] : *at;
}

/* Reads a word into buf, which is as long as the text; returns its end. */
static const char *read_word(const char *at, char *buf)
{
	char quote = 0;

	while (*at && (quote || !isspace((unsigned char)*at))) {
		if (*at == '\\' && at[1]) {
			at++;
			*buf = unescape(&at);
			/* A word is a text: it ends with its first NUL. */
			if (*buf)
				buf++;
			continue;
		}
		if (quote ? *at == quote : *at == '"' || *at == '\'') {
			quote = quote ? 0 : *at;
			at++;
			continue;
		}
		/* "vrrp_instance VI_1{" */
		if (!quote && *at == '{' && !at[1 + strspn(at + 1, " \t\r\n")])
			break;
		*buf++ = *at++;
	}
	*buf = '\0';
	return at;
}

static int is_brace(const char *at, char brace)
{
	return *at == brace && (!at[1] || isspace((unsigned char)at[1]) || at[1] == '}');
}

int words__split(struct builder *b, const char *file, unsigned int line, const char *text,
		 struct err *err)
{
	char *buf = arena__alloc(b->arena, strlen(text) + 1);
	int rc = 0;

	while (!rc) {
		text += strspn(text, " \t\r\n\v\f");
		if (!*text)
			break;
		if (is_brace(text, '{')) {
			text++;
			rc = tree__open(b, file, line, err);
		} else if (is_brace(text, '}')) {
			text++;
			rc = tree__close(b, file, line, err);
		} else {
			text = read_word(text, buf);
			rc = tree__word(b, file, line, arena__copy(b->arena, buf, strlen(buf)),
					err);
		}
	}
	tree__end_line(b);
	return rc;
}
