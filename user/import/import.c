/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/import.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "import/reader.h"
#include "import/translate.h"

static const struct import_keyword *find_keyword(const char *block, const char *name)
{
	for (size_t i = 0; i < import_n_keywords; i++)
		if (!strcmp(import_keywords[i].block, block) &&
		    !strcmp(import_keywords[i].name, name))
			return &import_keywords[i];
	return NULL;
}

void translate__notes(struct import *im, struct stanza *s, const char *block)
{
	for (struct stanza *k = s->kids; k; k = k->next) {
		const struct import_keyword *w = find_keyword(block, stanza__word(k, 0));

		if (!w)
			out__note(im, k, IMPORT_REFUSED,
				  "is unknown here: nothing has been made of it");
		else if (w->text)
			out__note(im, k, w->fate, "%s", w->text);
	}
}

struct stanza *translate__named(const struct import *im, const char *keyword, const char *name)
{
	for (struct stanza *s = im->root->kids; s; s = s->next)
		if (stanza__is(s, keyword) && !strcmp(stanza__word(s, 1), name))
			return s;
	return NULL;
}

long translate__number(struct import *im, struct stanza *s, long min, long max, long otherwise)
{
	const char *text = s ? stanza__word(s, 1) : "";
	char *end;
	long value;

	if (!s)
		return otherwise;
	errno = 0;
	value = strtol(text, &end, 10);
	if (*text && !*end && !errno && value >= min && value <= max)
		return value;
	out__note(im, s, IMPORT_REFUSED, "'%.32s' is not in %ld..%ld; it is %ld here", text, min,
		  max, otherwise);
	return otherwise;
}

long translate__ms(struct import *im, struct stanza *s, long min, long max, long otherwise)
{
	const char *text = s ? stanza__word(s, 1) : "";
	char *end;
	double seconds;
	long ms;

	if (!s)
		return otherwise;
	seconds = strtod(text, &end);
	if (!*text || *end || !isfinite(seconds) || seconds < 0 || seconds > 1e6) {
		out__note(im, s, IMPORT_REFUSED,
			  "'%.32s' is no number of seconds; it is %ld ms here", text, otherwise);
		return otherwise;
	}
	ms = lround(seconds * 1000);
	if (ms >= min && ms <= max)
		return ms;
	ms = ms < min ? min : max;
	out__note(im, s, IMPORT_NOTED, "fairlead takes %ld to %ld ms; it is %ld ms here", min, max,
		  ms);
	return ms;
}

bool translate__bool(const struct stanza *s)
{
	const char *word = s ? stanza__word(s, 1) : "no";

	return !*word || !strcmp(word, "on") || !strcmp(word, "true") || !strcmp(word, "yes");
}

const char *translate__name(struct import *im, const char *name)
{
	char *out = arena__printf(im->arena, "%.31s", *name ? name : "unnamed");

	for (char *c = out; *c; c++)
		if (!(isascii(*c) && isalnum((unsigned char)*c)) && !strchr("._-", *c))
			*c = '-';
	if (!isalnum((unsigned char)*out))
		*out = 'x';
	return out;
}

bool translate__is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

const char *translate__command(struct import *im, const char *text)
{
	const char *list = "", *at = text;
	int words = 0;

	if (*text != '/' || strpbrk(text, "\"'\\$`|&;<>(){}*?[]~"))
		return arena__printf(im->arena, "[%s, -c, %s]",
				     strstr(text, "/dev/tcp/") || strstr(text, "/dev/udp/")
					     ? "/bin/bash"
					     : "/bin/sh",
				     out__quoted(im, text));
	for (; *at; words++) {
		size_t len = strcspn(at, " \t");

		list = arena__printf(im->arena, "%s%s%s", list, words ? ", " : "",
				     out__quoted(im, arena__copy(im->arena, at, len)));
		at += len;
		at += strspn(at, " \t");
	}
	return arena__printf(im->arena, "[%s]", list);
}

static void add_interface(struct import *im, const char **list, struct stanza *interface)
{
	const char *name = stanza__word(interface, 1);
	const char *quoted = out__quoted(im, name);

	if (!*name || strlen(name) > 15 || rule__interface(name) || !translate__is_plain(name) ||
	    strstr(*list, quoted))
		return;
	*list = arena__printf(im->arena, "%s%s%s", *list, **list ? ", " : "", quoted);
}

