/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view_parts.h - what the view_*.c share, and what each of them prints.
 *
 * A document of another version may lack a member: what is missing reads as 0 or "-".
 */
#ifndef FAIRLEAD_CLI_VIEW_PARTS_H
#define FAIRLEAD_CLI_VIEW_PARTS_H

#include <jansson.h>
#include <stdio.h>
#include <time.h>

static inline const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static inline double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static inline json_int_t integer_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Other agents: a line each, then how they differ. */
void view_peers__print(const json_t *status, time_t now, FILE *out);

#endif
