/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import_result.h - a text of keepalived's that is imported, and what was said of it. */
#ifndef FAIRLEAD_TESTS_UNIT_IMPORT_RESULT_H
#define FAIRLEAD_TESTS_UNIT_IMPORT_RESULT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "config/config.h"
#include "import/import.h"

static const struct import_options options = {.config_id = "lb1"};

/* Imports a text, whose result must load; returns it. */
static struct config *import(const char *text, struct import_result *r)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	struct err err = {0};
	char line[1024];

	memset(r, 0, sizeof(*r));
	if (import__text("k.conf", text, strlen(text), &options, r, &err))
		fail_msg("%s", err.text);
	if (r->unloadable)
		print_error("%s\n%s", r->unloadable, r->yaml);
	assert_null(r->unloadable);
	if (config__parse("result", r->yaml, strlen(r->yaml), &c, &problems))
		print_error("%s\n%s", config_problems__format(&problems, 0, line, sizeof(line)),
			    r->yaml);
	assert_non_null(c);
	config_problems__free(&problems);
	return c;
}

static inline const struct import_note *note(const struct import_result *r, unsigned int line,
					     const char *keyword)
{
	for (const struct import_note *n = r->notes; n; n = n->next)
		if (n->line == line && !strncmp(n->text, keyword, strlen(keyword)))
			return n;
	return NULL;
}

/* What was said of a line, by its fate and a part of the sentence. */
static void says(const struct import_result *r, unsigned int line, enum import_fate fate,
		 const char *part)
{
	for (const struct import_note *n = r->notes; n; n = n->next)
		if (n->line == line && n->fate == fate && strstr(n->text, part))
			return;
	fail_msg("nothing said of line %u is \"%s\"; of the result:\n%s", line, part, r->yaml);
}

#endif
