/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_text.h - what `fairlead report` shows: as text and as a page. */
#ifndef FAIRLEAD_CLI_REPORT_TEXT_H
#define FAIRLEAD_CLI_REPORT_TEXT_H

#include <jansson.h>
#include <stdio.h>

#define REPORT_TEXT_LEN 32 /* bytes that any of these needs at most */

/*
 * Percent of a report with four decimals, "-" for null. Rounded down, so that 100% is what was never
 * down.
 */
const char *report_text__percent(const json_t *window, char *buf);
/* "3.2"; "all" if it was never down, "-" if nothing is known. */
const char *report_text__nines(const json_t *window, char *buf);
/* "0", "350ms", "12.4s", "3m12s", "2d3h"; with a minus in front. */
const char *report_text__span(double seconds, char *buf);

double report_text__number(const json_t *window, const char *key);
const char *report_text__string(const json_t *object, const char *key);

/* The whole report, self-contained: no script, nothing from elsewhere. */
void report_html__print(const json_t *report, FILE *out);

#endif
