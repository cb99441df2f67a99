/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * template.h - a JSON text with places for values, "{name}".
 *
 * Inside a string of the JSON a place gets the value's characters, escaped; elsewhere it gets a JSON value: the
 * quoted text, the number, or null. So a value can't end the string that it stands in, whatever it holds.
 */
#ifndef FAIRLEAD_CONFIG_TEMPLATE_H
#define FAIRLEAD_CONFIG_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

struct template_value {
	const char *name; /* lower-case letters and "_" */
	const char *text; /* UTF-8; NULL: there is none */
	bool number; /* `text` is digits, and no string of JSON */
};

/*
 * The text with the values in their places, malloc'd, *len bytes and a NUL. NULL: out of memory, or a place
 * that no value has, which template__check() refuses.
 */
char *template__render(const char *text, const struct template_value *values, size_t n,
		       size_t *len);

/*
 * Whether it can be rendered with any values of those names, and is JSON then. 0; -EINVAL and what is wrong,
 * as after the name of what holds the text: "has a place {x}, …"; -ENOMEM.
 */
int template__check(const char *text, const struct template_value *values, size_t n,
		    struct err *err);

#endif
