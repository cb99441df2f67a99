/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/option.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/suggest.h"
#include "config/value.h"

void reader__problem(struct reader *r, struct node *n, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->bad = true;
	problem_sink__add(r->sink, n->line, n->column, "%s%s%s", r->path, r->path_len ? ": " : "",
			  text);
}

static size_t enter(struct reader *r, const char *before, const char *text, const char *after)
{
	size_t was = r->path_len;
	int n = snprintf(r->path + was, sizeof(r->path) - was, "%s%s%s", before, text, after);

	if (n > 0)
		r->path_len = was + strlen(r->path + was);
	return was;
}

size_t reader__enter_key(struct reader *r, const char *key)
{
	return enter(r, r->path_len ? "." : "", key, "");
}

size_t reader__enter_index(struct reader *r, size_t i)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", i);
	return enter(r, "[", text, "]");
}

void reader__leave(struct reader *r, size_t path_len)
{
	r->path_len = path_len;
	r->path[path_len] = '\0';
}

bool reader__visit(struct reader *r, struct node *n)
{
	if (r->spent)
		return false;
	if (r->visits++ < READER_MAX_VISITS)
		return true;
	r->spent = true;
	reader__problem(r, n, "the file holds more than %u values once its aliases are expanded",
			READER_MAX_VISITS);
	return false;
}

bool option__expect(struct reader *r, struct node *n, enum node_kind kind, const char *noun)
{
	if (n->kind == kind)
		return true;
	if (n->kind == NODE_NULL)
		reader__problem(r, n, "has no value; write %s", noun);
	else
		reader__problem(r, n, "must be %s, is %s", noun, node__kind_name(n));
	return false;
}

static const char *key_at(const void *section, size_t i)
{
	return ((const struct section *)section)->options[i].key;
}

static void unknown_key(struct reader *r, const struct section *s, struct node *key)
{
	char shown[VALUE_SHOWN];
	const char *near;
	size_t was;

	if (problem_sink__drops(r->sink, key->line, key->column))
		return;
	was = reader__enter_key(r, value__show(key->text, shown));
	near = suggest__nearest(key->text, key_at, s, s->n);
	if (near) {
		reader__problem(r, key, "unknown key; did you mean \"%s\"?", near);
	} else {
		char known[768] = "";

		for (size_t i = 0, n = 0; i < s->n && n < sizeof(known); i++)
			n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "",
					      s->options[i].key);
		reader__problem(r, key, "unknown key; known here: %s", known);
	}
	reader__leave(r, was);
}

static void read_pair(struct reader *r, const struct section *s, struct node *key,
		      struct node *value, struct node **given, void *base)
{
	size_t i = 0, was;

	if (key->kind == NODE_LIST || key->kind == NODE_MAP) {
		reader__problem(r, key, "a key must be a word, is %s", node__kind_name(key));
		return;
	}
	while (i < s->n && strcmp(s->options[i].key, key->text) != 0)
		i++;
	if (i == s->n) {
		unknown_key(r, s, key);
		return;
	}
	was = reader__enter_key(r, s->options[i].key);
	if (given[i]) {
		reader__problem(r, key, "given twice, first in line %u", given[i]->line);
	} else {
		given[i] = key;
		s->options[i].parse(r, &s->options[i], value, base);
		if (s->options[i].has)
			*((bool *)base + s->options[i].has) = !value->bad;
	}
	reader__leave(r, was);
}

/* What a key that is not there means: its default, or a mistake told about the mapping. */
static void absent(struct reader *r, const struct option *o, struct node *map, void *base)
{
	struct node value = {.kind = NODE_SCALAR, .text = (char *)o->fallback};

	if (o->missing && map) {
		problem_sink__add(r->sink, map->line, map->column, "%s%s\"%s\" is missing: %s",
				  r->path, r->path_len ? ": " : "", o->key, o->missing);
	} else if (o->section) {
		section__read(r, o->section, NULL, (char *)base + o->offset);
	} else if (o->fallback) {
		value.len = strlen(o->fallback);
		o->parse(r, o, &value, base);
	}
}

void section__read(struct reader *r, const struct section *s, struct node *map, void *base)
{
	struct node *given[SECTION_MAX_OPTIONS] = {NULL};

	for (size_t i = 0; map && i + 1 < map->n_kids && reader__visit(r, map->kids[i]); i += 2)
		read_pair(r, s, map->kids[i], map->kids[i + 1], given, base);
	for (size_t i = 0; i < s->n && !r->spent; i++)
		if (!given[i])
			absent(r, &s->options[i], map, base);
}

void option__section(struct reader *r, const struct option *o, struct node *value, void *base)
{
	bool fits = option__expect(r, value, NODE_MAP, "a mapping (key: value)");

	section__read(r, o->section, fits ? value : NULL, (char *)base + o->offset);
}
