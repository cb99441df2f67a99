/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/json_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

void json_out__print(const json_t *document)
{
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
}

json_t *json_out__text(const char *text)
{
	char *plain = strdup(text), *p = plain;
	json_t *out;

	while (p && *p) {
		size_t n = utf8__len(p);

		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
	out = plain ? json_string(plain) : NULL;
	free(plain);
	return out;
}
