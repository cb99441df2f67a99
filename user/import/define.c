/* SPDX-License-Identifier: GPL-2.0-or-later */
/* define.c - $NAME=VALUE, $NAME and ${NAME}. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "import/reader.h"

struct definition {
	const char *name, *value;
	struct definition *next;
};

static size_t name_len(const char *text)
{
	size_t n = 0;

	if (isdigit((unsigned char)*text))
		return 0;
	while (text[n] == '_' || (isascii(text[n]) && isalnum((unsigned char)text[n])))
		n++;
	return n;
}

size_t define__name(const char *text)
{
	size_t n = *text == '$' ? name_len(text + 1) : 0;

	return n && text[1 + n] == '=' ? n : 0;
}

static struct definition *find(struct import_reader *r, const char *name, size_t len)
{
	for (struct definition *d = r->definitions; d; d = d->next)
		if (strlen(d->name) == len && !memcmp(d->name, name, len))
			return d;
	return NULL;
}

void define__set(struct import_reader *r, const char *name, size_t len, const char *value)
{
	struct definition *d = find(r, name, len);

	if (!d) {
		d = arena__alloc(r->arena, sizeof(*d));
		d->name = arena__copy(r->arena, name, len);
		d->next = r->definitions;
		r->definitions = d;
	}
	d->value = arena__copy(r->arena, value, strlen(value));
}

static const char *folder_of(struct import_reader *r)
{
	const char *slash = strrchr(r->file, '/');
	char *real;

	if (slash)
		return arena__copy(r->arena, r->file, (size_t)(slash - r->file));
	real = r->includes ? realpath(".", NULL) : NULL;
	if (!real)
		return ".";
	slash = arena__copy(r->arena, real, strlen(real));
	free(real);
	return slash;
}

/* The value, or NULL. `more` is what stands behind the name in its braces. */
static const char *value_of(struct import_reader *r, const char *name, size_t len, const char *more)
{
	const struct definition *d = find(r, name, len);

	if (d)
		return d->value;
	if (len == 4 && !memcmp(name, "_PWD", 4))
		return folder_of(r);
	if (len == 9 && !memcmp(name, "_INSTANCE", 9))
		return r->config_id;
	if (len == 5 && !memcmp(name, "_HASH", 5))
		return "#";
	if (len == 5 && !memcmp(name, "_BANG", 5))
		return "!";
	if (len == 7 && !memcmp(name, "_RANDOM", 7)) {
		reader__remark(r, "${_RANDOM} is the smallest number that it may be here, since it "
				  "would be another one with every import");
		return arena__printf(r->arena, "%lu", strtoul(more, NULL, 10));
	}
	return NULL;
}

char *define__replace(struct import_reader *r, const char *text)
{
	for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$')) {
		bool braces = at[1] == '{';
		const char *name = at + 1 + braces, *end, *value;
		size_t len = name_len(name);

		end = name + len;
		if (!len)
			continue;
		if (braces) {
			end = strchr(end, '}');
			if (!end || (end != name + len && !isspace((unsigned char)name[len])))
				continue;
			end++;
		} else if (*end && !isspace((unsigned char)*end)) {
			continue;
		}
		value = value_of(r, name, len, name + len);
		if (value)
			return arena__printf(r->arena, "%.*s%s%s", (int)(at - text), text, value,
					     end);
	}
	return NULL;
}
