/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/reader.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/words.h"

#define MAX_DEPTH 32
#define MAX_LINE 65536 /* bytes */
#define MAX_BYTES (16UL << 20) /* of lines in which something was replaced */
#define MAX_REPLACED 500 /* parameters of a line, those in their values included */
#define MAX_TIMES 4096 /* that a line is repeated by one ~SEQ */
#define MAX_ARGUMENTS 129 /* of ~LST, the variable's name included */
#define ARGUMENT_LEN 128 /* with its NUL */

static int process(struct import_reader *r, const char *text);

void reader__remark(struct import_reader *r, const char *fmt, ...)
{
	struct remark *m = arena__alloc(r->arena, sizeof(*m));
	va_list ap;

	va_start(ap, fmt);
	m->text = arena__vprintf(r->arena, fmt, ap);
	va_end(ap);
	for (struct remark *old = r->remarks; old; old = old->next)
		if (!strcmp(old->text, m->text))
			return;
	m->file = r->file;
	m->line = r->line;
	if (r->last_remark)
		r->last_remark->next = m;
	else
		r->remarks = m;
	r->last_remark = m;
}

static int too_much(struct import_reader *r)
{
	return err__set(r->err, -E2BIG,
			"%s:%u: definitions and sequences come to too much here: does one contain "
			"itself?",
			r->file, r->line);
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t\r\n\v\f");
}

/* What follows "@WORD " or "@^WORD ", or NULL: the line is for another machine. */
static const char *conditional(struct import_reader *r, const char *text)
{
	bool not = text[1] == '^';
	const char *word = text + 1 + not, *end = word + strcspn(word, " \t\r\n\v\f");
	size_t len = (size_t)(end - word);
	bool same = strlen(r->config_id) == len && !memcmp(word, r->config_id, len);

	if (same != not )
		return end;
	reader__remark(r,
		       "lines that begin with %.*s are not for the machine '%s': to get that "
		       "of another one, import with --config-id",
		       (int)(end - text), text, r->config_id);
	return NULL;
}

/* The arguments of "~SEQ(…)": texts between commas, those in braces being one. Returns what follows ')', or NULL. */
static const char *read_arguments(const char *at, char list[][ARGUMENT_LEN], size_t max, size_t *n)
{
	size_t len = 0, depth = 0;

	for (*n = 0; *n < max; at++) {
		if (!*at)
			return NULL;
		if (!depth && (*at == ',' || *at == ')')) {
			list[*n][len] = '\0';
			++*n;
			len = 0;
			if (*at == ')')
				return at + 1;
		} else if (!isspace((unsigned char)*at)) {
			depth += *at == '{';
			depth -= depth && *at == '}';
			if (len == ARGUMENT_LEN - 1)
				return NULL;
			list[*n][len++] = *at;
		}
	}
	return NULL;
}

static int again(struct import_reader *r, const char *rest)
{
	int rc;

	if (++r->depth > MAX_DEPTH)
		return too_much(r);
	rc = process(r, rest);
	r->depth--;
	return rc;
}

/* ~SEQ(VAR, START, STEP, END): STEP and START may be missing. */
static int sequence(struct import_reader *r, char list[][ARGUMENT_LEN], size_t n, bool hex,
		    const char *rest)
{
	long end = strtol(list[n - 1], NULL, 0);
	long start = n > 2 ? strtol(list[1], NULL, 0) : end < 0 ? -1 : 1;
	long step = n > 3 ? strtol(list[2], NULL, 0) : end < start ? -1 : 1;
	int rc = 0;

	if (!step || labs(start) > INT32_MAX || labs(end) > INT32_MAX || labs(step) > INT32_MAX ||
	    (end - start) / step > MAX_TIMES)
		return too_much(r);
	for (long i = start; !rc && (step > 0 ? i <= end : i >= end); i += step) {
		char value[32];

		if (hex)
			snprintf(value, sizeof(value), "%lx", (unsigned long)i);
		else
			snprintf(value, sizeof(value), "%ld", i);
		define__set(r, list[0], strlen(list[0]), value);
		rc = again(r, rest);
	}
	return rc;
}

/* "{a,b}" and "{1,2}": a becomes 1, b becomes 2; without braces there is one of each. */
static void define_pairs(struct import_reader *r, const char *names, const char *values)
{
	names += *names == '{';
	values += *values == '{';
	while (*names && *names != '}') {
		size_t name = strcspn(names, ",}"), value = strcspn(values, ",}");

		define__set(r, names, name, arena__copy(r->arena, values, value));
		names += name + (names[name] == ',');
		values += value + (values[value] == ',');
	}
}

static int repeat(struct import_reader *r, const char *text)
{
	bool list = !strncmp(text, "~LST", 4), hex = !strncmp(text, "~SEQx", 5);
	const char *at = skip_blanks(text + 4 + hex), *rest;
	char words[MAX_ARGUMENTS][ARGUMENT_LEN];
	size_t n = 0;
	int rc = 0;

	rest = *at == '(' ? read_arguments(at + 1, words, list ? MAX_ARGUMENTS : 4, &n) : NULL;
	if (!rest || n < 2)
		return err__set(r->err, -EINVAL,
				"%s:%u: '%.20s' is not as in ~SEQ(VAR, 1, 10) or ~LST(VAR, a, b)",
				r->file, r->line, text);
	if (!list)
		return sequence(r, words, n, hex, rest);
	for (size_t i = 1; !rc && i < n; i++) {
		define_pairs(r, words[0], words[i]);
		rc = again(r, rest);
	}
	return rc;
}

