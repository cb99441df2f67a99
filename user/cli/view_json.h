/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_json.h - members of the agent's answers; what is missing reads as "-", as "" or as 0. */
#ifndef FAIRLEAD_CLI_VIEW_JSON_H
#define FAIRLEAD_CLI_VIEW_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"

static inline const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static inline const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A member between two texts on standard output; nothing where it is missing. */
static inline void print_word(const json_t *object, const char *key, const char *before,
			      const char *after)
{
	const char *text = text_of(object, key);

	if (!*text)
		return;
	fputs(before, stdout);
	cli__print_text(stdout, text);
	fputs(after, stdout);
}

static inline double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static inline json_int_t integer_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

#endif
