/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

const char *import_fate__name(enum import_fate fate)
{
	static const char *const names[] = {"translated", "noted", "refused"};

	return names[fate];
}

void out__note(struct import *im, struct stanza *s, enum import_fate fate, const char *fmt, ...)
{
	struct import_note *n = arena__alloc(im->arena, sizeof(*n));
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena__vprintf(im->arena, fmt, ap);
	va_end(ap);
	n->text =
		s && s->n ? arena__printf(im->arena, "%.64s: %s", stanza__word(s, 0), text) : text;
	/* The members of a group are translated one by one, and have the same to say. */
	for (const struct import_note *old = s ? s->notes : NULL; old; old = old->kin)
		if (!strcmp(old->text, n->text))
			return;
	if (s) {
		n->kin = s->notes;
		s->notes = n;
	}
	n->fate = fate;
	n->stanza = s;
	n->file = s ? s->file : "";
	n->line = s ? s->line : 0;
	if (im->last_note)
		im->last_note->next = n;
	else
		im->notes = n;
	im->last_note = n;
}

void out__item(struct import *im)
{
	im->item++;
}

static void add(struct import *im, struct stanza *from, const char *text, bool droppable)
{
	struct chunk *c = arena__alloc(im->arena, sizeof(*c));

	c->from = from;
	c->text = text;
	c->item = im->item;
	c->droppable = droppable;
	c->indent = (int)strspn(text, " ");
	if (from && !from->chunk)
		from->chunk = c;
	if (im->last)
		im->last->next = c;
	else
		im->chunks = c;
	im->last = c;
}

void out__text(struct import *im, struct stanza *from, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(im, from, arena__vprintf(im->arena, fmt, ap), false);
	va_end(ap);
}

void out__option(struct import *im, struct stanza *from, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(im, from, arena__vprintf(im->arena, fmt, ap), true);
	va_end(ap);
}

const char *out__quoted(struct import *im, const char *text)
{
	char *out = arena__alloc(im->arena, strlen(text) * 4 + 3), *at = out;

	*at++ = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c >= 0x7f) {
			at += sprintf(at, "\\x%02x", c);
		} else {
			if (c == '"' || c == '\\')
				*at++ = '\\';
			*at++ = (char)c;
		}
	}
	*at = '"';
	return out;
}

const char *out__duration(struct import *im, uint64_t ms)
{
	if (ms % 1000)
		return arena__printf(im->arena, "%" PRIu64 "ms", ms);
	return arena__printf(im->arena, "%" PRIu64 "s", ms / 1000);
}

/* What is rendered, and the line that is written next. */
struct sheet {
	FILE *f;
	unsigned int line;
};

/* One line of text as a comment. YAML has no control characters, and what is no UTF-8 would be worse. */
static void print_comment(struct sheet *sheet, int indent, const char *text, size_t len)
{
	fprintf(sheet->f, "%*s# ", indent, "");
	for (size_t i = 0; i < len; i++)
		putc(text[i] < ' ' || text[i] > '~' ? '?' : text[i], sheet->f);
	putc('\n', sheet->f);
	sheet->line++;
}

/* Where a note is told: above the piece of its line, or of the block that it is in. */
static struct chunk *place_of(const struct import_note *n)
{
	if (n->chunk)
		return n->chunk;
	for (struct stanza *s = n->stanza; s; s = s->parent)
		if (s->chunk)
			return s->chunk;
	return NULL;
}

/* Puts every note beside the piece that it stands above; what has no place stands behind the first. */
static void place_notes(struct import *im, struct chunk *loose)
{
	loose->notes = loose->last_note = NULL;
	for (struct chunk *c = im->chunks; c; c = c->next)
		c->notes = c->last_note = NULL;
	for (struct import_note *n = im->notes; n; n = n->next) {
		struct chunk *c = place_of(n);

		c = c ? c : loose;
		n->beside = NULL;
		if (c->last_note)
			c->last_note->beside = n;
		else
			c->notes = n;
		c->last_note = n;
	}
}

static void print_notes(struct import *im, struct sheet *sheet, const struct chunk *place)
{
	for (const struct import_note *n = place->notes; n; n = n->beside) {
		const char *slash = strrchr(n->file, '/');
		const char *file = slash ? slash + 1 : n->file;
		const char *line =
			arena__printf(im->arena, "%s: %s", import_fate__name(n->fate), n->text);

		if (n->line)
			line = arena__printf(im->arena, "%s:%u: %s", file, n->line, line);
		print_comment(sheet, place->indent, line, strlen(line));
	}
}

static void print_chunk(struct sheet *sheet, struct chunk *c)
{
	const char *at = c->text;

	c->first = sheet->line;
	while (*at) {
		size_t len = strcspn(at, "\n");

		if (c->dropped) {
			print_comment(sheet, 0, at, len);
		} else {
			fprintf(sheet->f, "%.*s\n", (int)len, at);
			sheet->line++;
		}
		at += len + (at[len] == '\n');
	}
	c->last = sheet->line - 1;
}

/* Writes all of it; each piece learns its lines. NULL: no memory. */
static char *render(struct import *im)
{
	char *text = NULL, *kept;
	size_t size = 0;
	struct sheet sheet = {.f = open_memstream(&text, &size), .line = 1};

	struct chunk loose = {0};

	if (!sheet.f)
		return NULL;
	place_notes(im, &loose);
	for (struct chunk *c = im->chunks; c; c = c->next) {
		print_notes(im, &sheet, c);
		print_chunk(&sheet, c);
		/* What has no place comes behind the first words. */
		if (c == im->chunks)
			print_notes(im, &sheet, &loose);
	}
	fclose(sheet.f);
	kept = arena__copy(im->arena, text, size);
	free(text);
	return kept;
}

/* "services[2].backends[0].address: sentence" without the way there: "address: sentence". */
static const char *without_path(const char *text)
{
	size_t len = strcspn(text, " ");
	const char *at = text + len;

	while (at > text && at[-1] != '.')
		at--;
	return at;
}

/* Takes out what a problem is about. Whether there was anything to take out. */
static bool drop(struct import *im, const struct config_problem *p)
{
	struct chunk *c = im->chunks;

	while (c && (c->dropped || p->line < c->first || p->line > c->last))
		c = c->next;
	if (!c || !c->item)
		return false;
	if (c->droppable) {
		c->dropped = true;
	} else {
		for (struct chunk *other = im->chunks; other; other = other->next)
			other->dropped |= other->item == c->item;
	}
	if (c->from) {
		const struct import_note *before = im->last_note;

		out__note(im, c->from, IMPORT_REFUSED, "fairlead would not take this: %s",
			  without_path(p->text));
		/* The same was said of another piece before, if there is no new note. */
		if (im->last_note != before)
			im->last_note->chunk = c;
	}
	return true;
}

/* One text after the other is given to fairlead's own reader, each without what that did not like. */
void out__finish(struct import *im, struct import_result *out)
{
	bool again = true;

	while (again) {
		struct config_problems problems = {0};
		struct config *config = NULL;

		again = false;
		out->yaml = render(im);
		out->notes = im->notes;
		if (!out->yaml) {
			out->unloadable = "there is no memory left";
			return;
		}
		if (config__parse("import", out->yaml, strlen(out->yaml), &config, &problems)) {
			for (size_t i = 0; i < problems.n; i++)
				again |= drop(im, &problems.list[i]);
			if (!again)
				out->unloadable = arena__printf(
					im->arena, "line %u: %s",
					problems.n ? problems.list[0].line : 0,
					problems.n ? problems.list[0].text : "unknown");
		}
		config__free(config);
		config_problems__free(&problems);
	}
}