/* Where packets come in is what keepalived never had to know. */
static void interfaces(struct import *im)
{
	const char *list = "";

	if (im->options->interface) {
		list = out__quoted(im, im->options->interface);
	} else {
		for (struct stanza *s = im->root->kids; s; s = s->next)
			if (stanza__is(s, "vrrp_instance") && stanza__find(s, "interface"))
				add_interface(im, &list, stanza__find(s, "interface"));
		out__note(
			im, NULL, IMPORT_NOTED,
			*list ? "interfaces: those of the VRRP instances; write all that clients' "
				"packets come in by, or import with --interface"
			      : "interfaces: the file names none, eth0 is a guess; write those "
				"that clients' packets come in by, or import with --interface");
	}
	out__text(im, NULL, "interfaces: [%s]\n", *list ? list : "\"eth0\"");
}

static void top(struct import *im)
{
	for (struct stanza *s = im->root->kids; s; s = s->next) {
		if (stanza__is(s, "global_defs"))
			translate__notes(im, s, "global_defs");
		else if (stanza__is(s, "vrrp_script"))
			translate__notes(im, s, "vrrp_script");
		else if (stanza__is(s, "vrrp_sync_group"))
			translate__notes(im, s, "vrrp_sync_group");
		else if (stanza__is(s, "SSL"))
			translate__notes(im, s, "SSL");
	}
	translate__notes(im, im->root, "top");
}

static int by_line(const void *a, const void *b)
{
	const struct import_note *const *x = a, *const *y = b;
	int file = strcmp((*x)->file, (*y)->file);

	if (file)
		return file;
	return (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static void sort_notes(struct import_result *out)
{
	struct import_note **list;
	size_t n = 0;

	for (struct import_note *note = out->notes; note; note = note->next)
		n++;
	if (!n)
		return;
	list = arena__alloc(&out->arena, n * sizeof(struct import_note *));
	n = 0;
	for (struct import_note *note = out->notes; note; note = note->next)
		list[n++] = note;
	qsort(list, n, sizeof(*list), by_line);
	for (size_t i = 0; i < n; i++)
		list[i]->next = i + 1 < n ? list[i + 1] : NULL;
	out->notes = list[0];
}

static void translate(struct import *im, const struct import_reader *r, struct import_result *out)
{
	out__text(
		im, NULL,
		"# Made of keepalived's configuration by `fairlead import`. What it could not translate, and\n"
		"# what comes out otherwise, is said where it stands; docs/migration-keepalived.md has more.\n");
	for (const struct remark *m = r->remarks; m; m = m->next) {
		struct stanza *where = arena__alloc(im->arena, sizeof(*where));

		where->file = m->file;
		where->line = m->line;
		out__note(im, where, IMPORT_NOTED, "%s", m->text);
	}
	top(im);
	interfaces(im);
	translate__bfd(im);
	translate__vrrp(im);
	translate__alerts(im);
	translate__servers(im);
	out__finish(im, out);
	sort_notes(out);
}

static int import(const char *name, const char *text, size_t len, const struct import_options *o,
		  struct import_result *out, struct err *err)
{
	struct stanza *root = arena__alloc(&out->arena, sizeof(*root));
	struct import_reader r = {
		.arena = &out->arena,
		.config_id = o->config_id,
		.includes = o->includes,
		.max = o->lines ? o->lines : 100000,
		.builder = {.arena = &out->arena, .at = root},
		.file = name,
		.err = err,
	};
	struct import im = {.arena = &out->arena, .options = o, .root = root};
	int rc = text ? reader__text(&r, name, text, len) : reader__file(&r, name);

	rc = rc ? rc : tree__end(&r.builder, err);
	if (rc)
		return rc;
	if (!root->kids)
		return err__set(err, -EINVAL, "%s has nothing to import: it is empty", name);
	translate(&im, &r, out);
	return 0;
}

int import__file(const char *path, const struct import_options *o, struct import_result *out,
		 struct err *err)
{
	return import(path, NULL, 0, o, out, err);
}

int import__text(const char *name, const char *text, size_t len, const struct import_options *o,
		 struct import_result *out, struct err *err)
{
	return import(name, text, len, o, out, err);
}

void import_result__free(struct import_result *r)
{
	arena__free(&r->arena);
	memset(r, 0, sizeof(*r));
}
