/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_json.h - members of the status document; what is missing reads as "-" or 0. */
#ifndef FAIRLEAD_CLI_VIEW_JSON_H
#define FAIRLEAD_CLI_VIEW_JSON_H

#include <jansson.h>

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

#endif