/* A value of several lines has come in: each is a line of its own. */
static int process_lines(struct import_reader *r, const char *text)
{
	int rc = 0;

	while (!rc && *text) {
		size_t len = strcspn(text, "\n");

		rc = again(r, arena__copy(r->arena, text, len));
		text += len + (text[len] == '\n');
	}
	return rc;
}

static void define(struct import_reader *r, const char *text, size_t len)
{
	const char *value = text + 1 + len + 1;

	value += strspn(value, " \t");
	value += *value == '\n';
	define__set(r, text + 1, len, value);
}

static int process(struct import_reader *r, const char *text)
{
	if (++r->produced > r->max)
		return too_much(r);
	for (int i = 0; i < MAX_REPLACED && strlen(text) <= MAX_LINE; i++) {
		size_t name;

		text = skip_blanks(text);
		if (*text == '@') {
			text = conditional(r, text);
			if (!text)
				return 0;
			continue;
		}
		if (!strncmp(text, "~SEQ", 4) || !strncmp(text, "~LST", 4))
			return repeat(r, text);
		name = define__name(text);
		if (name) {
			define(r, text, name);
			return 0;
		}
		if (strchr(text, '\n'))
			return process_lines(r, text);
		{
			const char *next = define__replace(r, text);

			if (!next)
				return words__split(&r->builder, r->file, r->line, text, r->err);
			r->replaced += strlen(next);
			if (r->replaced > MAX_BYTES)
				return too_much(r);
			text = next;
		}
	}
	return too_much(r);
}

static int include(struct import_reader *r, const char *pattern)
{
	const char *slash = strrchr(r->file, '/');
	const char *path = pattern;
	glob_t g = {0};
	int rc = 0;

	if (*pattern != '/' && slash)
		path = arena__printf(r->arena, "%.*s/%s", (int)(slash - r->file), r->file, pattern);
	if (!r->includes || glob(path, GLOB_BRACE, NULL, &g) || !g.gl_pathc) {
		reader__remark(r, "the file to include, %s, is not there", path);
		globfree(&g);
		return 0;
	}
	if (++r->depth > MAX_DEPTH)
		rc = too_much(r);
	for (size_t i = 0; !rc && i < g.gl_pathc; i++)
		rc = reader__file(r, arena__copy(r->arena, g.gl_pathv[i], strlen(g.gl_pathv[i])));
	globfree(&g);
	if (!rc)
		r->depth--;
	return rc;
}

/* The file name of "include NAME" and its kin, or NULL. */
static const char *included(const char *text)
{
	const char *end = text + strcspn(text, " \t");

	if (strncmp(text, "include", 7) != 0 || end - text > 8 || !*end ||
	    (end - text == 8 && !strchr("rmwba", text[7])))
		return NULL;
	return skip_blanks(end);
}

/* Whether the line goes on with the next: only definitions do. */
static bool goes_on(const char *line)
{
	size_t len = strlen(line);
	const char *at = skip_blanks(line);

	if (!len || line[len - 1] != '\\')
		return false;
	if (*at == '@')
		at = skip_blanks(at + strcspn(at, " \t"));
	return define__name(at) > 0;
}

static int read_lines(struct import_reader *r, FILE *f)
{
	char *line = NULL, *whole = NULL;
	size_t size = 0;
	unsigned int n = 0;
	int rc = 0;

	while (!rc && getline(&line, &size, f) >= 0) {
		const char *file;

		n++;
		words__strip(line);
		if (strlen(line) > MAX_LINE || (whole && strlen(whole) > MAX_LINE)) {
			rc = too_much(r);
			break;
		}
		if (!whole)
			r->line = n;
		if (whole || goes_on(line)) {
			size_t len = strlen(line);
			bool more = len && line[len - 1] == '\\';

			whole = arena__printf(r->arena, "%s%s%.*s", whole ? whole : "",
					      whole ? "\n" : "", (int)(len - more), line);
			if (more)
				continue;
		}
		file = whole ? NULL : included(skip_blanks(line));
		rc = file ? include(r, file) : process(r, whole ? whole : line);
		whole = NULL;
	}
	free(line);
	return rc;
}

static int read_stream(struct import_reader *r, const char *name, FILE *f)
{
	const char *file = r->file;
	unsigned int line = r->line;
	int rc;

	r->file = name;
	r->line = 0;
	rc = read_lines(r, f);
	r->file = file;
	r->line = line;
	fclose(f);
	return rc;
}

int reader__file(struct import_reader *r, const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return err__set(r->err, -errno, "cannot open %s: %s", path, strerror(errno));
	return read_stream(r, path, f);
}

int reader__text(struct import_reader *r, const char *name, const char *text, size_t len)
{
	FILE *f = fmemopen((void *)text, len, "r");

	if (!f)
		return err__set(r->err, -errno, "cannot read %s: %s", name, strerror(errno));
	return read_stream(r, name, f);
}
