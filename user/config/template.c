/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/template.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in the JSON one is. */
struct place {
	bool in_string, escaped; /* escaped: a backslash came just before */
};

static void step(struct place *p, char c)
{
	if (p->escaped)
		p->escaped = false;
	else if (p->in_string && c == '\\')
		p->escaped = true;
	else if (c == '"')
		p->in_string = !p->in_string;
}

/* Bytes of the name of the place that begins at `text`; 0: none does. */
static size_t name_at(const char *text)
{
	size_t n = *text == '{' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;

	return n && text[n + 1] == '}' ? n : 0;
}

static const struct template_value *find(const struct template_value *values, size_t n,
					 const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(values[i].name) == len && memcmp(values[i].name, name, len) == 0)
			return &values[i];
	return NULL;
}

static bool put(FILE *f, const struct template_value *v, bool in_string)
{
	json_t *string;
	char *quoted;
	size_t len;

	if (!v->text || v->number) {
		fputs(v->text ? v->text : in_string ? "" : "null", f);
		return true;
	}
	string = json_string(v->text);
	quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
	json_decref(string);
	if (!quoted)
		return false;
	len = strlen(quoted);
	if (in_string)
		fwrite(quoted + 1, 1, len - 2, f);
	else
		fwrite(quoted, 1, len, f);
	free(quoted);
	return true;
}

static bool render(FILE *f, const char *text, const struct template_value *values, size_t n)
{
	struct place place = {false, false};

	while (*text) {
		size_t len = place.escaped ? 0 : name_at(text);
		const struct template_value *v;

		if (!len) {
			step(&place, *text);
			putc(*text++, f);
			continue;
		}
		v = find(values, n, text + 1, len);
		if (!v || !put(f, v, place.in_string))
			return false;
		text += len + 2;
	}
	return true;
}

char *template__render(const char *text, const struct template_value *values, size_t n, size_t *len)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);
	bool ok;

	if (!f)
		return NULL;
	ok = render(f, text, values, n);
	if (fclose(f) || !ok) {
		free(out);
		return NULL;
	}
	*len = size;
	return out;
}

static int unknown_place(const char *name, size_t len, const struct template_value *values,
			 size_t n, struct err *err)
{
	char all[512] = "";

	for (size_t i = 0, at = 0; i < n && at < sizeof(all); i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "",
				       values[i].name);
	return err__set(err, -EINVAL, "has a place {%.*s}, known are: %s",
			(int)(len < 40 ? len : 40), name, all);
}

int template__check(const char *text, const struct template_value *values, size_t n,
		    struct err *err)
{
	struct place place = {false, false};
	json_error_t why;
	json_t *parsed;
	size_t size;
	char *json;

	for (const char *at = text; *at; at++) {
		size_t len = place.escaped ? 0 : name_at(at);

		if (len && !find(values, n, at + 1, len))
			return unknown_place(at + 1, len, values, n, err);
		step(&place, *at);
	}
	json = template__render(text, values, n, &size);
	if (!json)
		return -ENOMEM;
	parsed = json_loadb(json, size, JSON_DECODE_ANY, &why);
	free(json);
	if (!parsed)
		return err__set(err, -EINVAL, "is not JSON: line %d, column %d: %s", why.line,
				why.column, why.text);
	json_decref(parsed);
	return 0;
}
