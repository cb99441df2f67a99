/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/jtext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

#define FIRST_ROOM 4096
#define DYADIC 65536 /* shares of tables are parts of it, */
#define DYADIC_FIVES UINT64_C(152587890625) /* and 5^16 */
#define MOST_WHOLE 1e15 /* below it a double that is whole is an integer of as many digits */

/* Makes it larger. */
static void grow(struct jtext *t, size_t n)
{
	size_t room = t->room ? t->room : FIRST_ROOM;
	char *text;

	while (room - t->len < n)
		room *= 2;
	text = t->failed ? NULL : realloc(t->text, room);
	t->failed |= !text;
	if (text) {
		t->text = text;
		t->room = room;
	}
}

/* Room for n bytes more; NULL: there is none. */
static inline char *reserve(struct jtext *t, size_t n)
{
	if (t->room - t->len < n)
		grow(t, n);
	return t->failed ? NULL : t->text + t->len;
}

void jtext__raw(struct jtext *t, const char *text, size_t len)
{
	char *to = reserve(t, len);

	if (!to)
		return;
	memcpy(to, text, len);
	t->len += len;
}

void jtext__mark(struct jtext *t, char mark)
{
	char *to = reserve(t, 1);

	if (!to)
		return;
	*to = mark;
	t->len++;
}

void jtext__key(struct jtext *t, const char *key)
{
	size_t n = key ? strlen(key) : 0;
	char *to = reserve(t, n + 4);

	if (!to)
		return;
	if (t->len && to[-1] != '{' && to[-1] != '[')
		*to++ = ',';
	if (key) {
		*to++ = '"';
		to = mempcpy(to, key, n);
		*to++ = '"';
		*to++ = ':';
	}
	t->len = (size_t)(to - t->text);
}

void jtext__open(struct jtext *t, const char *key, char mark)
{
	jtext__key(t, key);
	jtext__mark(t, mark);
}

/* A character that may not stand in a string as it is. */
static void escape(struct jtext *t, unsigned char c)
{
	char code[8];

	if (c == '"' || c == '\\')
		snprintf(code, sizeof(code), "\\%c", c);
	else
		snprintf(code, sizeof(code), "\\u%04x", c);
	jtext__raw(t, code, strlen(code));
}

static bool is_plain(char c)
{
	return (unsigned char)c >= ' ' && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

void jtext__string(struct jtext *t, const char *key, const char *value)
{
	jtext__key(t, key);
	jtext__mark(t, '"');
	while (*value) {
		size_t n = 0;

		while (is_plain(value[n]))
			n++;
		jtext__raw(t, value, n);
		value += n;
		if (!*value)
			break;
		n = utf8__len(value);
		if (n > 1)
			jtext__raw(t, value, n);
		else if (n)
			escape(t, (unsigned char)*value);
		else
			jtext__mark(t, '?');
		value += n ? n : 1;
	}
	jtext__mark(t, '"');
}

static void put_digits(struct jtext *t, uint64_t value)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	jtext__raw(t, digits + n, sizeof(digits) - n);
}

void jtext__integer(struct jtext *t, const char *key, uint64_t value)
{
	jtext__key(t, key);
	put_digits(t, value);
}

void jtext__signed(struct jtext *t, const char *key, int64_t value)
{
	if (value >= 0) {
		jtext__integer(t, key, (uint64_t)value);
		return;
	}
	jtext__key(t, key);
	jtext__mark(t, '-');
	put_digits(t, 0 - (uint64_t)value);
}

/* n / DYADIC, which is n * 5^16 / 10^16. */
static void put_dyadic(struct jtext *t, const char *key, uint64_t n)
{
	char digits[] = "0.0000000000000000";
	size_t at = sizeof(digits) - 1;

	for (n *= DYADIC_FIVES; n; n /= 10)
		digits[--at] = (char)('0' + n % 10);
	at = sizeof(digits) - 1;
	while (digits[at - 1] == '0')
		at--;
	jtext__key(t, key);
	jtext__raw(t, digits, at);
}

void jtext__real(struct jtext *t, const char *key, double value)
{
	char text[32];

	if (!isfinite(value)) {
		jtext__null(t, key);
		return;
	}
	/* Most are: snprintf() would take longer than all else of a backend. */
	if (value >= 0 && value < MOST_WHOLE && value == floor(value)) {
		jtext__integer(t, key, (uint64_t)value);
		jtext__raw(t, ".0", 2);
		return;
	}
	if (value > 0 && value < 1 && value * DYADIC == floor(value * DYADIC)) {
		put_dyadic(t, key, (uint64_t)(value * DYADIC));
		return;
	}
	jtext__key(t, key);
	snprintf(text, sizeof(text), "%.17g", value);
	jtext__raw(t, text, strlen(text));
	if (!strpbrk(text, ".e"))
		jtext__raw(t, ".0", 2);
}

void jtext__null(struct jtext *t, const char *key)
{
	jtext__key(t, key);
	jtext__raw(t, "null", 4);
}

void jtext__boolean(struct jtext *t, const char *key, bool value)
{
	jtext__key(t, key);
	jtext__raw(t, value ? "true" : "false", value ? 4 : 5);
}
