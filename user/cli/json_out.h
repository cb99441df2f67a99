/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json_out.h - what --json prints: one document, or one a line. docs/api.md has the shape of each. */
#ifndef FAIRLEAD_CLI_JSON_OUT_H
#define FAIRLEAD_CLI_JSON_OUT_H

#include <jansson.h>

/* The document on standard output, over several lines. */
void json_out__print(const json_t *document);

/* A string from a file or a terminal, for a document (RFC 8259, 8.1): what is not UTF-8 becomes '?'. NULL: out of memory. */
json_t *json_out__text(const char *text);

#endif
