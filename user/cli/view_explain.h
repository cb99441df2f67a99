/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_explain.h - what would become of a packet (POST /v1/explain), in words. */
#ifndef FAIRLEAD_CLI_VIEW_EXPLAIN_H
#define FAIRLEAD_CLI_VIEW_EXPLAIN_H

#include <jansson.h>
#include <stdio.h>

/* All of it, a page. */
void view_explain__print(const json_t *answer, FILE *out);

/* Packet `number` of a file, in one line. */
void view_explain__line(const json_t *answer, size_t number, FILE *out);

#endif
